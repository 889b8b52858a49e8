"""A status that is wiped, and a ModelDeployment that is made again beside its children: what serves goes on serving."""

from collections.abc import Callable

import pytest
from tests.support.api.kubernetes import Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.recording import Recording
from tests.support.api.routes import destinations
from tests.support.api.waiting import wait_until

SLOW = {"steps": [{"weight": 10, "hold": "1h"}], "drain": "0s", "analysis": {"provider": "None"}}


def roll_out_a_tenth(models: Models) -> tuple[str, str]:
    """Let a second model have a tenth of the traffic; return the two revisions."""
    models.create(rollout=SLOW)
    models.wait_settled()
    good = models.stable()
    models.change(model={"uri": "pvc://models/digits/2"})
    models.wait_for("Holding")
    return good, models.candidate() or ""


def shares(found: Object) -> dict[str, int]:
    return {service.removeprefix("digits-"): weight for service, weight in destinations(found).items()}


def make_again(models: Models, uri: str) -> None:
    """Do what `kubectl delete --cascade=orphan` and `kubectl apply` do, of which the garbage collector has a part."""
    models.kubernetes.delete("ModelDeployment", models.namespace, "digits")
    for kind, name in models.children():
        models.kubernetes.patch(kind, models.namespace, name, {"metadata": {"ownerReferences": None}})
    models.create(uri=uri, rollout=SLOW)


@pytest.mark.usefixtures("operator")
def test_a_wiped_status_changes_no_share(models: Models, record: Callable[[str], Recording]) -> None:
    good, unjudged = roll_out_a_tenth(models)
    routes = record("VirtualService")
    models.kubernetes.patch(
        "ModelDeployment", models.namespace, "digits", {"status": dict.fromkeys(models.status())}, "status"
    )
    models.wait_for_events("Adopted")
    status = models.wait_for("Holding")
    assert (status["stable"]["revision"], status["candidate"]["revision"]) == (good, unjudged)
    assert all(shares(found) == {good: 90, unjudged: 10} for found in routes.of("digits"))


def test_the_next_version_beside_orphans_begins_at_its_first_step(
    models: Models, new_operator: Callable[..., Operator], record: Callable[[str], Recording]
) -> None:
    operator = new_operator()
    operator.start()
    good, unjudged = roll_out_a_tenth(models)
    operator.stop()
    routes = record("VirtualService")
    make_again(models, "pvc://models/digits/3")
    new_operator().start()
    wait_until(lambda: models.status().get("candidate", {}).get("weight") == 10, seconds=30, what="a new candidate")
    status = models.wait_for("Holding")
    assert status["stable"]["revision"] == good
    assert status["candidate"]["revision"] not in {good, unjudged}
    assert all(shares(found)[good] >= 90 for found in routes.of("digits"))
    assert {one["revision"] for one in status["history"]} >= {good}
