"""From `kubectl apply` to right answers through the gateway, from each kind of source, and what kubectl shows."""

import pytest
from digits.model_deployment import ModelDeployment
from digits.traffic import Endpoint
from digits.volume import upload
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_answers_as_scikit_learn
from tests.support.e2e.faulty_models import NONSENSE, Ending, archive_name

REPOSITORY_CONFIG = """
backend: "onnxruntime"
max_batch_size: 0
input [{ name: "image", data_type: TYPE_FP32, dims: [-1, 64] }]
output [
  { name: "label", data_type: TYPE_INT64, dims: [-1] },
  { name: "probabilities", data_type: TYPE_FP32, dims: [-1, 10] }
]
"""


def test_onnx_over_https_with_private_authority_and_digest(case: Case) -> None:
    trained = case.digits.versions["1"]
    served = case.apply(model=case.model("1", digest=trained.digest))
    status = served.wait_until_ready()
    assert status["url"] == f"http://{case.host()}"
    assert_answers_as_scikit_learn(case, case.endpoint(), trained)


def test_onnx_and_triton_repository_on_a_volume(case: Case) -> None:
    one, two = case.digits.versions["1"], case.digits.versions["2"]
    files = {
        "single/model.onnx": one.onnx,
        "repository/classifier/config.pbtxt": REPOSITORY_CONFIG.encode(),
        "repository/classifier/1/model.onnx": two.onnx,
    }
    upload(case.cluster, case.namespace, "models", files)
    single = case.apply("single", model={"uri": "pvc://models/single/model.onnx"})
    repository = case.apply("repository", model={"uri": "pvc://models/repository", "name": "classifier"})
    single.wait_until_ready()
    repository.wait_until_ready()
    assert_answers_as_scikit_learn(case, case.endpoint("single"), one)
    assert_answers_as_scikit_learn(case, Endpoint(case.cluster.gateway, case.host("repository"), "classifier"), two)


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_triton_repository_in_an_archive_over_https(case: Case, ending: Ending) -> None:
    served = case.apply(model=case.model(NONSENSE, uri=case.server.uri(archive_name("nonsense", ending))))
    served.wait_until_ready()
    assert_answers_as_scikit_learn(case, case.endpoint(), case.digits.versions[NONSENSE])


def test_kubectl_tells_the_story(case: Case) -> None:
    served = case.apply()
    served.wait_until_ready()
    columns = case.cluster.kubectl("get", "mdep", namespace=case.namespace).splitlines()
    assert columns[0].split() == ["NAME", "READY", "STABLE", "CANDIDATE", "WEIGHT", "PHASE", "URL", "AGE"]
    stable = f"1-{served.revision('stable')}"
    assert columns[1].split()[:5] == ["digits", "True", stable, "Ready", f"http://{case.host()}"]
    assert "digits" in case.cluster.kubectl("get", "all", namespace=case.namespace)
    explained = case.cluster.kubectl("explain", "mdep.spec.rollout", "--recursive=false")
    for field in ("strategy", "steps", "paused", "drain", "progressDeadlineSeconds"):
        assert field in explained
    assert "percent" in case.cluster.kubectl("explain", "mdep.spec.rollout.steps.weight").lower()


def test_kubectl_scale_changes_the_number_of_pods(case: Case) -> None:
    served = case.apply()
    served.wait_until_ready()
    case.cluster.kubectl("scale", "mdep", "digits", "--replicas=2", namespace=case.namespace)
    status = served.wait_for("two pods are ready", lambda seen: seen["stable"]["readyReplicas"] == 2)
    assert status["stable"]["replicas"] == 2
    assert only_revision(served, status) == status["stable"]["revision"]


def only_revision(served: ModelDeployment, status: dict[str, object]) -> str:
    """Return the revision of the only Deployment there is: scaling makes no new one."""
    assert not status.get("candidate")
    found = served.cluster.list("Deployment", served.namespace, f"nereid.dev/model-deployment={served.name}")
    assert len(found) == 1
    return str(found[0]["metadata"]["labels"]["nereid.dev/revision"])
