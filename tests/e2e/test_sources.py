"""Each place where models live, on a real server: from its URI to the predictions of the library that trained it."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from digits.cluster import Manifest, wait_for
from digits.model_deployment import ModelDeployment
from tests.support.e2e import artifacts, mlflow_models
from tests.support.e2e.access import credentials, trust
from tests.support.e2e.artifacts import Artifact
from tests.support.e2e.case import Case
from tests.support.e2e.hub import COMMIT
from tests.support.e2e.mlflow_models import Published
from tests.support.e2e.predictions import assert_predicts
from tests.support.e2e.sources import READER, Sources, docker_config
from tests.support.sources.pushing import OCI_LAYER, tar

MIB = 1 << 20
BALLAST = 8 * MIB
# Of headers, encryption, and what is on its way when a connection is cut.
SLACK = 2 * MIB
LISTINGS = MIB // 16
HUGE = 10 << 30
BY_TIME_ALONE = {"steps": [{"weight": 50, "hold": "4s"}], "drain": "5s", "analysis": {"provider": "None"}}


def assert_serves(case: Case, artifact: Artifact, **model: object) -> Manifest:
    """Serve an artifact from where it is, compare what it predicts, and return the status."""
    status = case.apply(model={"format": artifact.format, **model}).wait_until_ready()
    assert_predicts(case, artifact)
    assert status["stable"]["provenance"]["digest"].startswith("sha256:")
    return status


def heavy_program() -> Artifact:
    """Return a model whose archive is large enough to count what is sent of it."""
    program = artifacts.python_program()
    return replace(program, files={**program.files, "ballast.bin": os.urandom(BALLAST)})


def test_s3_folder_beside_one_whose_name_begins_the_same(case: Case, sources: Sources) -> None:
    model = artifacts.python_program()
    other = {f"models/70/{name}": content for name, content in {**model.files, "factor.py": b"FACTOR = 7\n"}.items()}
    bucket = sources.on_s3({**{f"models/7/{name}": content for name, content in model.files.items()}, **other})
    secret = credentials(case, **sources.s3.reader.environment)
    assert_serves(case, model, uri=f"{bucket}/models/7/", endpoint=sources.s3.url, credentials=secret)


def test_gs_object(case: Case, sources: Sources) -> None:
    model = artifacts.xgboost_regressor()
    bucket = sources.on_gcs({"widths/model.ubj": model.files["model.ubj"]})
    assert_serves(case, model, uri=f"{bucket}/widths/model.ubj", endpoint=sources.gcs.url)


def test_azure_folder_with_path(case: Case, sources: Sources) -> None:
    model = artifacts.lightgbm_regressor()
    container = sources.on_azure({"widths/7/model.lgb": model.files["model.lgb"], "widths/7/notes.txt": b"notes"})
    secret = credentials(case, AZURE_STORAGE_ACCESS_KEY=sources.azure.KEY)
    uri, path = f"{container}/widths/7", "model.lgb"
    assert_serves(case, model, uri=uri, path=path, endpoint=sources.azure.url, credentials=secret)


def test_hf_model_at_the_commit_of_its_branch(case: Case, sources: Sources) -> None:
    model = artifacts.onnx_classifier()
    uri = sources.on_hub(sources.hub, {"README.md": b"# Flowers", "onnx/model.onnx": model.files["model.onnx"]})
    status = assert_serves(case, model, uri=uri, path="onnx/model.onnx", endpoint=sources.hub.url)
    assert status["resolution"]["resolvedUri"] == status["stable"]["modelUri"] == f"{uri}:{COMMIT}"


def test_https_download_goes_on_where_it_was_interrupted(case: Case, sources: Sources) -> None:
    model = heavy_program()
    uri = sources.on_web("program.tar.gz", model.archive())
    before, connections = sources.web.sent, sources.web.connections
    sources.web.interrupt(after=2 * MIB, times=3)
    assert_serves(case, model, uri=uri, caBundle=trust(case, sources.web.authority.certificate))
    assert sources.web.connections - connections >= 4
    assert BALLAST <= sources.web.sent - before <= BALLAST + SLACK


def test_oci_artifact_by_tag(case: Case, sources: Sources) -> None:
    model = artifacts.sklearn_regressor()
    pusher = sources.pusher()
    file = pusher.layer(
        model.files["model.pkl"], "application/octet-stream", **{"org.opencontainers.image.title": "model.pkl"}
    )
    digest = pusher.manifest("stable", file)
    assert_serves_image(case, sources, model, pusher.uri("stable"), digest, username=READER[0], password=READER[1])


def test_oci_image_with_models_by_tag(case: Case, sources: Sources) -> None:
    model = artifacts.python_program()
    pusher = sources.pusher()
    layer = pusher.layer(tar({f"models/{name}": content for name, content in model.files.items()}), OCI_LAYER)
    digest = pusher.manifest("stable", layer)
    login = {".dockerconfigjson": docker_config(sources.registry.host, *READER)}
    assert_serves_image(case, sources, model, pusher.uri("stable"), digest, **login)


def assert_serves_image(case: Case, sources: Sources, model: Artifact, uri: str, digest: str, **secret: str) -> None:
    authority = trust(case, sources.registry.authority.certificate)
    status = assert_serves(case, model, uri=uri, caBundle=authority, credentials=credentials(case, **secret))
    assert status["resolution"]["resolvedUri"] == f"{uri.removesuffix(':stable')}@{digest}"


@pytest.mark.long
def test_mlflow_run(case: Case, sources: Sources) -> None:
    model = mlflow_models.regression(3)
    published = mlflow_models.publish(sources.mlflow, case.namespace, model)
    status = assert_serves(case, model, uri=f"runs:/{published.run}/model", **registry_access(case, sources))
    assert_provenance(status["stable"], published, f"runs:/{published.run}/model")


@pytest.mark.long
def test_a_moved_mlflow_alias_is_rolled_out(case: Case, sources: Sources) -> None:
    """With provenance of each version, and tags in the registry that tell which of them serves."""
    models = {version: mlflow_models.regression(strength) for version, strength in (("1", 0.5), ("2", 20))}
    first = publish_champion(case, sources, models["1"])
    spec = {
        "uri": f"models:/{first.name}@champion",
        "format": "sklearn",
        "refresh": "10s",
        "tagRegistry": True,
        **registry_access(case, sources),
    }
    served = case.apply(model=spec, rollout=BY_TIME_ALONE)
    status = served.wait_until_ready()
    assert_provenance(status["stable"], first, uri(first))
    assert_predicts(case, models["1"])
    wait_for_tag(case, sources, first, "serving")

    second = publish_champion(case, sources, models["2"])
    status = served.wait_for("version 2 is stable", lambda seen: (seen.get("stable") or {})["modelUri"] == uri(second))
    assert_provenance(status["stable"], second, uri(second))
    served.wait_until_ready()
    assert_predicts(case, models["2"])
    assert [one["modelUri"] for one in history(served)] == [uri(second), uri(first)]
    wait_for_tag(case, sources, second, "serving")
    wait_for_tag(case, sources, first, "served until ")


def registry_access(case: Case, sources: Sources) -> Manifest:
    """Return the fields by which MLflow is reached, as somebody who may write tags."""
    user, password = sources.mlflow.ADMIN
    secret = credentials(case, MLFLOW_TRACKING_USERNAME=user, MLFLOW_TRACKING_PASSWORD=password)
    return {"endpoint": sources.mlflow.url, "credentials": secret}


def publish_champion(case: Case, sources: Sources, model: Artifact) -> Published:
    published = mlflow_models.publish(sources.mlflow, case.namespace, model)
    mlflow_models.set_alias(sources.mlflow, published, "champion")
    return published


def uri(published: Published) -> str:
    return f"models:/{published.name}/{published.version}"


def assert_provenance(revision: Manifest, published: Published, fetched: str) -> None:
    told = revision["provenance"]
    dataset, version = mlflow_models.DATASET
    assert revision["modelUri"] == fetched
    assert (told["run"], told["commit"]) == (published.run, mlflow_models.COMMIT)
    assert (told["dataset"], told["datasetVersion"]) == (dataset, version)
    assert told["repository"] == mlflow_models.REPOSITORY
    assert told["signature"] == "inputs: length double; outputs: width double"


def wait_for_tag(case: Case, sources: Sources, published: Published, value: str) -> None:
    key = f"nereid.dev/{case.namespace}.digits"
    wait_for(
        f"the registry says of {uri(published)}: {value}",
        lambda: mlflow_models.tags_of(sources.mlflow, published).get(key, "").startswith(value),
        seconds=90,
        seen=lambda: str(mlflow_models.tags_of(sources.mlflow, published)),
    )


def history(served: ModelDeployment) -> list[Manifest]:
    """Return what `nereid history` tells, newest first."""
    command = [sys.executable, "-m", "nereid", "history", served.name, "--namespace", served.namespace, "-o", "json"]
    environment = {**os.environ, "KUBECONFIG": str(served.cluster.kubeconfig)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    revisions: list[Manifest] = json.loads(told)
    return revisions


def test_a_cached_model_is_not_downloaded_again(case: Case, sources: Sources) -> None:
    model = heavy_program()
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
    volume = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "cache"}, "spec": claim}
    case.cluster.apply(volume, namespace=case.namespace)
    spec = {
        "uri": f"{sources.on_s3({f'7/{name}': content for name, content in model.files.items()})}/7",
        "format": model.format,
        "endpoint": f"http://{sources.s3.address}:{sources.counted.port}",
        "credentials": credentials(case, **sources.s3.reader.environment),
        "cache": {"claim": "cache", "limit": "48Mi"},
    }
    first = case.apply("first", model=spec)
    first.wait_until_ready()
    before = sources.counted.sent
    assert before >= BALLAST

    case.cluster.kubectl("scale", "mdep", "first", "--replicas=2", namespace=case.namespace)
    case.apply("second", model=spec).wait_until_ready()
    first.wait_for("both pods are ready", lambda seen: seen["stable"]["readyReplicas"] == 2)
    assert_predicts(case, model, "second")
    assert sources.counted.sent - before <= LISTINGS
    assert sorted(was_cached(case)) == [False, True, True]


def was_cached(case: Case) -> list[bool]:
    """Return of each pod whether its model came from the cache, as the container that fetched it tells."""
    pods = case.cluster.list("Pod", case.namespace, "nereid.dev/revision")
    return [bool(json.loads(fetching(pod)["state"]["terminated"]["message"])["cached"]) for pod in pods]


def fetching(pod: Manifest) -> Manifest:
    """Return the status of the container that fetches a pod's model; empty while there is none."""
    found = pod.get("status", {}).get("initContainerStatuses") or []
    return next((container for container in found if container["name"] == "fetch-model"), {})


@pytest.mark.long
def test_a_file_of_10_gb_is_fetched_within_256_mib(case: Case, sources: Sources) -> None:
    model = artifacts.python_program()
    files = {f"digits/1/{name}": content for name, content in model.files.items()}
    uri = sources.on_hub(sources.hub, {**files, "digits/config.pbtxt": b'backend: "python"'})
    weights = sources.hub.folder / uri.removeprefix("hf://") / "digits" / "1" / "weights.bin"
    with weights.open("wb") as file:
        file.truncate(HUGE)  # of zeros, which take no space
    served = case.apply(model={"uri": uri, "format": "triton", "endpoint": sources.hub.url})
    used = memory_of_fetching(case, seconds=900)
    served.wait_until_ready()
    (pod,) = case.cluster.list("Pod", case.namespace, "nereid.dev/revision")
    assert json.loads(fetching(pod)["state"]["terminated"]["message"])["bytes"] > HUGE
    assert fetching(pod)["restartCount"] == 0
    assert 0 < max(used) < 256 * MIB
    assert_predicts(case, model)


def memory_of_fetching(case: Case, seconds: float) -> list[int]:
    """Watch the container that fetches until it has ended well, and return what it was seen to use, in bytes."""
    used: list[int] = []

    def is_over() -> bool:
        used.extend(memory_now(case))
        pods = case.cluster.list("Pod", case.namespace, "nereid.dev/revision")
        ends = [fetching(pod).get("state", {}).get("terminated") or {} for pod in pods]
        return any(end.get("exitCode") == 0 for end in ends)

    wait_for("the model is there", is_over, seconds=seconds, seen=lambda: f"{used[-3:]} bytes were used")
    return used


def memory_now(case: Case) -> list[int]:
    """Return the memory of the container that fetches, without what the kernel keeps of files, as its node tells."""
    node = case.cluster.list("Node")[0]["metadata"]["name"]
    summary = json.loads(case.cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    pods = [pod for pod in summary["pods"] if pod["podRef"]["namespace"] == case.namespace]
    containers = [container for pod in pods for container in pod.get("containers", [])]
    return [one["memory"]["rssBytes"] for one in containers if one["name"] == "fetch-model" and "memory" in one]
