"""What a user reads in the conditions, for each report_input that a rollout can be in."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import BUSY, IDLE, NEW, NOW, rollout

from nereid.api.checks import CheckSpec, LatencyCheck
from nereid.api.scaling import ScalingMetric
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.observed.facts import Problem, ScalerFacts
from nereid.controller.plan.plan import POLICY_VIOLATION, Exposure, Query, Specified, held_at
from nereid.controller.report.status import report

SERVING = rollout().stable("a")
CANARY = rollout().stable("a").candidate("b", weight=20)
JUDGED = rollout().judged().stable("a").candidate("b", weight=20)
PREVIEW = rollout().blue_green(preview_hold=60).judged().stable("a").candidate("b", exposure=Exposure(preview=True))
MATCHED = rollout().ab_test().stable("a").candidate("b", exposure=Exposure(matched=True))
SHADOW = rollout().shadow().stable("a").candidate("b", exposure=Exposure(mirror=100))
SCALED = rollout().scaled(2).autoscaled(8).stable("a", ready=2).scaler("a", BUSY)
AWAKE = rollout().scaled(1).autoscaled(may_sleep=True).stable("a").scaler("a", IDLE).sleep("Awake", 5)
ASLEEP = AWAKE.sleep("Asleep", 60).ready("a", 0)
ELSE = "scale by CPU or Memory"
CHECK = CheckSpec(name="one", when="EachStep", latency=LatencyCheck(maximum_milliseconds=50))
QUERY = Query("memory", "...", minimum=1.0, maximum=8.0, max_ratio=None, failure_limit=2)


def condition(scenario, kind, previous=None, now=NOW):
    return next(one for one in scenario.report(previous, now).conditions if one.type == kind)


def verdict(scenario, kind):
    found = condition(scenario, kind)
    return found.status, found.reason


class TestReady:
    def test_when_the_wanted_revision_serves_with_all_its_pods(self):
        assert verdict(SERVING, "Ready") == ("True", "Serving")

    @pytest.mark.parametrize(
        ("scenario", "reason"),
        [
            (rollout().wanting("a"), "FirstRevisionPending"),
            (rollout().stable("a", ready=3), "ReplicasNotReady"),
            (CANARY.holding(5), "RolloutInProgress"),
            (SERVING.rolling_back(5), "RolloutInProgress"),
            (SERVING.failed("b", reason="ModelLoadFailed"), "ModelLoadFailed"),
            (SERVING.failed("b", reason="Aborted"), "Aborted"),
        ],
    )
    def test_not_yet_or_not_any_more(self, scenario, reason):
        assert verdict(scenario, "Ready") == ("False", reason)

    @pytest.mark.parametrize(
        "reason",
        [
            "ModelNotFound",
            "ModelDigestMismatch",
            "ModelFetchFailed",
            "ModelInvalid",
            "ModelLoadFailed",
            "ImagePullFailed",
            "InsufficientCapacity",
            "ConfigurationMissing",
            "OutOfMemory",
            "ContainerCrashed",
            "ReplicaFailure",
        ],
    )
    def test_a_problem_of_pods_is_its_reason_with_the_cause(self, reason):
        for scenario in (
            rollout().candidate("b", weight=100, step=2, ready=0).pod_problem("b", reason, "the cause"),
            rollout().stable("a").candidate("b").pod_problem("b", reason, "the cause"),
            rollout().stable("b", ready=1).pod_problem("b", reason, "the cause"),
        ):
            found = condition(scenario, "Ready")
            assert (found.status, found.reason) == ("False", reason)
            assert "the cause" in found.message
            assert " b" in found.message

    def test_what_cannot_be_applied_comes_first(self):
        scenario = CANARY.pod_problem("b", "OutOfMemory").problem(
            "NameConflict", "Service digits belongs to somebody else"
        )
        found = condition(scenario, "Ready")
        assert (found.reason, found.message) == ("NameConflict", "Service digits belongs to somebody else")

    def test_a_sick_pod_beside_enough_healthy_ones_is_no_problem(self):
        assert verdict(SERVING.pod_problem("a", "ContainerCrashed"), "Ready") == ("True", "Serving")

    def test_a_failure_says_what_to_do(self):
        message = condition(SERVING.failed("b", attempt=2), "Ready").message
        assert "stable revision a serves" in message
        assert "nereid.dev/retry=b/2" in message
        assert condition(SERVING.failed("b"), "Ready").message.endswith("nereid.dev/retry=b")


class TestAvailable:
    @pytest.mark.parametrize(
        ("scenario", "expected"),
        [
            (SERVING, ("True", "ReplicasAvailable")),
            (rollout().stable("a", ready=1), ("True", "ReplicasAvailable")),
            (CANARY.holding(5), ("True", "ReplicasAvailable")),
            (rollout().stable("a", ready=0), ("False", "NoReadyReplica")),
            (rollout().wanting("a"), ("False", "FirstRevisionPending")),
        ],
    )
    def test_is_about_the_revision_that_serves(self, scenario, expected):
        assert verdict(scenario, "Available") == expected


class TestProgressing:
    @pytest.mark.parametrize(
        ("scenario", "expected"),
        [
            (rollout().wanting("a"), ("True", "Preparing")),
            (rollout().stable("a").candidate("b"), ("True", "Preparing")),
            (CANARY.propagating(5), ("True", "Propagating")),
            (CANARY.holding(5), ("True", "Holding")),
            (CANARY.paused().holding(5), ("True", "Paused")),
            (rollout().stable("a").candidate("b", weight=100, step=2).promoting(5), ("True", "Promoting")),
            (SERVING.rolling_back(5), ("True", "RollingBack")),
            (SERVING, ("False", "Completed")),
            (SERVING.failed("b"), ("False", "Failed")),
        ],
    )
    def test_names_the_state(self, scenario, expected):
        assert verdict(scenario, "Progressing") == expected

    @pytest.mark.parametrize(
        ("scenario", "words"),
        [
            (rollout().stable("a").candidate("b"), "starting its pods for step 1 of 2"),
            (rollout().stable("a").candidate("b", weight=50, step=2, ready=3), "the last move, to 100%"),
            (CANARY.propagating(5), "proxies to receive the route: candidate b gets 20% of the traffic, step 1 of 2"),
            (CANARY.holding(5), "Candidate b gets 20% of the traffic: step 1 of 2"),
            (CANARY.paused().phase("Paused", 5, "PausedBySpec"), "spec.rollout.paused is true"),
            (
                rollout().paused().stable("a").candidate("b", ready=1),
                "gets 0% of the traffic and waits: spec.rollout",
            ),
        ],
    )
    def test_says_what_is_happening(self, scenario, words):
        assert words in condition(scenario, "Progressing").message

    @pytest.mark.parametrize(
        ("scenario", "words"),
        [
            (
                JUDGED.analyzing(5),
                "Candidate b gets 20% of the traffic, step 1 of 2. No requests have been counted yet",
            ),
            (JUDGED.analyzing(5).counted((50, 0), (200, 0)), "more requests to the candidate"),
            (JUDGED.analyzing(5).counted((1000, 0), (4000, 0)), "The candidate is good enough by every metric"),
            (
                JUDGED.phase("Paused", 5, "Inconclusive"),
                "as the evidence is undecided. No requests have been counted yet",
            ),
            (JUDGED.phase("Paused", 5, "Inconclusive"), "To go on without it: kubectl annotate mdep digits"),
            (
                JUDGED.analyzing(5).looked(30, errors=3).provider_fails("it is down"),
                "until metrics are available again",
            ),
            (
                JUDGED.analyzing(5).looked(30, errors=3).provider_fails("it is down"),
                "4 times in a row: it is down",
            ),
            (JUDGED.asking(QUERY).analyzing(5).counted((1, 0)), "No data from queries: memory"),
            (
                PREVIEW.analyzing(5).counted((1, 0)),
                "step 1 of 1. There is no concurrent control",
            ),
            (MATCHED.phase("Paused", 5, "AwaitingPromotion"), "the requests that match the A/B test and waits"),
            (
                SHADOW.phase("Paused", 5, "AwaitingPromotion"),
                "gets a copy of 100% of the requests and waits",
            ),
            (CANARY.checking(CHECK).preparing(5, "RunningChecks"), "Candidate b is being checked before step 2 of 2"),
            (
                SERVING.candidate("b", weight=50, step=1).ready("a", 2).abort("b"),
                "is to get all traffic (Aborted), but 2 of the 4 pods that all traffic needs are ready",
            ),
            (
                rollout().scaled(1).without_surge().stable("a").wanting("b"),
                "set spec.rollout.allowDowntime",
            ),
            (
                SERVING.wanting("b").pinned("a", instead_of="b"),
                "pinned by hand until the spec asks for another revision than b",
            ),
        ],
    )
    def test_says_what_is_known_and_what_comes_next(self, scenario, words):
        assert words in condition(scenario, "Progressing").message

    def test_a_gate_amid_the_steps_gives_the_command_for_the_next_step_and_for_the_end(self):
        gate = rollout().steps((20, None), (50, 60)).stable("a").candidate("b", weight=20, attempt=2)
        message = condition(gate.phase("Paused", 60, "AwaitingPromotion"), "Progressing").message
        assert "To the next step: kubectl annotate mdep digits --overwrite nereid.dev/promote=b/2/0." in message
        assert message.endswith("To the end: the same with b/2")

    def test_a_pause_for_promotion_gives_the_command(self):
        waiting = rollout().steps((20, None)).stable("a").candidate("b", weight=20, attempt=2)
        message = condition(waiting.phase("Paused", 5, "AwaitingPromotion"), "Progressing").message
        assert message.endswith("kubectl annotate mdep digits --overwrite nereid.dev/promote=b/2")


class TestRolloutPassed:
    @pytest.mark.parametrize(
        ("scenario", "expected"),
        [
            (SERVING, ("True", "StableIsWanted")),
            (CANARY.holding(5), ("Unknown", "RolloutInProgress")),
            (SERVING.failed("b", reason="OutOfMemory"), ("False", "OutOfMemory")),
        ],
    )
    def test_tells_how_the_last_rollout_ended(self, scenario, expected):
        assert verdict(scenario, "RolloutPassed") == expected


class TestScaling:
    def test_is_there_only_with_autoscaling(self):
        assert condition(SCALED, "Scaling")
        assert "Scaling" not in [one.type for one in SCALED.not_autoscaled().report().conditions]

    @pytest.mark.parametrize(
        ("scenario", "status", "reason", "message"),
        [
            (SCALED, "True", "ScalerActive", "The number of pods follows QueueRatio 0.5, up to 8"),
            (
                SCALED.autoscaled(
                    4, ScalingMetric(type="CPU", target=70), ScalingMetric(type="RequestRate", target=2.5)
                ),
                "True",
                "ScalerActive",
                "The number of pods follows CPU 70, RequestRate 2.5, up to 4",
            ),
            (SCALED.scaler("a", None), "Unknown", "ScalerStarting", "The scaler has not measured anything yet"),
            (SCALED.scaler("a", NEW), "Unknown", "ScalerStarting", "The scaler has not measured anything yet"),
            (
                SCALED.without_keda(),
                "False",
                "KedaNotInstalled",
                f"KEDA is not installed: install it, or {ELSE}, with minReplicas above 0",
            ),
            (
                SCALED.set_up(prometheus_url=""),
                "False",
                "PrometheusNotConfigured",
                f"no Prometheus is configured to scale by: set the Helm value prometheus.url, or {ELSE}",
            ),
            (
                AWAKE.set_up(activator_service=""),
                "False",
                "ActivatorNotInstalled",
                "minReplicas: 0 needs the activator: set activator.enabled in the chart",
            ),
            (
                SCALED.scaler("a", ScalerFacts(None, works=False, problem=Problem("FailedGetMetric", "it is down"))),
                "False",
                "FailedGetMetric",
                "it is down: existing pods are kept",
            ),
            (
                SCALED.without_surge().candidate("b"),
                "Unknown",
                "RolloutInProgress",
                "With surge 0, nothing is scaled while a rollout is in progress",
            ),
            (AWAKE, "True", "ScalerActive", "The number of pods follows QueueRatio 0.5, up to 8"),
            (
                ASLEEP,
                "True",
                "Sleeping",
                "Revision a is asleep: the next request starts its first pod and waits for it",
            ),
        ],
    )
    def test_says_what_is_followed_or_what_keeps_it_from_it(self, scenario, status, reason, message):
        found = condition(scenario, "Scaling")
        assert (found.status, found.reason, found.message) == (status, reason, message)

    def test_a_scaler_that_fails_does_not_make_the_model_ill(self):
        failing = SCALED.scaler("a", ScalerFacts(None, works=False, problem=Problem("TriggerError", "down")))
        assert verdict(failing, "Ready") == ("True", "Serving")
        assert verdict(SCALED.without_keda(), "Ready") == ("True", "Serving")


class TestSleep:
    @pytest.mark.parametrize(
        ("scenario", "message"),
        [
            (AWAKE.sleep("FallingAsleep", 5), "No requests to revision a: its pods are about to be removed"),
            (ASLEEP, "Revision a is asleep: the next request starts its first pod and waits for it"),
            (ASLEEP.sleep("Waking", 5), "Revision a is waking up: requests wait for its first pod"),
        ],
    )
    def test_is_being_ready_and_available(self, scenario, message):
        for kind in ("Ready", "Available", "Scaling"):
            found = condition(scenario, kind)
            assert (found.status, found.reason, found.message) == ("True", "Sleeping", message)
        assert verdict(scenario, "Progressing") == ("False", "Completed")

    def test_pods_that_end_are_no_problem(self):
        assert verdict(ASLEEP.pod_problem("a", "ContainerCrashed"), "Ready") == ("True", "Sleeping")

    def test_a_pod_that_cannot_start_is(self):
        waking = ASLEEP.sleep("Waking", 5).pod_problem("a", "InsufficientCapacity", "no node has a GPU left")
        found = condition(waking, "Ready")
        assert (found.status, found.reason) == ("False", "InsufficientCapacity")
        assert "no node has a GPU left" in found.message

    def test_a_model_that_failed_to_wake_up_is_not_available(self):
        assert verdict(ASLEEP.sleep("Awake", 5), "Available") == ("False", "NoReadyReplica")


class TestCallers:
    """What the callers of stable see counts, even where all pods are ready."""

    FAILING = Problem("RequestsFailing", "All requests to revision a fail")

    def status(self, scenario):
        report_input = replace(scenario.report_input(), callers=self.FAILING)
        made = report(report_input, {}, "http://digits.example.com", ModelDeploymentStatus(), NOW)
        return made, {one.type: one for one in made.conditions}

    def test_all_of_whose_requests_fail(self):
        made, found = self.status(SERVING)
        assert (found["Ready"].status, found["Ready"].reason) == ("False", "RequestsFailing")
        assert found["Ready"].message == "All requests to revision a fail"
        assert (found["Available"].status, made.phase) == ("True", "Degraded")

    def test_do_not_hide_that_pods_are_missing_or_a_rollout_is_in_progress(self):
        assert self.status(SERVING.ready("a", 3).pod_problem("a", "OutOfMemory"))[1]["Ready"].reason == "OutOfMemory"
        assert self.status(CANARY.holding(5))[1]["Ready"].reason == "RolloutInProgress"

    def test_of_a_model_that_sleeps_are_not_its_callers(self):
        assert self.status(ASLEEP)[1]["Ready"].reason == "Sleeping"


class TestTransitionTimes:
    def test_stay_while_the_status_of_the_condition_stays(self):
        before = CANARY.holding(5).report()
        later = condition(CANARY.paused().holding(5), "Progressing", before, NOW + timedelta(hours=1))
        assert later.reason == "Paused"
        assert later.last_transition_time == NOW

    def test_change_with_it(self):
        before = CANARY.holding(5).report()
        later = condition(SERVING, "Progressing", before, NOW + timedelta(hours=1))
        assert later.last_transition_time == NOW + timedelta(hours=1)

    def test_every_condition_names_the_generation_that_it_is_about(self):
        report = SERVING.report()
        assert {one.observed_generation for one in report.conditions} == {report.observed_generation} == {3}
        assert [one.type for one in report.conditions] == [
            "Ready",
            "Available",
            "Progressing",
            "RolloutPassed",
            "SpecValid",
        ]


class TestPolicyOfTheInstaller:
    SENTENCE = "spec.runtime.podTemplate: spec.hostNetwork is more than this operator allows"

    def test_what_runs_beyond_it_is_told_and_stays_ready(self):
        planned = SERVING.report_input()
        assert isinstance(planned.plan, Specified)
        beyond = replace(planned.plan, tolerated=self.SENTENCE)
        found = report(replace(planned, plan=beyond), {}, "", ModelDeploymentStatus(), NOW)
        by_type = {one.type: one for one in found.conditions}
        assert by_type["Ready"].status == "True"
        assert (by_type["SpecValid"].status, by_type["SpecValid"].reason) == ("True", "RunsBeyondPolicy")
        assert "goes on as it runs" in by_type["SpecValid"].message
        assert self.SENTENCE in by_type["SpecValid"].message

    def test_what_it_refuses_is_told_while_stable_serves(self):
        planned = SERVING.report_input()
        assert isinstance(planned.plan, Specified)
        held = held_at(planned.plan, planned.plan.revision, "digits", self.SENTENCE, POLICY_VIOLATION)
        found = report(replace(planned, plan=held), {}, "", ModelDeploymentStatus(), NOW)
        by_type = {one.type: one for one in found.conditions}
        for kind in ("Ready", "SpecValid"):
            assert (by_type[kind].status, by_type[kind].reason) == ("False", "PolicyViolation")
            assert self.SENTENCE in by_type[kind].message
        assert by_type["Available"].status == "True"


class TestPodKeptForItsLog:
    FAILED = rollout().keeping_failed_pod(900).stable("a").failed("b", reason="GuardExceeded")
    KEPT = FAILED.retiring("b", 60, log_kept=60)

    @pytest.mark.parametrize("kind", ["Ready", "Progressing"])
    def test_is_told_with_the_command_to_type(self, kind):
        message = condition(self.KEPT, kind).message
        assert message.endswith(
            "One pod of Deployment digits-b is kept without traffic until 2026-11-20T12:14:00Z for its log: "
            "kubectl logs --namespace models deployment/digits-b"
        )

    def test_is_told_where_the_spec_asks_for_stable_again(self):
        assert "deployment/digits-b" in condition(self.KEPT.wanting("a"), "Progressing").message

    def test_has_its_log_where_the_model_is_fetched_if_that_failed(self):
        kept = self.FAILED.failed("b", reason="ModelFetchFailed").retiring("b", 60, log_kept=60)
        assert condition(kept, "Ready").message.endswith("deployment/digits-b --container fetch-model")

    def test_is_not_told_where_none_is_kept(self):
        assert "kubectl logs" not in condition(self.FAILED.retiring("b", 60), "Ready").message
        assert "kubectl logs" not in condition(self.KEPT.keeping_failed_pod(0).unseen(), "Ready").message

    def test_that_is_looked_at_for_the_last_time_gets_no_requests(self):
        over = self.FAILED.retiring("b", 1000, looked=(2, 7), log_kept=1000).unseen()
        entry = replace(over.state.retiring[0], is_drained=True)
        looked = replace(over, state=replace(over.state, retiring=(entry,)))
        assert not any(one.type == "RouteNotEffective" for one in looked.report().conditions)
