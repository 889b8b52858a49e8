"""What is refused, of a spec or by the API server, stops nothing that runs already, and is not tried without end."""

from collections.abc import Callable

import pytest
from tests.api.audit import AuditLog
from tests.api.jobs import Jobs, resolved
from tests.api.kubernetes import MERGE_PATCH, Object
from tests.api.models import Models
from tests.api.waiting import wait_until

CHAMPION = "models:/digits@champion"
DIRECT = {"strategy": "Direct", "drain": "0s"}
UNKNOWN_FIELD = {"config": {"maxBatchSizes": 8}}


def no_more(models: Models, kind: str, resource: str) -> Callable[[], None]:
    """Let a quota refuse new objects of a kind; return what lifts it."""
    path = f"/api/v1/namespaces/{models.namespace}/resourcequotas"
    hard = {"hard": {f"count/{resource}": "0"}}
    models.kubernetes.create(path, {"metadata": {"name": f"no-{kind}"}, "spec": hard})
    counted = {"status": {**hard, "used": {f"count/{resource}": "0"}}}
    models.kubernetes.request("PATCH", f"{path}/no-{kind}/status", counted, MERGE_PATCH)

    def lift() -> None:
        models.kubernetes.request("DELETE", f"{path}/no-{kind}")

    return lift


def wait_ready(models: Models, reason: str) -> Object:
    wait_until(lambda: models.condition("Ready").get("reason") == reason, seconds=20, what=f"Ready: {reason}")
    return models.condition("Ready")


@pytest.mark.usefixtures("operator")
def test_a_rollout_is_looked_after_while_the_spec_is_refused(models: Models) -> None:
    models.create(rollout={"steps": [{"weight": 50, "hold": "1h"}], "drain": "0s", "analysis": {"provider": "None"}})
    serving = models.wait_settled()["status"]["stable"]["revision"]
    models.change(model={"uri": "pvc://models/digits/2"})
    models.wait_for("Holding", seconds=25)
    candidate = models.candidate()
    # Neither the steps nor the strategy of what is refused are those of the candidate.
    models.change(model=UNKNOWN_FIELD, rollout={"strategy": "Direct", "steps": None})
    assert "maxBatchSizes" in wait_ready(models, "InvalidSpec")["message"]
    models.wait_for("Paused", "HeldBySpec")
    assert models.condition("SpecValid")["status"] == "False"
    assert models.condition("RolloutPassed")["reason"] == "InvalidSpec"
    assert models.status()["candidate"]["weight"] == 50
    models.annotate(abort=candidate)
    wait_until(lambda: "candidate" not in models.status(), seconds=25, what="the candidate being taken back")
    models.kubernetes.delete("Service", models.namespace, f"digits-{serving}")
    wait_until(
        lambda: models.kubernetes.find("Service", models.namespace, f"digits-{serving}"), seconds=15, what="its Service"
    )
    models.change(model={"config": None, "uri": "pvc://models/digits/1"})
    assert models.wait_settled()["status"]["stable"]["revision"] == serving


@pytest.mark.usefixtures("operator")
def test_a_refused_child_is_told_once_while_a_reference_is_not_resolved(
    models: Models, jobs: Jobs, audit: AuditLog
) -> None:
    models.create(rollout=DIRECT)
    serving = models.wait_settled()["status"]["stable"]["revision"]
    models.change(model={"uri": CHAMPION})
    wait_ready(models, "ResolvingModel")
    lift = no_more(models, "budgets", "poddisruptionbudgets.policy")
    models.kubernetes.delete("PodDisruptionBudget", models.namespace, f"digits-{serving}")
    assert "exceeded quota" in wait_ready(models, "ChildRejected")["message"]
    wait_until(lambda: audit.silent_seconds > 8, seconds=40, what="the end of what is tried at once")
    assert models.wait_for_events("ChildRejected").count("ChildRejected") == 1
    lift()
    jobs.end(jobs.running(), resolved("models:/digits/7"))
    wait_until(lambda: models.status()["stable"]["modelUri"] == "models:/digits/7", seconds=60, what="the new model")


@pytest.mark.usefixtures("operator")
def test_a_refused_job_delays_no_rollout(models: Models, jobs: Jobs) -> None:
    models.create(rollout=DIRECT)
    models.wait_settled()
    lift = no_more(models, "jobs", "jobs.batch")
    models.change(model={"uri": CHAMPION})
    assert "exceeded quota" in wait_ready(models, "ChildRejected")["message"]
    assert models.condition("ModelResolved")["reason"] == "ChildRejected"
    lift()
    jobs.ending = resolved("models:/digits/7")
    wait_until(lambda: models.status()["stable"]["modelUri"] == "models:/digits/7", seconds=60, what="the new model")
    assert models.wait_settled()["status"]["resolution"]["resolvedUri"] == "models:/digits/7"
