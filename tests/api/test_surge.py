"""Where there is no spare GPU: at no moment are there more pods than scaling says, nor places asked for."""

from collections import Counter
from collections.abc import Callable

import pytest
from tests.support.api.models import Models
from tests.support.api.recording import Recording
from tests.support.api.routes import destinations
from tests.support.api.waiting import wait_until
from tests.support.api.workloads import Workloads

PLACES = 4
STEPS = [{"weight": 25, "hold": "1s"}, {"weight": 50, "hold": "1s"}]
NEXT = {"uri": "pvc://models/digits/2"}

pytestmark = pytest.mark.usefixtures("operator")


def create(models: Models, workloads: Workloads, replicas: int, **rollout: object) -> str:
    """Have the first revision served by real pods, and return its id."""
    workloads.with_pods.add(models.namespace)
    quiet = {"surge": 0, "drain": "0s", "analysis": {"provider": "None"}}
    models.create(scaling={"minReplicas": replicas}, rollout={**quiet, **rollout})
    models.wait_settled()
    wait_until(lambda: pods(models) == {models.stable(): replicas}, seconds=10, what="the first revision's pods")
    return models.stable()


def pods(models: Models) -> Counter[str]:
    found = models.kubernetes.list("Pod", models.namespace)
    return Counter(one["metadata"]["labels"]["nereid.dev/revision"] for one in found)


def most_asked_for(deployments: Recording) -> int:
    """Return the most pods that all Deployments together asked for at any moment."""
    return max(sum(one["spec"]["replicas"] for one in report_input) for report_input in deployments.pictures())


def most_held(found: Recording) -> int:
    """Return the most pods that were there at any moment."""
    return max(len(report_input) for report_input in found.pictures())


def test_rollout_without_surge(models: Models, workloads: Workloads, record: Callable[[str], Recording]) -> None:
    stable = create(models, workloads, PLACES, steps=STEPS)
    deployments, found, routes = record("Deployment"), record("Pod"), record("VirtualService")
    models.change(model=NEXT)
    candidate = wait_until(models.candidate, seconds=15, what="a candidate")
    assert models.wait_settled(seconds=60)["status"]["stable"]["revision"] == candidate
    wait_until(lambda: pods(models) == {candidate: PLACES}, seconds=20, what="the last place")
    assert most_asked_for(deployments) == PLACES
    assert most_held(found) == PLACES
    assert min(one["spec"]["replicas"] for one in deployments.of(f"digits-{stable}")) >= 1
    weights = [destinations(one).get(f"digits-{candidate}", 0) for one in routes.of("digits")]
    assert list(dict.fromkeys(weights)) == [0, 25, 50, 100]


def test_way_back_without_surge(models: Models, workloads: Workloads, record: Callable[[str], Recording]) -> None:
    stable = create(models, workloads, PLACES, steps=[{"weight": 50, "hold": "1h"}])
    deployments, found = record("Deployment"), record("Pod")
    models.change(model=NEXT)
    models.wait_for("Holding")
    assert pods(models) == {stable: 2, models.candidate(): 2}
    models.annotate(abort=str(models.candidate()))
    models.wait_for("Failed", "Aborted")
    wait_until(lambda: pods(models) == {stable: PLACES}, seconds=20, what="stable having all its pods again")
    assert most_asked_for(deployments) == PLACES
    assert most_held(found) == PLACES


def test_only_pod_is_kept_or_goes_first(
    models: Models, workloads: Workloads, record: Callable[[str], Recording]
) -> None:
    stable = create(models, workloads, 1, steps=STEPS, allowDowntime=True)
    deployments, found = record("Deployment"), record("Pod")
    models.change(model=NEXT)
    candidate = wait_until(models.candidate, seconds=15, what="a candidate")
    wait_until(lambda: pods(models) == {candidate: 1}, seconds=20, what="the candidate having the only place")
    assert models.wait_settled()["status"]["stable"]["revision"] == candidate != stable
    assert most_asked_for(deployments) == 1
    assert most_held(found) == 1
