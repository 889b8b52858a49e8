"""What pods get of a node, where they run and what may take them: GPUs, memory, priority, budgets, the user's patch.

No node here has a GPU. One claims to, which is all that the scheduler and the kubelet look at.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from digits.cluster import Manifest, wait_for
from digits.model_deployment import ModelDeployment
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers, wait_until_alone
from tests.support.e2e.locks import locked
from tests.support.e2e.nodes import devices, label, node_name, priority_class
from tests.support.e2e.readiness import pods_of

pytestmark = pytest.mark.usefixtures("undisturbed")

DIRECT = {"strategy": "Direct", "drain": "5s"}
PRODUCT = "NVIDIA-H200"
PRODUCT_LABEL = "nvidia.com/gpu.product"
GPUS = {
    "whole": ({"product": [PRODUCT, "NVIDIA-H100"]}, "nvidia.com/gpu"),
    "slice": ({"product": [PRODUCT], "mig": "1g.10gb"}, "nvidia.com/mig-1g.10gb"),
    "share": ({"shared": True}, "nvidia.com/gpu.shared"),
}
SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
PRIORITY = 1234


@pytest.fixture
def gpus(run_folder: Path, undisturbed: None) -> Iterator[None]:  # noqa: ARG001 - all take the locks in one order
    """Lets one case at a time say what GPUs the node has."""
    with locked(run_folder / "gpus"):
        yield


def budgets(served: ModelDeployment) -> dict[str, Manifest]:
    """Return the PodDisruptionBudgets of a model by their revisions."""
    chosen = f"--selector=nereid.dev/model-deployment={served.name}"
    printed = served.cluster.kubectl("get", "poddisruptionbudgets", chosen, "--output=json", namespace=served.namespace)
    return {found["metadata"]["labels"]["nereid.dev/revision"]: found for found in json.loads(printed)["items"]}


def lets_a_pod_go(budget: Manifest) -> bool:
    """Whether evictions are limited by what may be missing alone, and by that may take a pod now."""
    spec, status = budget["spec"], budget["status"]
    is_current = status["observedGeneration"] == budget["metadata"]["generation"]
    return "minAvailable" not in spec and is_current and status["disruptionsAllowed"] == spec["maxUnavailable"] == 1


def in_container(served: ModelDeployment, container: str, *command: str) -> str:
    """Run a command in a container of the only pod of a model and return what it printed."""
    (pod,) = pods_of(served)
    name = pod["metadata"]["name"]
    return served.cluster.kubectl("exec", name, f"--container={container}", "--", *command, namespace=served.namespace)


@pytest.mark.long
def test_each_revision_has_a_budget_for_evictions(case: Case) -> None:
    served = case.apply(rollout=DIRECT)
    revision = served.wait_until_ready()["stable"]["revision"]
    usual = budgets(served)[revision]
    assert usual["spec"]["maxUnavailable"] == 1
    wait_for(
        "the budget finds the pod",
        lambda: budgets(served)[revision]["status"]["currentHealthy"] == 1,
        seconds=30,
        seen=lambda: budgets(served),
    )

    case.apply(rollout=DIRECT, runtime={"disruptionBudget": {"minAvailable": "0%"}})
    wait_for(
        "the budget is another one",
        lambda: budgets(served)[revision]["spec"].get("minAvailable") == "0%",
        seconds=30,
        seen=lambda: budgets(served),
    )
    assert "maxUnavailable" not in budgets(served)[revision]["spec"]

    # Half of one pod would be all of it, and its node could not be drained.
    case.apply(rollout=DIRECT, runtime={"disruptionBudget": {"minAvailable": "50%"}})
    wait_for(
        "the only pod may go",
        lambda: lets_a_pod_go(budgets(served)[revision]),
        seconds=30,
        seen=lambda: budgets(served),
    )
    status = served.wait_until_ready()
    assert (status["stable"]["revision"], status.get("candidate")) == (revision, None)

    case.apply(version="2", rollout=DIRECT)
    second = served.wait_for("version 2 is stable", lambda seen: seen["stable"]["version"].startswith("2-"))
    second = second["stable"]["revision"]
    wait_until_alone(served, second)
    wait_for("only its budget is left", lambda: budgets(served).keys() == {second}, seconds=30)


def test_memory_priority_and_spread_reach_the_pod(case: Case) -> None:
    runtime = {
        "tensorMemory": {"shared": "96Mi"},
        "priorityClassName": case.namespace,
        "topologySpreadConstraints": [SPREAD],
    }
    with priority_class(case.cluster, case.namespace, PRIORITY):
        served = case.apply(runtime=runtime)
        served.wait_until_ready()
        (pod,) = pods_of(served)
    assert pod["spec"]["priority"] == PRIORITY
    (spread,) = pod["spec"]["topologySpreadConstraints"]
    selected = spread.pop("labelSelector")["matchLabels"]
    assert spread == SPREAD
    assert selected.items() <= pod["metadata"]["labels"].items()
    assert selected["nereid.dev/revision"] == served.revision("stable")
    shared = "/dev/shm"
    assert in_container(served, "triton", "df", "--output=size", "--block-size=1M", shared).split()[-1] == "96"


def companion(image: str) -> Manifest:
    """Return a container that shows the words which the pod has as a volume."""
    program = "import signal; signal.sigwait([signal.SIGTERM])"
    return {
        "name": "companion",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", program],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "words", "mountPath": "/words"}],
    }


def patched(*, labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
    """Return `spec.runtime` with a patch over the pod."""
    return {"podTemplate": {"metadata": {"labels": labels or {}}, "spec": spec}}


def test_pod_template_is_patched(case: Case) -> None:
    words = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": {"first": "nereid"}}
    case.cluster.apply(words, namespace=case.namespace)
    triton = {"name": "triton", "volumeMounts": [{"name": "words", "mountPath": "/words", "readOnly": True}]}
    good = patched(
        labels={"team": "vision"},
        containers=[companion(case.cluster.operator_image), triton],
        volumes=[
            {"name": "words", "configMap": {"name": "words"}},
            {"name": "models", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    )
    served = case.apply(runtime=good)
    stable = served.wait_until_ready()["stable"]["revision"]
    (pod,) = pods_of(served)
    assert pod["metadata"]["labels"]["team"] == "vision"
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["models"] == {"name": "models", "emptyDir": {"sizeLimit": "1Gi"}}
    for container in ("triton", "companion"):
        assert in_container(served, container, "cat", "/words/first") == "nereid"

    case.apply(runtime=patched(labels={"nereid.dev/revision": "mine"}))
    found = served.wait_for_condition("Ready", "False", "InvalidSpec")
    assert "nereid.dev/revision" in found["message"]

    case.apply(runtime=patched(volumes=[{"name": "words", "hostPath": {"path": "/"}}]))
    found = served.wait_for_condition("Ready", "False", "PolicyViolation")
    assert "spec.volumes[words].hostPath" in found["message"]
    assert "models.podSecurity" in found["message"]

    case.apply(runtime=patched(volumes=[{"name": "words", "configMap": {}}]))
    found = served.wait_for_condition("Ready", "False", "ChildRejected")
    assert "configMap.name" in found["message"]
    assert "Required value" in found["message"]
    assert_only_version_answers(case, "1", requests=50)

    case.apply(runtime=good)
    assert served.wait_until_ready()["stable"]["revision"] == stable


def node_of(served: ModelDeployment) -> str | None:
    """Return where a model's only pod runs, or is to run."""
    (pod,) = pods_of(served)
    return pod["spec"].get("nodeName")


def gpu_limits(served: ModelDeployment) -> dict[str, str]:
    """Return what the only pod of a model's newest revision may use of GPUs."""
    (pod,) = pods_of(served, served.revision("candidate") or served.revision("stable"))
    (triton,) = [container for container in pod["spec"]["containers"] if container["name"] == "triton"]
    return {name: count for name, count in triton["resources"]["limits"].items() if name.startswith("nvidia.com/")}


@pytest.mark.usefixtures("gpus")
def test_stable_serves_while_there_is_no_gpu_and_the_candidate_once_there_is(case: Case) -> None:
    served = case.apply()
    served.wait_until_ready()
    case.apply(version="2", runtime={"gpu": {}}, rollout=DIRECT)
    found = served.wait_for_condition("Ready", "False", "InsufficientCapacity")
    assert "Insufficient nvidia.com/gpu" in found["message"]
    assert_only_version_answers(case, "1", requests=50)
    with devices(case.cluster, node_name(case.cluster), "nvidia.com/gpu"):
        served.wait_until_ready()
        assert_only_version_answers(case, "2", requests=50)
    assert gpu_limits(served) == {"nvidia.com/gpu": "1"}


@pytest.mark.usefixtures("gpus")
def test_pods_run_where_the_right_gpu_is(case: Case) -> None:
    asked = {name: case.apply(name, runtime={"gpu": gpu}) for name, (gpu, _) in GPUS.items()}
    elsewhere = case.apply("elsewhere", runtime={"gpu": {"product": ["NVIDIA-L4"], "shared": True}})
    for served in (*asked.values(), elsewhere):
        served.wait_for_condition("Ready", "False", "InsufficientCapacity")
    node, resources = node_name(case.cluster), [resource for _, resource in GPUS.values()]
    with devices(case.cluster, node, *resources), label(case.cluster, node, PRODUCT_LABEL, PRODUCT):
        wait_for(
            "the pods are bound",
            lambda: {node_of(served) for served in asked.values()} == {node},
            seconds=60,
            seen=asked["whole"].describe,
        )
        assert {name: gpu_limits(served) for name, served in asked.items()} == {
            name: {resource: "1"} for name, (_, resource) in GPUS.items()
        }
        assert node_of(elsewhere) is None
        assert "affinity" in elsewhere.wait_for_condition("Ready", "False", "InsufficientCapacity")["message"]
