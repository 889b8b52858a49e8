"""The status as a whole: what kubectl shows, and all that a new operator needs to go on."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import BUSY, IDLE, NOW, rollout

from nereid.api.rollout_stage import Stage
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.build.revision import new_record
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import Comparison, QueryReading, Sample
from nereid.controller.plan.plan import ALL_TRAFFIC, Exposure, Query
from nereid.controller.report.events import problem_event
from nereid.controller.report.status import invalid, report, to_json
from nereid.controller.report.verdict import condition

SERVING = rollout().stable("a")
CANARY = rollout().stable("a").candidate("b", weight=20).holding(5)
JUDGED = rollout().judged().stable("a").candidate("b", weight=20).analyzing(5)
QUERY = Query("memory", "...", minimum=None, maximum=8.0, max_ratio=1.5, failure_limit=2)
SLEEPY = rollout().scaled(1).autoscaled(may_sleep=True).stable("a").scaler("a", IDLE)
SCENARIOS = {
    "awake": SLEEPY.sleep("Awake", 5),
    "falling asleep": SLEEPY.sleep("FallingAsleep", 60, looked=(5, 7)).active("a", 8),
    "asleep": SLEEPY.sleep("Asleep", 60).ready("a", 0),
    "waking": SLEEPY.sleep("Waking", 60).ready("a", 0),
    "scaled": rollout().scaled(2).autoscaled(8).stable("a", ready=6).scaler("a", BUSY).candidate("b", weight=20),
    "nothing": rollout().wanting("a"),
    "first": rollout().candidate("a", weight=100, step=2, ready=0),
    "serving": SERVING,
    "canary": CANARY,
    "second attempt": rollout().stable("a").candidate("b", weight=50, step=1, attempt=2).holding(5),
    "waiting": rollout()
    .steps((20, None))
    .stable("a")
    .candidate("b", weight=20)
    .phase("Paused", 5, "AwaitingPromotion"),
    "paused before": rollout().paused().stable("a").candidate("b", ready=1),
    "retiring": SERVING.retiring("b", seconds=5, replicas=3).retiring("c", seconds=1),
    "failed": SERVING.failed("b", attempt=3, reason="OutOfMemory"),
    "aborted": CANARY.abort("b"),
    "retiring and looked at": SERVING.retiring("b", seconds=60, replicas=3, looked=(5, 7)).active("b", 8),
    "judged": JUDGED.after(((200, 3), (800, 1)), ((200, 0), (800, 0))),
    "judged without requests": JUDGED.counted((0, 0)),
    "judged by queries": JUDGED.asking(QUERY).counted((10, 0), (40, 0), {"memory": QueryReading(9.25, 1.5)}),
    "seen by triton": replace(JUDGED, sample=Sample(NOW, {}, triton=Comparison(Counts(3, 1), Counts(9, 0)))),
    "failed by the judge": JUDGED.counted((100, 60), (400, 0)),
    "undecided": JUDGED.phase("Paused", 5, "Inconclusive"),
    "without a provider": JUDGED.looked(30, errors=3).provider_fails("it is down"),
    "checked": CANARY.has_passed(("one", True), ("two", False)),
    "preview": rollout().blue_green().stable("a").candidate("b", exposure=Exposure(preview=True)).holding(5),
    "kept": rollout().blue_green().stable("a").candidate("b", exposure=ALL_TRAFFIC, step=1).at(Stage.BAKING, 5),
    "matched": rollout().ab_test(60).stable("a").candidate("b", exposure=Exposure(matched=True)).holding(5),
    "shadow": rollout().shadow((30, 60)).stable("a").candidate("b", exposure=Exposure(mirror=30)).holding(5),
    "retreating": rollout().stable("a", ready=1).candidate("b", weight=50, step=1).abort("b"),
    "fast": SERVING.served("a", "b").fast_track().wanting("b"),
    "by hand": SERVING.served("a", "b").rollback("b"),
    "pinned": SERVING.served("a", "b").pinned("a", instead_of="c", rollbacks=3).wanting("c"),
    "promoted": rollout().stable("a").served("a").candidate("b", weight=100, step=2).promoting(60),
    "no place": rollout().scaled(1).without_surge().stable("a").wanting("b"),
    "scaled down meanwhile": CANARY.scaled(1),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
class TestEveryStatus:
    def test_brings_the_rollout_back_after_a_restart(self, scenario):
        stored = json.loads(json.dumps(to_json(scenario.report())))
        found = RolloutState.from_status(ModelDeploymentStatus.model_validate(stored))
        assert found == scenario.decide().state
        assert replace(scenario, state=found).decide() == replace(scenario, state=scenario.decide().state).decide()

    def test_is_read_as_it_was_written(self, scenario):
        stored = to_json(scenario.report())
        assert to_json(ModelDeploymentStatus.model_validate(stored)) == stored

    def test_is_written_once_for_the_same_picture(self, scenario):
        first = scenario.report()
        again = scenario.report(previous=first, now=NOW + timedelta(hours=1))
        assert to_json(again) == to_json(first)

    def test_has_weights_that_sum_to_100(self, scenario):
        status = scenario.report()
        assert sum(one.weight for one in (status.stable, status.candidate) if one) == 100


def test_an_empty_status_is_the_beginning():
    assert RolloutState.from_status(ModelDeploymentStatus.model_validate({})) == RolloutState()


def test_a_status_of_a_newer_operator_is_understood():
    stored = {**to_json(CANARY.report()), "shadow": {"x": 1}}
    stored["rollout"]["evidence"] = [1.5]
    assert RolloutState.from_status(ModelDeploymentStatus.model_validate(stored)) == CANARY.state


@pytest.mark.parametrize(
    ("scenario", "phase"),
    [
        (rollout().wanting("a"), "Pending"),
        (rollout().candidate("a", weight=100, step=2, ready=0).pod_problem("a", "ModelNotFound"), "Failed"),
        (SERVING, "Ready"),
        (CANARY, "Progressing"),
        (CANARY.paused(), "Paused"),
        (rollout().paused().stable("a").candidate("b", ready=1), "Paused"),
        (SERVING.rolling_back(5), "Progressing"),
        (SERVING.failed("b"), "Degraded"),
        (rollout().stable("a", ready=3), "Degraded"),
        (SERVING.problem("NameConflict"), "Degraded"),
        (JUDGED, "Progressing"),
        (JUDGED.phase("Paused", 5, "Inconclusive"), "Paused"),
        (JUDGED.counted((100, 60), (400, 0)), "Degraded"),
        (rollout().stable("a", ready=2).candidate("b", weight=50, step=1).abort("b"), "Progressing"),
    ],
)
def test_the_phase_says_it_in_a_word(scenario, phase):
    assert scenario.report().phase == phase


class TestContent:
    def test_of_a_canary(self):
        status = to_json(CANARY.report())
        assert (status["observedGeneration"], status["url"]) == (3, "http://digits.example.com")
        assert status["stable"] == {
            "revision": "a",
            "version": "a",
            "modelUri": "",
            "weight": 80,
            "replicas": 4,
            "readyReplicas": 4,
        }
        assert (status["candidate"]["weight"], status["candidate"]["readyReplicas"]) == (20, 1)
        assert (status["rollout"]["state"], status["rollout"]["step"]) == ("Holding", 0)
        assert (status["rollout"]["since"], status["rollout"]["nextLook"]) == (
            "2026-11-20T11:59:55Z",
            "2026-11-20T12:00:55Z",
        )

    def test_of_the_evidence(self):
        analysis = to_json(JUDGED.after(((200, 16), (800, 4))).report())["rollout"]["analysis"]
        assert (analysis["verdict"], analysis["errors"], analysis["queries"]) == ("Continue", 0, [])
        errors, rejections = analysis["metrics"]
        assert (errors["name"], rejections["name"]) == ("errors", "rejections")
        assert {key: errors["candidate"][key] for key in ("requests", "bad", "percent")} == {
            "requests": 200,
            "bad": 16,
            "percent": 8.0,
        }
        assert errors["candidate"]["low"] < 8 < errors["candidate"]["high"]
        assert (errors["stable"]["bad"], errors["stable"]["percent"]) == (4, 0.5)
        assert errors["failing"]["reached"] > 1 > errors["passing"]["reached"]
        assert (errors["failing"]["needed"], errors["passing"]["needed"]) == (200, 32.899)
        assert rejections["passing"]["moreRequests"] > 0

    def test_evidence_that_is_beyond_counting_reads_well(self):
        overwhelming = JUDGED.after(*[((1000, 0), (4000, 0))] * 9).report()
        assert overwhelming.rollout.analysis.metrics[0].passing.reached <= 1e6

    def test_of_what_else_reaches_the_candidate(self):
        shadow = to_json(SCENARIOS["shadow"].report())["rollout"]
        assert (shadow["mirror"], shadow.keys() & {"matched", "preview"}) == (30, set())
        assert to_json(SCENARIOS["matched"].report())["rollout"]["matched"] is True
        assert to_json(SCENARIOS["preview"].report())["rollout"]["preview"] is True

    def test_of_what_served_before(self):
        history = to_json(SERVING.served("a", "b").report())["history"]
        assert [one["revision"] for one in history] == ["a", "b"]

    def test_the_scale_subresource_counts_the_pods_that_serve(self):
        status = CANARY.report()
        assert (status.replicas, status.selector) == (4, "app=digits,nereid.dev/revision=a")

    def test_versions_and_uris_come_from_the_records_or_stay_as_they_were(self):
        report_input = CANARY.report_input()
        record = replace(new_record(CANARY.specified), revision="b", version="7-b", model_uri="https://x/7")
        first = report(report_input, {"b": record}, "", ModelDeploymentStatus(), NOW)
        assert (first.candidate.version, first.candidate.model_uri) == ("7-b", "https://x/7")
        later = report(report_input, {}, "", first, NOW)
        assert later.candidate == first.candidate

    def test_what_is_over_is_left_out(self):
        status = to_json(SERVING.report())
        assert status.keys().isdisjoint({"candidate"})
        assert status["rollout"].keys().isdisjoint({"failed", "nextLook"})
        assert status["rollout"]["retiring"] == []


class TestScaling:
    def test_shows_the_pods_that_the_scaler_has_given(self):
        scaled = rollout().scaled(2).autoscaled(8).stable("a", ready=5).scaler("a", BUSY).deploying("a", 6)
        found = scaled.report()
        assert (found.replicas, found.stable.replicas, found.stable.ready_replicas) == (6, 6, 5)
        assert scaled.scaler("a", None).report().stable.replicas == scaled.scaler("a", None).decide().live[0].replicas

    @pytest.mark.parametrize(
        ("scenario", "phase"),
        [
            (SLEEPY.sleep("Awake", 5), "Ready"),
            (SLEEPY.sleep("FallingAsleep", 5), "Sleeping"),
            (SLEEPY.sleep("Asleep", 5).ready("a", 0), "Sleeping"),
            (SLEEPY.sleep("Waking", 5).ready("a", 0), "Sleeping"),
            (SLEEPY.sleep("Waking", 5).ready("a", 0).pod_problem("a", "OutOfMemory"), "Degraded"),
            (SLEEPY.sleep("Awake", 5).ready("a", 0), "Degraded"),
            (SLEEPY.sleep("Asleep", 5).ready("a", 0).failed("b"), "Degraded"),
        ],
    )
    def test_sleep_is_a_phase(self, scenario, phase):
        assert scenario.report().phase == phase

    def test_tells_of_sleep_only_where_there_may_be_any(self):
        assert "scaling" not in to_json(SERVING.report())
        told = to_json(SLEEPY.sleep("FallingAsleep", 60, looked=(5, 7)).active("a", 8).report())["scaling"]
        assert told == {
            "state": "FallingAsleep",
            "since": "2026-11-20T11:59:00Z",
            "lookedAt": "2026-11-20T12:00:00Z",
            "requests": 8,
        }


class TestLinks:
    def test_are_there_where_the_operator_knows_the_pages(self):
        known = SERVING.set_up(kiali_url="https://mesh.example.com/kiali/", grafana_url="https://grafana.example.com")
        assert to_json(known.report())["links"] == {
            "kiali": "https://mesh.example.com/kiali/console/namespaces/models/applications/digits",
            "grafana": "https://grafana.example.com/d/nereid-model?var-namespace=models&var-name=digits",
        }
        assert "links" not in to_json(SERVING.report())
        assert to_json(SERVING.set_up(kiali_url="https://k").report())["links"].keys() == {"kiali"}


class TestInvalidSpec:
    def test_what_runs_goes_on_as_it_was(self):
        before = CANARY.report()
        after = invalid("spec.model.uri: Field required", 4, before, NOW + timedelta(hours=1))
        assert (after.stable, after.candidate, after.rollout) == (before.stable, before.candidate, before.rollout)
        assert (after.phase, after.observed_generation) == ("Degraded", 4)
        assert condition(after, "Available").status == "True"
        assert condition(after, "Available").last_transition_time == NOW

    @pytest.mark.parametrize("kind", ["Ready", "SpecValid"])
    def test_the_sentence_is_in_the_conditions(self, kind):
        found = condition(invalid("spec.model.uri: Field required", 4, SERVING.report(), NOW), kind)
        assert (found.status, found.reason) == ("False", "InvalidSpec")
        assert found.message == "spec.model.uri: Field required"

    def test_what_it_quotes_of_the_spec_is_bounded(self):
        found = condition(invalid("x" * 100_000, 4, SERVING.report(), NOW), "SpecValid")
        assert len(found.message) < 1000

    def test_of_a_new_object(self):
        status = invalid("no", 1, ModelDeploymentStatus(), NOW)
        assert (status.phase, status.stable) == ("Failed", None)
        assert {one.type for one in status.conditions} == {"Ready", "SpecValid"}

    def test_nothing_is_said_to_have_passed(self):
        found = condition(invalid("no", 4, SERVING.report(), NOW), "RolloutPassed")
        assert (found.status, found.reason) == ("Unknown", "InvalidSpec")

    def test_is_written_once(self):
        first = invalid("no", 4, SERVING.report(), NOW)
        assert to_json(invalid("no", 4, first, NOW + timedelta(hours=1))) == to_json(first)

    def test_is_forgotten_when_the_spec_is_mended(self):
        mended = SERVING.report(previous=invalid("no", 2, SERVING.report(), NOW))
        assert condition(mended, "SpecValid").status == condition(mended, "Ready").status == "True"


class TestProblemEvent:
    ILL = rollout().stable("a").candidate("b").pod_problem("b", "ImagePullFailed", "no such image")

    def test_tells_a_new_problem_once(self):
        told = problem_event(self.ILL.report_input(), CANARY.report())
        assert (told.reason, "no such image" in told.message) == ("ImagePullFailed", True)
        assert problem_event(self.ILL.report_input(), self.ILL.report()) is None

    def test_another_problem_is_told_again(self):
        assert problem_event(self.ILL.report_input(), CANARY.problem("NameConflict").report()) is not None

    def test_a_failed_rollout_was_told_when_it_failed(self):
        assert problem_event(SERVING.failed("b").report_input(), SERVING.report()) is None

    def test_no_problem_no_event(self):
        assert problem_event(SERVING.report_input(), CANARY.report()) is None
