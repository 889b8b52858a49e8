import math

import pytest
from prometheus_client import CollectorRegistry
from tests.support.telemetry import statuses
from tests.support.telemetry.collecting import collected
from tests.support.telemetry.statuses import Model

from nereid.controller.shell.telemetry.rollouts import LEAST_EVIDENCE, RolloutCollector


def test_one_that_serves_has_state_info_and_conditions():
    assert collected(Model("digits", statuses.idle())) == {
        "nereid_rollout_state": {("shop", "digits", "Canary", "Completed", "Because"): 1},
        "nereid_rollout_info": {("shop", "digits", "vvvvvvvv", "", "1-vvvvvvvv", ""): 1},
        "nereid_revision_info": {("shop", "digits", "vvvvvvvv", "1-vvvvvvvv", "stable"): 1},
        "nereid_revision_replicas": {("shop", "digits", "vvvvvvvv", "stable"): 1},
        "nereid_revision_ready_replicas": {("shop", "digits", "vvvvvvvv", "stable"): 1},
        "nereid_model_deployment_condition": {
            ("shop", "digits", "Ready", "True"): 1,
            ("shop", "digits", "Progressing", "False"): 1,
        },
    }


def test_a_candidate_shows_its_traffic_and_what_the_judge_knows():
    found = collected(Model("digits", statuses.analyzing()))
    key = ("shop", "digits")
    assert found["nereid_rollout_state"] == {(*key, "Canary", "Analyzing", "Because"): 1}
    assert found["nereid_rollout_info"] == {(*key, "vvvvvvvv", "wwwwwwww", "1-vvvvvvvv", "2-wwwwwwww"): 1}
    assert found["nereid_rollout_candidate_weight"] == {key: 20}
    assert found["nereid_rollout_candidate_mirror"] == {key: 50}
    assert found["nereid_rollout_verdict"] == {(*key, "Continue"): 1}
    assert found["nereid_rollout_provider_errors"] == {key: 2}
    assert found["nereid_rollout_metric_bad_ratio"] == {
        (*key, "errors", "candidate"): pytest.approx(0.015),
        (*key, "errors", "stable"): pytest.approx(0.005),
    }
    assert found["nereid_rollout_evidence"] == {
        (*key, "errors", "failing"): pytest.approx(0.5),
        (*key, "errors", "passing"): 0,
    }


@pytest.mark.parametrize(
    ("reached", "share"),
    [(100.0, 1.0), (10_000.0, 2.0), (1.0, 0.0), (0.1, -0.5), (1e-9, LEAST_EVIDENCE), (0.0, LEAST_EVIDENCE)],
)
def test_evidence_is_a_share_of_what_is_needed_on_a_logarithmic_scale(reached, share):
    metric = statuses.metric("slow", failing=reached, passing=1.0, candidate=statuses.rate(10, 0))
    status = statuses.analyzing()
    status["rollout"]["analysis"]["metrics"] = [metric]
    found = collected(Model("digits", status))["nereid_rollout_evidence"]
    assert math.isclose(found["shop", "digits", "slow", "failing"], share, abs_tol=1e-12)


def test_without_requests_there_is_no_ratio():
    status = statuses.analyzing()
    status["rollout"]["analysis"]["metrics"][0]["candidate"] = statuses.rate(0, 0)
    assert collected(Model("digits", status))["nereid_rollout_metric_bad_ratio"].keys() == {
        ("shop", "digits", "errors", "stable")
    }


def test_a_failure_is_told_by_its_reason_and_never_by_its_message():
    found = collected(Model("digits", statuses.failed()))
    assert found["nereid_rollout_failed"] == {("shop", "digits", "AnalysisFailed"): 1}
    assert found["nereid_rollout_state"] == {("shop", "digits", "Canary", "Failed", "Because"): 1}


def test_one_that_was_not_looked_at_yet_shows_nothing():
    assert collected(Model("new")) == {}


def test_a_status_that_cannot_be_read_costs_the_others_nothing():
    no_evidence_needed = statuses.analyzing()
    no_evidence_needed["rollout"]["analysis"]["metrics"][0]["failing"]["needed"] = 1.0
    found = collected(
        Model("of-another-version", {"rollout": {"state": "Dancing"}}),
        Model("nonsense", no_evidence_needed),
        Model("digits", statuses.idle()),
    )
    assert {labels[1] for figures in found.values() for labels in figures} == {"digits"}


def test_figures_are_gone_with_the_object():
    models = [Model("digits", statuses.idle())]
    registry = CollectorRegistry()
    registry.register(RolloutCollector(lambda: tuple(models)))
    labels = {"namespace": "shop", "name": "digits", "strategy": "Canary", "state": "Completed", "reason": "Because"}
    assert registry.get_sample_value("nereid_rollout_state", labels) == 1
    models.clear()
    assert registry.get_sample_value("nereid_rollout_state", labels) is None


def test_registering_reads_no_object():
    def never() -> list[Model]:
        raise AssertionError("was read")

    CollectorRegistry(auto_describe=True).register(RolloutCollector(never))
