import pytest
from tests.support.telemetry import statuses
from tests.support.telemetry.collecting import collected
from tests.support.telemetry.statuses import Model

from nereid.controller.shell.telemetry.latency_bounds import spellings

KEY = ("shop", "digits")


def objectives(spec):
    found = collected(Model("digits", spec=spec))
    told = {labels[2]: value for labels, value in found.get("nereid_model_deployment_objective", {}).items()}
    bounds = {labels[2] for labels in found.get("nereid_model_deployment_latency_bound", {})}
    return told, bounds


def test_every_model_is_promised_something():
    told, bounds = objectives({})
    assert told == {"availability": 0.995, "latency": 0.99, "latency_seconds": 1.0}
    assert bounds == {"1000", "1000.0", "1e+03"}


def test_the_spec_says_what_is_promised():
    wanted = {"availabilityPercent": 99.9, "latencyMilliseconds": 250, "latencyPercent": 95}
    told, bounds = objectives({"monitoring": {"objectives": wanted}})
    assert told == pytest.approx({"availability": 0.999, "latency": 0.95, "latency_seconds": 0.25})
    assert bounds >= {"250", "250.0"}


def test_what_candidates_are_judged_by_is_promised_too_unless_the_objectives_say_otherwise():
    rollout = {"analysis": {"latencyObjectiveMilliseconds": 100}}
    assert objectives({"rollout": rollout})[0]["latency_seconds"] == 0.1
    both = {"rollout": rollout, "monitoring": {"objectives": {"latencyMilliseconds": 500}}}
    assert objectives(both)[0]["latency_seconds"] == 0.5


def test_nothing_is_promised_where_no_alerts_are_wanted():
    assert objectives({"monitoring": {"alerts": False, "objectives": {"latencyPercent": 95}}}) == ({}, set())


def test_a_fault_elsewhere_in_the_spec_ends_no_alerts():
    assert objectives({"model": 7, "scaling": "large"})[0]["availability"] == 0.995


@pytest.mark.parametrize("spec", [{"monitoring": "please"}, {"monitoring": {"objectives": {"latencyPercent": "all"}}}])
def test_objectives_that_cannot_be_read_cost_nobody_else_anything(spec):
    found = collected(Model("wrong", statuses.idle(), spec), Model("digits", statuses.idle(), {}))
    assert {labels[1] for labels in found["nereid_model_deployment_objective"]} == {"digits"}
    assert {labels[1] for labels in found["nereid_revision_info"]} == {"wrong", "digits"}


@pytest.mark.parametrize(
    ("bound", "written"),
    [(250, ("250", "250.0")), (1_000_000, ("1000000", "1e+06")), (1_800_000, ("1800000", "1.8e+06"))],
)
def test_a_bound_has_several_spellings(bound, written):
    assert set(written) <= set(spellings(bound))
