"""Bad input: refused with a sentence, or named by a condition with its cause, while everything good goes on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from digits.cluster import Cluster, CommandError
from digits.volume import upload
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.model_server import MALFORMED

Spec = dict[str, Any]


class Bad(NamedTuple):
    """A change that cannot work, and what must be said of it."""

    spec: Callable[[Case], Spec]
    reason: str
    cause: str


BAD = {
    "missing-claim": Bad(lambda _: {"model": {"uri": "pvc://nowhere/model.onnx"}}, "ModelNotFound", "nowhere"),
    "https-404": Bad(
        lambda case: {"model": case.model("2", uri=case.server.uri("missing.onnx"))}, "ModelNotFound", "missing.onnx"
    ),
    "other-digest": Bad(
        lambda case: {"model": case.model("2", digest=f"sha256:{'0' * 64}")}, "ModelDigestMismatch", "0" * 64
    ),
    "unknown-authority": Bad(
        lambda case: {"model": {"uri": case.model("2")["uri"]}}, "ModelFetchFailed", "certificate"
    ),
    "malformed-model": Bad(
        lambda case: {"model": case.model("2", uri=case.server.uri(MALFORMED))}, "ModelLoadFailed", "rotobuf"
    ),
    "image": Bad(
        lambda case: {"model": case.model("2"), "runtime": {"image": "registry.invalid/triton:none"}},
        "ImagePullFailed",
        "registry.invalid/triton:none",
    ),
    "capacity": Bad(
        lambda case: {"model": case.model("2"), "runtime": {"resources": {"requests": {"cpu": "1000"}}}},
        "InsufficientCapacity",
        "Insufficient cpu",
    ),
    "variable": Bad(
        lambda case: {
            "model": case.model("2"),
            "runtime": {"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "token"}}}]},
        },
        "ConfigurationMissing",
        "absent",
    ),
}

# Others of their kind are short.
LONG = {"missing-claim", "other-digest", "unknown-authority", "variable"}
REFUSED = {
    "no model": ({}, 'missing required field "model"'),
    "scheme": ({"model": {"uri": "ftp://host/model.onnx"}}, "pvc://CLAIM/PATH"),
    "digest": ({"model": {"uri": "pvc://models/m.onnx", "digest": "sha256:12"}}, "64 lower-case hexadecimal digits"),
    "credentials of a claim": (
        {"model": {"uri": "pvc://models/repository", "credentials": {"secretName": "s3"}}},
        "credentials apply only to models that are fetched",
    ),
    "falling weights": (
        {"model": {"uri": "pvc://models/m.onnx"}, "rollout": {"steps": [{"weight": 50, "hold": "1m"}, {"weight": 10}]}},
        "weights must rise",
    ),
    "hosts alone": (
        {"model": {"uri": "pvc://models/m.onnx"}, "traffic": {"hosts": ["a.example.com"]}},
        "hosts and gateways must be set together",
    ),
    "no replicas": ({"model": {"uri": "pvc://models/m.onnx"}, "scaling": {"minReplicas": 0}}, "minReplicas"),
    "unknown field": ({"model": {"uri": "pvc://models/m.onnx"}, "rolout": {}}, "rolout"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_spec_is_refused_with_a_sentence(cluster: Cluster, name: str) -> None:
    spec, sentence = REFUSED[name]
    manifest = {
        "apiVersion": "nereid.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "bad"},
        "spec": spec,
    }
    with pytest.raises(CommandError, match=sentence):
        cluster.apply(manifest, namespace="default")


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in BAD])
def test_bad_candidate_is_named_while_stable_serves(case: Case, name: str) -> None:
    bad = BAD[name]
    served = case.apply(version="1")
    stable = served.wait_until_ready()["stable"]
    case.apply(**bad.spec(case))
    condition = served.wait_for_condition("Ready", "False", bad.reason)
    assert bad.cause in condition["message"]
    status = served.status
    assert status["stable"]["revision"] == stable["revision"]
    assert status["stable"]["weight"] == 100
    assert_only_version_answers(case, "1", requests=50)

    case.apply(version="1")
    served.wait_until_ready()


@pytest.mark.usefixtures("undisturbed")
def test_bad_objects_delay_no_other(case: Case) -> None:
    bad = {name: case.apply(name, **one.spec(case)) for name, one in BAD.items()}
    good = case.apply("good")
    good.wait_until_ready(seconds=90)
    for name, served in bad.items():
        condition = served.wait_for_condition("Ready", "False", BAD[name].reason)
        assert BAD[name].cause in condition["message"]


@pytest.mark.long
def test_path_that_is_not_on_the_volume(case: Case) -> None:
    upload(case.cluster, case.namespace, "models", {"digits/model.onnx": case.digits.versions["1"].onnx})
    served = case.apply(model={"uri": "pvc://models/digits/modle.onnx"})
    condition = served.wait_for_condition("Ready", "False", "ModelNotFound")
    assert "modle.onnx" in condition["message"]

    case.apply(model={"uri": "pvc://models/digits/model.onnx"})
    served.wait_until_ready()
