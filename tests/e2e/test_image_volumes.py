"""Models in images that the node's runtime mounts, from a registry with accounts and a certificate of its own.

The runtime of the local cluster trusts that registry by a folder, which is there for these cases alone.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from typing import Final
from uuid import uuid4

import pytest
from aiohttp import encode_basic_auth
from digits.cluster import Manifest, cache_folder
from digits.model_deployment import ModelDeployment
from servers.oci import OciRegistry
from tests.support.e2e import artifacts
from tests.support.e2e.access import trust
from tests.support.e2e.artifacts import Artifact
from tests.support.e2e.case import Case
from tests.support.e2e.predictions import assert_predicts
from tests.support.e2e.sources import READER, docker_config
from tests.support.sources.pushing import OCI_LAYER, Pusher, tar

SECONDS: Final = 60
TAG: Final = "stable"
STRANGER: Final = (READER[0], "another")
ABSENT: Final = f"sha256:{'0' * 64}"
TRUSTED: Final = cache_folder() / "cluster" / "certs.d"

pytestmark = [
    pytest.mark.skipif(not TRUSTED.is_dir(), reason="needs the local cluster: its runtime trusts by a folder"),
    pytest.mark.usefixtures("undisturbed"),
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    """A registry of this worker alone, as the node's trust in it ends with the worker's cases."""
    with OciRegistry(tmp_path_factory.mktemp("registry"), accounts=dict([READER])) as server:
        folder = TRUSTED / server.host
        folder.mkdir()
        try:
            shutil.copy(server.authority.certificate, folder / "ca.crt")
            yield server
        finally:
            shutil.rmtree(folder)


def pushed(case: Case, registry: OciRegistry, model: Artifact) -> tuple[str, str]:
    """Push an image with the model below /models, as image builders do; return its repository's URI and its digest."""
    login = {"Authorization": encode_basic_auth(*READER)}
    pusher = Pusher(registry, f"models/m{uuid4().hex}", login)
    files = tar({f"models/{name}": content for name, content in model.files.items()}, compressed=False)
    content = f"sha256:{hashlib.sha256(files).hexdigest()}"
    node = case.cluster.list("Node")[0]["status"]["nodeInfo"]
    described = {
        "architecture": node["architecture"],
        "os": node["operatingSystem"],
        "rootfs": {"type": "layers", "diff_ids": [content]},
    }
    config = pusher.layer(json.dumps(described).encode(), "application/vnd.oci.image.config.v1+json")
    digest = pusher.manifest(TAG, pusher.layer(files, OCI_LAYER.removesuffix("+gzip")), config=config)
    return pusher.uri(TAG).removesuffix(f":{TAG}"), digest


def pull_secret(case: Case, registry: OciRegistry, user: str, password: str) -> Manifest:
    """Make a Secret as the kubelet takes it, and return `spec.model.credentials` that names it."""
    name = f"puller-{uuid4().hex[:8]}"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
    data = {".dockerconfigjson": docker_config(registry.host, user, password)}
    case.cluster.apply(
        {**secret, "type": "kubernetes.io/dockerconfigjson", "stringData": data}, namespace=case.namespace
    )
    return {"secretName": name}


def test_a_model_is_served_from_the_image_that_the_node_mounts(case: Case, registry: OciRegistry) -> None:
    model = artifacts.python_program()
    repository, digest = pushed(case, registry, model)
    spec = {
        "uri": f"{repository}:{TAG}",
        "format": model.format,
        "imageVolume": True,
        "credentials": pull_secret(case, registry, *READER),
        "caBundle": trust(case, registry.authority.certificate),
    }
    status = case.apply(model=spec).wait_until_ready()
    assert_predicts(case, model)
    assert status["stable"]["modelUri"] == f"{repository}@{digest}"
    (pod,) = case.cluster.list("Pod", case.namespace, "nereid.dev/revision")
    references = [volume["image"]["reference"] for volume in pod["spec"]["volumes"] if volume.get("image")]
    assert references == [f"{repository.removeprefix('oci://')}@{digest}"]
    assert_linked(case, pod, model)


def assert_linked(case: Case, pod: Manifest, model: Artifact) -> None:
    """Nothing was fetched: what Triton has are links into the image, which nobody has read to know its digest."""
    found = pod["status"]["initContainerStatuses"]
    (told,) = [one["state"]["terminated"]["message"] for one in found if one["name"] == "fetch-model"]
    size = sum(map(len, model.files.values()))
    assert json.loads(told) == {"digest": None, "bytes": size, "files": len(model.files), "cached": False}
    look = ("exec", pod["metadata"]["name"], "--container=triton", "--", "find", "/models", "-name", "*.py")
    assert case.cluster.kubectl(*look, "-type", "f", namespace=case.namespace) == ""
    assert len(case.cluster.kubectl(*look, "-type", "l", namespace=case.namespace).split()) == len(model.files)


def test_an_image_that_cannot_be_pulled_is_named(case: Case, registry: OciRegistry) -> None:
    """In spite of the kubelet, which tells it of the containers that wait for the volume."""
    repository, digest = pushed(case, registry, artifacts.python_program())
    unknown = unpullable(case, "unknown", f"{repository}@{ABSENT}", pull_secret(case, registry, *READER))
    refused = unpullable(case, "refused", f"{repository}@{digest}", pull_secret(case, registry, *STRANGER))
    assert_named(unknown, f"{repository}@{ABSENT}", "not found")
    assert_named(refused, f"{repository}@{digest}", "401 Unauthorized")


def unpullable(case: Case, name: str, uri: str, secret: Manifest) -> ModelDeployment:
    return case.apply(name, model={"uri": uri, "format": "python", "imageVolume": True, "credentials": secret})


def assert_named(served: ModelDeployment, uri: str, cause: str) -> None:
    told = served.wait_for_condition("Ready", "False", "ImagePullFailed", seconds=SECONDS)["message"]
    reference = uri.removeprefix("oci://")
    assert f"the model's image {reference} cannot be pulled: " in told
    assert cause in told
    assert "docker.io/local/triton" not in told
