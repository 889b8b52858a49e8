"""What is refused, of a spec or by the API server, stops nothing that runs already, and is not tried without end."""

import pytest
from tests.support.api.audit import AuditLog
from tests.support.api.jobs import Jobs, resolved
from tests.support.api.models import Models
from tests.support.api.quotas import no_more
from tests.support.api.waiting import wait_until

CHAMPION = "models:/digits@champion"
DIRECT = {"strategy": "Direct", "drain": "0s"}
UNKNOWN_FIELD = {"config": {"maxBatchSizes": 8}}


@pytest.mark.usefixtures("operator")
def test_a_rollout_is_looked_after_while_the_spec_is_refused(models: Models) -> None:
    models.create(rollout={"steps": [{"weight": 50, "hold": "1h"}], "drain": "0s", "analysis": {"provider": "None"}})
    serving = models.wait_settled()["status"]["stable"]["revision"]
    models.change(model={"uri": "pvc://models/digits/2"})
    models.wait_for("Holding", seconds=25)
    candidate = models.candidate()
    # Neither the steps nor the strategy of what is refused are those of the candidate.
    models.change(model=UNKNOWN_FIELD, rollout={"strategy": "Direct", "steps": None})
    assert "maxBatchSizes" in models.wait_ready("InvalidSpec")["message"]
    models.wait_for("Paused", "HeldBySpec")
    assert models.condition("SpecValid")["status"] == "False"
    assert models.condition("RolloutPassed")["reason"] == "InvalidSpec"
    assert models.status()["candidate"]["weight"] == 50
    models.annotate(abort=candidate)
    wait_until(lambda: "candidate" not in models.status(), seconds=25, what="the candidate being rolled back")
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
    models.wait_ready("ResolvingModel")
    lift = no_more(models.kubernetes, models.namespace, "poddisruptionbudgets.policy")
    models.kubernetes.delete("PodDisruptionBudget", models.namespace, f"digits-{serving}")
    assert "exceeded quota" in models.wait_ready("ChildRejected")["message"]
    wait_until(lambda: audit.silent_seconds > 8, seconds=40, what="the end of what is tried at once")
    assert models.wait_for_events("ChildRejected").count("ChildRejected") == 1
    lift()
    jobs.end(jobs.running(), resolved("models:/digits/7"))
    wait_until(lambda: models.status()["stable"]["modelUri"] == "models:/digits/7", seconds=60, what="the new model")


@pytest.mark.usefixtures("operator")
def test_a_refused_job_delays_no_rollout(models: Models, jobs: Jobs) -> None:
    models.create(rollout=DIRECT)
    models.wait_settled()
    lift = no_more(models.kubernetes, models.namespace, "jobs.batch")
    models.change(model={"uri": CHAMPION})
    assert "exceeded quota" in models.wait_ready("ChildRejected")["message"]
    assert models.condition("ModelResolved")["reason"] == "ChildRejected"
    lift()
    jobs.ending = resolved("models:/digits/7")
    wait_until(lambda: models.status()["stable"]["modelUri"] == "models:/digits/7", seconds=60, what="the new model")
    assert models.wait_settled()["status"]["resolution"]["resolvedUri"] == "models:/digits/7"
