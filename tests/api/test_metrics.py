"""What the operator's own metrics tell of a rollout."""

import urllib.request
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.api.audit import AuditLog
from tests.support.api.control_plane import free_port
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def figures(new_operator: Callable[..., Operator]) -> Callable[[], Figures]:
    """Start an operator, and return what reads its metrics: values by name and labels."""
    port = free_port()
    new_operator(NEREID_METRICS_PORT=str(port)).start()

    def read() -> Figures:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            return {
                (one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples
            }

    return read


def labelled(figures: Figures, metric: str, /, **labels: str) -> list[float]:
    """Return the values of a metric's series that have these labels."""
    return [value for (found, has), value in figures.items() if found == metric and labels.items() <= set(has)]


def test_metrics_tell_where_a_rollout_stands(audit: AuditLog, models: Models, figures: Callable[[], Figures]) -> None:
    rollout = {"steps": [{"weight": 30}], "drain": "0s", "analysis": {"provider": "None"}}
    models.create(rollout=rollout)
    models.wait_settled()
    models.change(model={"uri": "pvc://models/digits/2"})
    models.wait_for("Paused", "AwaitingPromotion")
    of = {"namespace": models.namespace, "name": "digits"}
    paused = {"strategy": "Canary", "state": "Paused", "reason": "AwaitingPromotion"}
    wait_until(
        lambda: labelled(figures(), "nereid_rollout_state", **of, **paused) == [1],
        seconds=5,
        what="the state",
    )
    shown = figures()
    assert labelled(shown, "nereid_rollout_candidate_weight", **of) == [30]
    revisions = {"stable": models.stable(), "candidate": str(models.candidate())}
    assert labelled(shown, "nereid_rollout_info", **of, **revisions) == [1]
    for one in models.status()["conditions"]:
        condition = {"type": one["type"], "status": one["status"]}
        assert labelled(shown, "nereid_model_deployment_condition", **of, **condition) == [1]
    assert labelled(shown, "nereid_rollout_events_total", reason="RolloutStarted", type="Normal") == [1]
    [passes] = labelled(shown, "nereid_reconcile_duration_seconds_count")
    assert passes > 2
    # Kopf lists the ModelDeployments, and does not count.
    lists = [one for one in audit.requests() if one.verb == "list" and one.resource != "modeldeployments"]
    assert lists
    assert labelled(shown, "nereid_api_requests_total", verb="list") == [len(lists)]
    models.annotate(abort=str(models.candidate()))
    models.wait_for("Failed", "Aborted")
    wait_until(
        lambda: labelled(figures(), "nereid_rollout_failed", **of, reason="Aborted") == [1],
        seconds=5,
        what="the failure",
    )
    models.kubernetes.delete("ModelDeployment", models.namespace, "digits")
    wait_until(lambda: not labelled(figures(), "nereid_rollout_state", **of), seconds=5, what="its figures being gone")
