"""Earlier revisions: their records are kept, and a rollback by hand or the fast track brings one of them back."""

from collections.abc import Callable
from functools import partial

import pytest
from tests.support.api.kubernetes import Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.recording import Recording
from tests.support.api.routes import destinations
from tests.support.api.waiting import wait_until

SLOW = {"steps": [{"weight": 10, "hold": "1h"}], "drain": "0s", "analysis": {"provider": "None"}}


def is_stable(models: Models, uri: str) -> bool:
    return bool(models.status().get("stable", {}).get("modelUri") == uri)


def serve(models: Models, *numbers: int) -> list[str]:
    """Have models served one after another, and return their revisions' ids."""
    revisions = []
    for number in numbers:
        models.change(model={"uri": f"pvc://models/digits/{number}"})
        uri = f"pvc://models/digits/{number}"
        wait_until(partial(is_stable, models, uri), seconds=20, what=f"model {number} being stable")
        revisions.append(models.stable())
    return revisions


def records(models: Models) -> set[str]:
    found = models.kubernetes.list("ControllerRevision", models.namespace)
    return {one["metadata"]["name"].removeprefix("digits-") for one in found}


def template(models: Models, revision: str) -> Object:
    found: Object = models.kubernetes.get("Deployment", models.namespace, f"digits-{revision}")["spec"]["template"]
    return found


@pytest.mark.usefixtures("operator")
def test_history_has_a_limit(models: Models) -> None:
    models.create(rollout={"strategy": "Direct", "drain": "0s", "revisionHistoryLimit": 2})
    models.wait_settled()
    first, second, third, fourth = serve(models, 1, 2, 3, 4)
    models.wait_settled()
    assert [one["revision"] for one in models.status()["history"]] == [fourth, third, second]
    wait_until(lambda: records(models) == {second, third, fourth}, seconds=10, what="the first record being pruned")
    for revision in (first, second, third):
        models.wait_without_pods(revision)
    models.annotate(rollback=first)
    models.wait_for_events("RollbackRefused")
    assert (models.stable(), models.rollout().get("pinned")) == (fourth, None)


def test_rollback_by_hand(
    models: Models, operator: Operator, new_operator: Callable[..., Operator], record: Callable[[str], Recording]
) -> None:
    models.create(model={"uri": "pvc://models/digits/1"})
    models.wait_settled()
    [first] = serve(models, 1)
    made_from = template(models, first)
    [second] = serve(models, 2)
    models.wait_without_pods(first)
    models.change(rollout={**SLOW, "strategy": "Canary"})
    models.wait_settled()
    spec, routes = models.get()["spec"], record("VirtualService")
    models.annotate(rollback=f"{first}/1")
    wait_until(lambda: models.stable() == first, seconds=20, what="the rollback")
    status = models.wait_settled()["status"]
    assert status["rollout"]["rollbacks"] == 1
    assert status["rollout"]["pinned"] == {"revision": first, "insteadOf": second}
    assert [destinations(one) for one in routes.of("digits")][-1] == {f"digits-{first}": 100}
    assert template(models, first) == made_from, "what served before is what serves again"
    assert models.get()["spec"] == spec, "the spec is the user's"
    operator.stop()
    new_operator().start()
    models.change(scaling={"minReplicas": 2})
    models.wait_settled()
    assert models.stable() == first, "the pin outlives the operator, and changes that shape no pod"
    models.change(model={"uri": "pvc://models/digits/3"})
    status = models.wait_for("Holding")
    assert status["candidate"]["modelUri"] == "pvc://models/digits/3"
    assert (status["stable"]["revision"], status["rollout"].get("pinned")) == (first, None)
    models.wait_for_events("RolledBackByHand")


@pytest.mark.usefixtures("operator")
def test_rollback_ends_with_another_to_the_revision_of_the_spec(models: Models) -> None:
    models.create()
    models.wait_settled()
    first, second = serve(models, 1, 2)
    models.wait_settled()
    models.annotate(rollback=first)
    wait_until(lambda: models.stable() == first, seconds=20, what="the rollback")
    models.wait_settled()
    models.annotate(rollback=f"{second}/2")
    wait_until(lambda: models.stable() == second, seconds=20, what="the end of the rollback")
    assert models.rollout().get("pinned") is None
    assert models.rollout()["rollbacks"] == 2


@pytest.mark.usefixtures("operator")
def test_fast_track_takes_no_steps(models: Models, record: Callable[[str], Recording]) -> None:
    models.create()
    models.wait_settled()
    first, second = serve(models, 1, 2)
    models.wait_settled()
    models.change(rollout={**SLOW, "strategy": "Canary", "fastTrack": True})
    models.wait_settled()
    routes = record("VirtualService")
    assert serve(models, 1) == [first]
    weights = [destinations(one).get(f"digits-{first}", 0) for one in routes.of("digits")]
    assert list(dict.fromkeys(weights)) == [0, 100]
    assert [one["revision"] for one in models.status()["history"]][:2] == [first, second]
    models.change(model={"uri": "pvc://models/digits/3"})
    assert models.wait_for("Holding")["candidate"]["weight"] == 10, "what never served takes its steps"
