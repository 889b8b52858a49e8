"""What a HorizontalPodAutoscaler and a ScaledObject tell of themselves, as Kubernetes 1.33 and KEDA 2.21 write it."""

import pytest

from nereid.controller.observed.facts import Problem, ScalerFacts, observe
from nereid.controller.observed.objects import facts_of

ABLE = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
ACTIVE = ("ScalingActive", "True", "ValidMetricFound", "the HPA was able to successfully calculate a replica count")
NO_METRICS = (
    "ScalingActive",
    "False",
    "FailedGetContainerResourceMetric",
    "the HPA was unable to compute the replica count: failed to get cpu utilization: no metrics for resource",
)
DISABLED = (
    "ScalingActive",
    "False",
    "ScalingDisabled",
    "scaling is disabled since the replica count of the target is zero",
)
NO_TARGET = (
    "AbleToScale",
    "False",
    "FailedGetScale",
    'the HPA controller was unable to get the target\'s current scale: deployments.apps "digits-a" not found',
)
LIMITED = ("ScalingLimited", "True", "TooFewReplicas", "the desired replica count is less than the minimum")

READY = ("Ready", "True", "ScaledObjectReady", "ScaledObject is defined correctly and is ready for scaling")
BUSY = ("Active", "True", "ScalerActive", "Scaling is performed because triggers are active")
IDLE = ("Active", "False", "ScalerNotActive", "Scaling is not performed because triggers are not active")
UNKNOWN = ("Active", "Unknown", "", "")
HPA_ACTIVE = ("HPAActive", "True", "HPAActive", "HPA is actively scaling")
HPA_AT_ZERO = ("HPAActive", "True", "ScalingDisabled", DISABLED[3])
HPA_FAILS = (
    "HPAActive",
    "False",
    "FailedGetExternalMetric",
    "HPA is not actively scaling: unable to get external metric models/s1-prometheus/&LabelSelector{MatchLabels:…}",
)
TRIGGERS_FAIL = ("Ready", "False", "TriggerError", "Triggers defined in ScaledObject are not working correctly")
SOME_FAIL = (
    "Ready",
    "Unknown",
    "PartialTriggerError",
    "Some triggers defined in ScaledObject are not working correctly",
)
REFUSED = (
    "Ready",
    "False",
    "ScaledObjectCheckFailed",
    "ScaledObject doesn't have correct triggers specification",
)
NEW = [("Ready", "Unknown", "", ""), UNKNOWN, ("Fallback", "Unknown", "", ""), ("Paused", "False", "", "")]


def scaler(kind, *conditions, triggers=("QueueTime", "RequestRate")):
    told = [
        {"type": one, "status": status, "reason": reason, "message": text} for one, status, reason, text in conditions
    ]
    raw = {"kind": kind, "spec": {"triggers": [{"name": name} for name in triggers]}, "status": {"conditions": told}}
    return facts_of(kind, raw)


def autoscaler(*conditions):
    return scaler("HorizontalPodAutoscaler", *conditions, triggers=())


def scaled_object(*conditions, **spec):
    return scaler("ScaledObject", *conditions, **spec)


class TestHorizontalPodAutoscaler:
    @pytest.mark.parametrize("conditions", [(), (ABLE,), (LIMITED,)])
    def test_that_has_measured_nothing_yet(self, conditions):
        assert autoscaler(*conditions) == ScalerFacts(is_active=None, works=None, problem=None)

    def test_that_was_just_made_has_no_status(self):
        assert facts_of("HorizontalPodAutoscaler", {"spec": {}}).works is None
        assert facts_of("HorizontalPodAutoscaler", {"spec": {}, "status": {"conditions": None}}).works is None

    def test_that_works(self):
        assert autoscaler(ABLE, ACTIVE, LIMITED) == ScalerFacts(is_active=None, works=True, problem=None)

    def test_that_has_nothing_to_measure_is_as_it_should_be(self):
        assert autoscaler(ABLE, DISABLED).problem is None
        assert autoscaler(ABLE, DISABLED).works

    @pytest.mark.parametrize(("conditions", "words"), [((ABLE, NO_METRICS), NO_METRICS), ((NO_TARGET,), NO_TARGET)])
    def test_that_fails_says_why(self, conditions, words):
        assert autoscaler(*conditions) == ScalerFacts(is_active=None, works=False, problem=Problem(*words[2:]))


class TestScaledObject:
    @pytest.mark.parametrize("conditions", [(), NEW])
    def test_that_has_measured_nothing_yet(self, conditions):
        assert scaled_object(*conditions) == ScalerFacts(is_active=None, works=None, problem=None)

    @pytest.mark.parametrize(
        ("active", "told"), [(BUSY, True), (IDLE, False), (UNKNOWN, None)], ids=["busy", "idle", "unknown"]
    )
    def test_that_works_tells_whether_anybody_asks(self, active, told):
        assert scaled_object(READY, active, HPA_ACTIVE) == ScalerFacts(is_active=told, works=True, problem=None)

    def test_that_was_defined_correctly_and_has_measured_nothing(self):
        assert scaled_object(READY).is_active is None

    def test_that_sleeps_is_as_it_should_be(self):
        assert scaled_object(READY, IDLE, HPA_AT_ZERO) == ScalerFacts(is_active=False, works=True, problem=None)

    def test_that_is_refused_says_why(self):
        assert scaled_object(REFUSED, IDLE) == ScalerFacts(is_active=False, works=False, problem=Problem(*REFUSED[2:]))

    def test_that_fails_names_the_metrics_that_it_may_be(self):
        facts = scaled_object(TRIGGERS_FAIL, IDLE)
        assert (facts.is_active, facts.works, facts.problem.reason) == (False, False, "TriggerError")
        assert facts.problem.message == f"QueueTime or RequestRate cannot be read: {TRIGGERS_FAIL[3]}"

    def test_of_which_a_part_fails_says_so(self):
        assert scaled_object(SOME_FAIL, BUSY) == ScalerFacts(
            is_active=True, works=False, problem=Problem(*SOME_FAIL[2:])
        )

    def test_whose_autoscaler_fails_names_the_metric(self):
        for facts in (scaled_object(READY, BUSY, HPA_FAILS), scaled_object(TRIGGERS_FAIL, BUSY, HPA_FAILS)):
            assert (facts.works, facts.problem.reason) == (False, "FailedGetExternalMetric")
            assert facts.problem.message.startswith("RequestRate cannot be read: HPA is not actively scaling: ")

    def test_whose_metric_is_of_no_trigger_is_quoted_as_it_is(self):
        assert scaled_object(READY, HPA_FAILS, triggers=("QueueTime",)).problem.message == HPA_FAILS[3]

    def test_idle_while_it_fails_does_not_count_as_idle(self):
        seen = observe([("a", scaled_object(TRIGGERS_FAIL, IDLE)), ("b", scaled_object(READY, IDLE))])
        assert not seen.of("a").is_idle
        assert seen.of("b").is_idle
        assert not seen.of("b").is_asked_for
        assert not seen.of("c").is_idle
