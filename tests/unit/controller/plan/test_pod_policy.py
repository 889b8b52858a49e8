"""What whoever installed the operator allows of `spec.runtime`, and what a spec's author is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from tests.support.scenario import URI

from nereid.api.identity import Owner
from nereid.api.runtime import RuntimeSpec
from nereid.controller.build.pod import pod_template
from nereid.controller.plan.pod_policy import ISTIO_ANNOTATIONS, ISTIO_LABELS, refusal, repository_of
from nereid.controller.plan.pod_security import excess
from nereid.controller.plan.reading import read_spec
from nereid.controller.plan.settings import Settings

ROOT = Path(__file__).parents[4]
EXAMPLES = [*sorted((ROOT / "examples").glob("*.yaml")), *sorted((ROOT / "tests" / "golden").glob("*/in.yaml"))]
SECRET = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


def told(runtime: dict[str, Any], **settings: Any) -> str | None:
    return refusal(RuntimeSpec.model_validate(runtime), Settings(**settings))


def patch(spec: dict[str, Any] | None = None, **metadata: dict[str, Any]) -> dict[str, Any]:
    return {"podTemplate": {"metadata": metadata, "spec": spec or {}}}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_defaults_allow_all_examples(file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text()):
        if document and document.get("kind") == "ModelDeployment":
            assert told(document["spec"].get("runtime", {})) is None


@pytest.mark.parametrize(
    "runtime",
    [
        {},
        {"gpu": {"mig": "1g.10gb", "product": ["NVIDIA-L4"]}, "resources": {"limits": {"memory": "1Gi"}}},
        {"serviceAccountName": "reader", "image": "r.example.com/t:1", "priorityClassName": "serving"},
        patch({"containers": [{"name": "agent", "image": "r.example.com/a:1"}], "hostNetwork": False}),
        patch({"volumes": [{"name": "models", "hostPath": {"path": "/"}}]}),
        patch({"containers": [{"name": "triton", "securityContext": {"runAsUser": 0}}]}),
    ],
)
def test_what_is_judged_is_the_pod_that_is_made(runtime: dict[str, Any]) -> None:
    """The outline that is judged and the template that is built must not drift apart."""
    spec = {"model": {"uri": URI}, "runtime": runtime}
    template = pod_template(read_spec(Owner("models", "digits", "1f7c", 3), {}, spec, Settings()).plan, "v1")
    found = excess(template, "restricted")
    assert (found is None) == (told(runtime) is None)
    assert found is None or found.field in str(told(runtime))
    for part, own in (("labels", ISTIO_LABELS), ("annotations", ISTIO_ANNOTATIONS)):
        given = {key: value for key, value in template["metadata"][part].items() if "sidecar.istio.io/" in key}
        assert given == own


def test_the_level_is_named_and_which_one_allows_the_field() -> None:
    found = told(patch({"hostNetwork": True}), pod_security="baseline")
    assert found == (
        "spec.runtime.podTemplate: spec.hostNetwork is more than this operator allows (Helm value models.podSecurity "
        "is baseline): remove it, or ask whoever installed the operator for privileged"
    )
    assert told(patch({"hostNetwork": True}), pod_security="privileged") is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"sidecar.istio.io/inject": "false"}},
        {"labels": {"istio.io/rev": "canary"}},
        {"labels": {"ambient.istio.io/redirection": "disabled"}},
        {"annotations": {"sidecar.istio.io/inject": "false"}},
        {"annotations": {"sidecar.istio.io/nativeSidecar": None}},
        {"annotations": {"sidecar.istio.io/bootstrapOverride": "mine"}},
        {"annotations": {"traffic.sidecar.istio.io/excludeInboundPorts": "8000"}},
        {"annotations": {"proxy.istio.io/config": "{}"}},
        {"annotations": {"inject.istio.io/templates": "mine"}},
        {"annotations": {"$patch": "replace", "team": "vision"}},
    ],
)
def test_the_sidecar_is_the_operators(metadata: dict[str, Any]) -> None:
    found = told(patch(**metadata), pod_security="privileged") or ""
    assert found.startswith("spec.runtime.podTemplate: metadata.")
    assert "istio.io/" in found


def test_some_of_istios_annotations_may_be_set_and_more_may_be_allowed() -> None:
    assert told(patch(annotations={"sidecar.istio.io/proxyCPU": "100m", "example.com/istio.io": "x"})) is None
    revision = patch(labels={"istio.io/rev": "canary"})
    assert "models.allowed.istioMetadata" in str(told(revision))
    assert told(revision, allowed_istio_metadata="istio.io/rev") is None
    ports = patch(annotations={"traffic.sidecar.istio.io/excludeOutboundPorts": "443"})
    assert told(ports, allowed_istio_metadata="istio.io/rev, traffic.sidecar.istio.io/*") is None
    # Whatever is allowed, a revision without a sidecar cannot be counted or routed to.
    assert told(patch(labels={"sidecar.istio.io/inject": "false"}), allowed_istio_metadata="*") is not None


@pytest.mark.parametrize("part", ["containers", "initContainers"])
@pytest.mark.parametrize("name", ["istio-proxy", "istio-init", "istio-validation"])
def test_containers_of_istios_names_would_change_the_sidecar(part: str, name: str) -> None:
    spec = {part: [{"name": name, "image": "r.example.com/mine"}]}
    found = str(told(patch(spec), pod_security="privileged"))
    assert found.startswith(f"spec.runtime.podTemplate: spec.{part}[{name}] changes what Istio adds")
    assert "models.allowed.istioMetadata" in found
    assert found.endswith("add sidecar.istio.io/proxyImage")
    assert told(patch(spec), allowed_istio_metadata="sidecar.istio.io/*") is None
    assert told(patch({part: [{"name": "proxy", "image": "r.example.com/mine"}]})) is None


@pytest.mark.parametrize("field", ["runAsUser", "runAsGroup"])
def test_nobody_is_the_sidecars_user_whose_requests_pass_by_it(field: str) -> None:
    context = {"securityContext": {field: 1337}}
    for spec in (
        context,
        {"containers": [{"name": "triton", **context}]},
        {"initContainers": [{"name": "a", **context}]},
    ):
        found = str(told(patch(spec)))
        assert f"securityContext.{field} is 1337" in found
        assert found.endswith("add traffic.sidecar.istio.io/excludeOutboundIPRanges")
        assert told(patch(spec), allowed_istio_metadata="traffic.sidecar.istio.io/*") is None
    assert told(patch({"securityContext": {field: 1338}})) is None


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_a_patch_brings_no_other_service_account(field: str) -> None:
    found = str(told({"serviceAccountName": "reader", **patch({field: "admin"})}))
    assert found.startswith(f"spec.runtime.podTemplate: spec.{field} is another than")
    assert "spec.runtime.serviceAccountName: set admin there" in found
    assert told({"serviceAccountName": "reader", **patch({field: "reader"})}) is None
    assert told(patch({field: "admin"}), allowed_service_accounts="reader,admin") is None


def test_service_accounts_may_be_listed() -> None:
    allowed = {"allowed_service_accounts": "reader,writer"}
    assert told({"serviceAccountName": "admin"}, **allowed) == (
        "spec.runtime.serviceAccountName: admin is not allowed on this operator (Helm value "
        "models.allowed.serviceAccounts): choose one of reader, writer"
    )
    assert told({"serviceAccountName": "reader"}, **allowed) is None
    assert told({}, **allowed) is None
    assert told({"serviceAccountName": "admin"}) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"automountServiceAccountToken": True},
        {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
    ],
)
def test_tokens_of_the_cluster_stay_out_of_the_pods(spec: dict[str, Any]) -> None:
    assert "models.allowed.serviceAccountTokens" in str(told(patch(spec)))
    assert told(patch(spec), allowed_service_account_tokens=True) is None


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.27", "docker.io/library/nginx"),
        ("team/server@sha256:00", "docker.io/team/server"),
        ("index.docker.io/nginx:1", "docker.io/library/nginx"),
        ("localhost/x:1", "localhost/x"),
        ("registry:5000/a/b:1@sha256:00", "registry:5000/a/b"),
        ("nvcr.io/nvidia/tritonserver:25.08-py3", "nvcr.io/nvidia/tritonserver"),
    ],
)
def test_an_images_repository(image: str, repository: str) -> None:
    assert repository_of(image) == repository


@pytest.mark.parametrize(
    ("image", "allowed", "passes"),
    [
        ("r.example.com/ml/triton:1", "r.example.com/ml/*", True),
        ("r.example.com/ml/triton:1", "r.example.com/ml/triton", True),
        ("r.example.com/mlx/triton:1", "r.example.com/ml/*", False),
        ("r.example.com/ml:1", "r.example.com/ml/*", False),
        ("r.example.com/any/thing@sha256:00", "r.example.com/*", True),
        ("r.example.com.evil.net/ml/triton", "r.example.com/*", False),
        ("team/server:2", "docker.io/*", True),
        ("team/server:2", "team/*", True),
        ("other/server:2", "team/*", False),
        ("docker.io/local/triton:2.51", "r.example.com/*, local/triton", True),
    ],
)
def test_images_may_be_listed(image: str, allowed: str, passes: bool) -> None:  # noqa: FBT001
    runtime = {"image": image}
    assert (told(runtime, allowed_images=allowed) is None) == passes
    beside = patch({"initContainers": [{"name": "wait", "image": image}]})
    assert (told(beside, allowed_images=allowed) is None) == passes
    volume = patch({"volumes": [{"name": "words", "image": {"reference": image}}]})
    assert (told(volume, allowed_images=allowed) is None) == passes
    assert told(runtime) is None


def test_where_images_are_listed_the_operators_own_may_be_named_and_the_field_is_told() -> None:
    assert told({"image": f"{Settings().triton_image}-mine"}, allowed_images="r.example.com/ml/*") is None
    assert told({}, allowed_images="r.example.com/ml/*") is None
    assert told({"image": "evil/x:1"}, allowed_images="r.example.com/ml/*") == (
        "spec.runtime.image: evil/x:1 is not allowed on this operator (Helm value models.allowed.images): "
        "choose one of r.example.com/ml/*"
    )
    found = told(patch({"containers": [{"name": "a", "image": "evil/x"}]}), allowed_images="r.example.com/ml/*")
    assert str(found).startswith("spec.runtime.podTemplate: spec.containers[a].image: evil/x is not allowed")


def test_priority_classes_may_be_listed() -> None:
    allowed = {"allowed_priority_classes": "serving,batch"}
    assert told({"priorityClassName": "serving"}, **allowed) is None
    assert "choose one of batch, serving" in str(told({"priorityClassName": "system-node-critical"}, **allowed))
    found = told(patch({"priorityClassName": "system-cluster-critical"}), **allowed)
    assert str(found).startswith("spec.runtime.podTemplate: spec.priorityClassName: system-cluster-critical")


@pytest.mark.parametrize(
    ("runtime", "field"),
    [
        ({"nodeSelector": {"pool": "gpu"}}, "spec.runtime.nodeSelector"),
        ({"tolerations": [{"operator": "Exists"}]}, "spec.runtime.tolerations"),
        (patch({"nodeName": "control-plane"}), "spec.runtime.podTemplate: spec.nodeName"),
        (patch({"affinity": {"nodeAffinity": {}}}), "spec.runtime.podTemplate: spec.affinity"),
    ],
)
def test_choosing_nodes_may_be_switched_off(runtime: dict[str, Any], field: str) -> None:
    assert told(runtime) is None
    found = told(runtime, allowed_placement=False)
    assert found == f"{field} is not allowed on this operator (Helm value models.allowed.placement): remove it"
    # A GPU is asked for, not a node.
    assert told({"gpu": {"product": ["NVIDIA-L4"]}}, allowed_placement=False) is None


@pytest.mark.parametrize(
    "runtime",
    [
        {"env": [{"name": "PLAIN", "value": "1"}, {"name": "TOKEN", **SECRET}]},
        patch({"containers": [{"name": "agent", "env": [{"name": "TOKEN", **SECRET}]}]}),
        patch({"containers": [{"name": "triton", "envFrom": [{"secretRef": {"name": "s"}}]}]}),
        patch({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}),
        patch({"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}]}),
        patch({"volumes": [{"name": "v", "csi": {"driver": "x.io", "nodePublishSecretRef": {"name": "s"}}}]}),
        patch({"volumes": [{"name": "v", "csi": {"driver": "secrets-store.csi.k8s.io"}}]}),
        patch({"volumes": [{"name": "v", "csi": {"driver": "secrets-store-gke.csi.k8s.io"}}]}),
    ],
)
def test_secrets_may_be_kept_from_what_serves(runtime: dict[str, Any]) -> None:
    assert told(runtime) is None
    assert "from a Secret is not allowed" in str(told(runtime, allowed_secrets=False))
    storage = patch({"volumes": [{"name": "v", "csi": {"driver": "image.csi.k8s.io"}}]})
    assert told(storage, allowed_secrets=False) is None
    settings = {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
    assert told({"env": [{"name": "REGION", **settings}]}, allowed_secrets=False) is None


@pytest.mark.parametrize(
    "volume",
    [
        {"azureFile": {"secretName": "s", "shareName": "x"}},
        {"cephfs": {"monitors": ["m"], "secretRef": {"name": "s"}}},
        {"flexVolume": {"driver": "x/y", "secretRef": {"name": "s"}}},
    ],
)
def test_secrets_of_storage_that_a_lower_level_allows_count_too(volume: dict[str, Any]) -> None:
    runtime = patch({"volumes": [{"name": "v", **volume}]})
    assert told(runtime, pod_security="privileged") is None
    assert "spec.volumes[v] from a Secret" in str(told(runtime, pod_security="privileged", allowed_secrets=False))


@pytest.mark.parametrize(
    "pattern", ["r.example.com*", "r.example.com", "r.example.com/", "registry:5000", "*", "a/*/b"]
)
def test_a_registry_is_not_mistaken_for_a_repository_of_docker_hub(pattern: str) -> None:
    with pytest.raises(ValidationError, match="is no repository of images"):
        Settings(allowed_images=f"r.example.com/ml/*, {pattern}")


@pytest.mark.parametrize(
    "pattern", ["nginx", "team/server", "r.example.com/*", "registry:5000/a/b", "r.example.com/a/*"]
)
def test_repositories_may_be_listed_as_they_are_written_in_images(pattern: str) -> None:
    assert Settings(allowed_images=pattern).image_repositories == (pattern,)
