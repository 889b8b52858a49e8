"""Scale to zero: the traffic first, then the pods; back the other way. Only a scaler that works puts it to sleep."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import (
    BUSY,
    DRAIN,
    FAILING,
    IDLE,
    NEW,
    NOW,
    PROGRESS_DEADLINE,
    PROPAGATION,
    SLEEP_AFTER,
    doing,
    plan_of,
    reasons,
    rollout,
    shares,
    unchanged,
)

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.decide.rollout.decide import routed_anew
from nereid.controller.decide.rollout.draining import LONGEST_SECONDS, QUIET_SECONDS, wanted_looks
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.settling import SECONDS
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import ACTIVATOR, Routing
from nereid.controller.plan.settings import Settings
from nereid.controller.report.status import to_json

LEAST = PROPAGATION + DRAIN
SERVING = rollout().scaled(1).autoscaled(may_sleep=True).stable("a").scaler("a", IDLE)
AWAKE = SERVING.sleep("Awake", SLEEP_AFTER)
FALLING = SERVING.sleep("FallingAsleep", LEAST, looked=(QUIET_SECONDS, 7)).active("a", 7)
ASLEEP = SERVING.sleep("Asleep", 3600).ready("a", 0).deploying("a", 0)
WAKING = ASLEEP.sleep("Waking", 20).scaler("a", BUSY).deploying("a", 1)
GATED = Routing(weights=frozenset({(ACTIVATOR, 100)}))
DIRECT = Routing(weights=frozenset({("a", 100)}))

# What stands against sleep, whatever else there is.
AGAINST = [
    ("asked for", lambda one: one.scaler("a", BUSY)),
    ("a scaler that fails", lambda one: one.scaler("a", FAILING)),
    ("a scaler that knows nothing yet", lambda one: one.scaler("a", NEW)),
    ("no scaler", lambda one: one.scaler("a", None)),
    ("no KEDA", lambda one: one.without_keda()),
    ("no Prometheus", lambda one: one.set_up(prometheus_url="")),
    ("no activator", lambda one: one.set_up(activator_service="")),
    ("another minimum", lambda one: one.autoscaled(may_sleep=False)),
    ("no autoscaling", lambda one: one.not_autoscaled()),
    ("another revision wanted", lambda one: one.wanting("b")),
]
# What keeps a model from falling asleep, and does not wake one that sleeps.
UNSURE = {"a scaler that fails", "a scaler that knows nothing yet"}
SURE = [(name, change) for name, change in AGAINST if name not in UNSURE]
sure = pytest.mark.parametrize("change", [change for _, change in SURE], ids=[name for name, _ in SURE])
against = pytest.mark.parametrize("change", [change for _, change in AGAINST], ids=[name for name, _ in AGAINST])


def sleep(scenario):
    told = scenario.decide().state.sleep
    return told and told.state


def routes(scenario):
    return routing_of(scenario.decide().state)


def stable(scenario):
    """Return the pods of stable, and whether requests take the way by the activator."""
    live = scenario.decide().live[0]
    return live.replicas, live.is_gated


class TestAwake:
    def test_is_what_a_model_begins_as_that_may_sleep(self):
        begun = SERVING.following()
        assert begun.state.sleep.state == "Awake"
        assert begun.state.sleep.since == NOW
        assert stable(begun) == (1, False)

    def test_is_nothing_to_be_noted_of_a_model_that_may_not(self):
        assert unchanged(SERVING.autoscaled())
        assert unchanged(SERVING.not_autoscaled())

    def test_begins_once_there_is_something_stable(self):
        first = rollout().scaled(1).autoscaled(may_sleep=True).candidate("a", weight=100, step=2, ready=0)
        assert sleep(first) is None

    def test_falls_asleep_when_nobody_has_asked_for_long_enough(self):
        falling = AWAKE.following()
        assert (falling.state.sleep.state, falling.state.sleep.since) == ("FallingAsleep", NOW)
        assert routes(AWAKE) == GATED
        assert stable(AWAKE) == (1, True)

    def test_lasts_for_the_time_asked_for_after_it_has_woken_up(self):
        fresh = SERVING.sleep("Awake", SLEEP_AFTER - 1)
        assert unchanged(fresh)
        assert fresh.decide().requeue_after == 1

    @against
    def test_stays(self, change):
        assert sleep(change(AWAKE)) in {"Awake", None}
        assert stable(change(AWAKE))[0] >= 1
        assert not stable(change(AWAKE))[1]

    @pytest.mark.parametrize("change", [change for name, change in AGAINST[:7]], ids=[name for name, _ in AGAINST[:7]])
    def test_is_not_woken_for_nothing(self, change):
        fresh = change(SERVING.sleep("Awake", 1))
        assert unchanged(fresh)
        assert fresh.decide().requeue_after is None

    def test_ends_where_the_spec_lets_it_sleep_no_more(self):
        assert sleep(AWAKE.autoscaled()) is None
        assert sleep(AWAKE.not_autoscaled()) is None

    def test_stays_until_the_routes_are_as_decided(self):
        assert unchanged(AWAKE.unrouted())
        assert AWAKE.unrouted().decide().requeue_after is None

    def test_stays_while_stable_keeps_its_pods_after_a_rollout(self):
        settling = replace(AWAKE, state=replace(AWAKE.state, floor=3)).phase("Completed", SECONDS - 1)
        assert unchanged(settling)
        assert settling.decide().requeue_after == 1
        assert sleep(settling.phase("Completed", SECONDS)) == "FallingAsleep"

    def test_stays_while_a_rollout_runs_or_is_rolled_back(self):
        assert sleep(AWAKE.candidate("b")) == "Awake"
        assert sleep(AWAKE.rolling_back(1)) == "Awake"

    def test_sleeps_also_beside_a_revision_that_failed(self):
        assert sleep(AWAKE.failed("b")) == "FallingAsleep"


class TestFallingAsleep:
    def test_keeps_the_pods_until_they_are_quiet(self):
        early = SERVING.sleep("FallingAsleep", LEAST - 1, looked=(QUIET_SECONDS, 7)).active("a", 7)
        assert unchanged(early)
        assert early.decide().requeue_after == 1
        assert stable(early) == (1, True)

    def test_ends_when_a_second_look_finds_nothing_new(self):
        decision = FALLING.decide()
        assert (decision.state.sleep.state, reasons(decision)) == ("Asleep", ["FellAsleep"])
        assert stable(FALLING) == (0, True)
        assert shares(decision) == {"a": (0, 100)}
        assert decision.requeue_after is None

    @pytest.mark.parametrize(("requests", "in_flight"), [(8, 0), (7, 1), (0, 0)])
    def test_goes_on_while_requests_are_answered(self, requests, in_flight):
        looked = FALLING.active("a", requests, in_flight).following()
        assert (looked.state.sleep.state, looked.state.sleep.since) == ("FallingAsleep", FALLING.state.sleep.since)
        assert (looked.state.sleep.looked_at, looked.state.sleep.requests) == (NOW, requests)
        assert stable(looked) == (1, True)
        assert looked.decide().requeue_after == QUIET_SECONDS

    def test_needs_two_looks(self):
        once = SERVING.sleep("FallingAsleep", LEAST).active("a", 7)
        assert sleep(once) == "FallingAsleep"
        assert once.decide().state.sleep.requests == 7

    def test_looks_at_the_pods_when_the_proxies_know_the_way_by_the_activator(self):
        early = SERVING.sleep("FallingAsleep", PROPAGATION - 1)
        assert wanted_looks(early.plan, early.state, NOW) == ()
        assert early.decide().requeue_after == 1
        due = SERVING.sleep("FallingAsleep", PROPAGATION)
        (look,) = wanted_looks(due.plan, due.state, NOW)
        assert look.revision == "a"

    def test_waits_for_a_look_that_is_under_way(self):
        waiting = FALLING.unseen()
        assert unchanged(waiting)
        assert waiting.decide().requeue_after == LONGEST_SECONDS

    def test_waits_for_the_routes(self):
        refused = FALLING.unrouted()
        assert unchanged(refused)
        assert stable(refused) == (1, True)
        assert refused.decide().requeue_after == LONGEST_SECONDS

    def test_begins_anew_when_the_routes_could_be_applied_only_now(self):
        begun = routed_anew(FALLING.state, NOW).sleep
        assert (begun.state, begun.since, begun.looked_at, begun.requests) == ("FallingAsleep", NOW, None, None)

    def test_goes_on_where_nothing_can_be_told(self):
        """A pod may be too busy to answer."""
        seen = FALLING.active("a", None, None).following().state.sleep
        assert (seen.state, seen.looked_at, seen.requests) == ("FallingAsleep", NOW, None)

    @against
    def test_turns_back(self, change):
        woken = change(FALLING)
        assert (sleep(woken), reasons(woken.decide())) == ("Awake", [])
        assert routes(woken) == DIRECT
        assert stable(woken)[0] >= 1
        assert not stable(woken)[1]

    def test_is_given_up_when_the_pods_are_never_quiet(self):
        late = SERVING.sleep("FallingAsleep", LEAST + LONGEST_SECONDS, looked=(QUIET_SECONDS, 7)).active("a", 8)
        assert sleep(late) == "Awake"
        assert sleep(late.unrouted()) == "Awake"

    def test_is_not_over_sooner_because_the_clock_has_jumped(self):
        begun = SERVING.sleep("FallingAsleep", 1).active("a", 7)
        jumped = NOW + timedelta(seconds=300)
        looked = replace(begun, state=begun.decide(jumped).state)
        assert looked.state.sleep.requests == 7
        assert looked.decide(jumped + timedelta(seconds=QUIET_SECONDS)).state.sleep.state == "FallingAsleep"
        quiet = jumped + timedelta(seconds=looked.decide(jumped).requeue_after or 0)
        assert looked.decide(quiet).state.sleep.state == "Asleep"
        late = looked.decide(quiet + timedelta(seconds=60)).state.sleep
        assert late.state == "Asleep", "an operator that is always late puts it to sleep too"

    def test_is_not_given_up_before_the_pods_may_be_quiet(self):
        """Where they are to drain for longer than anybody waits for streams."""
        patient = replace(FALLING, rollout=replace(FALLING.rollout, drain=2 * LONGEST_SECONDS))
        assert unchanged(patient)
        assert sleep(patient.sleep("FallingAsleep", 3 * LONGEST_SECONDS - 1, looked=(QUIET_SECONDS, 7))) == "Asleep"


class TestAsleep:
    def test_has_no_pods_and_needs_no_look(self):
        assert unchanged(ASLEEP)
        assert ASLEEP.decide().requeue_after is None
        assert stable(ASLEEP) == (0, True)
        assert ASLEEP.decide().live[0].scale.sleeps
        assert wanted_looks(ASLEEP.plan, ASLEEP.state, NOW) == ()
        assert routes(ASLEEP) == GATED

    @pytest.mark.parametrize(
        "change",
        [change for name, change in AGAINST if name not in UNSURE],
        ids=[n for n, _ in AGAINST if n not in UNSURE],
    )
    def test_ends(self, change):
        woken = change(ASLEEP)
        assert sleep(woken) == "Waking"
        assert reasons(woken.decide()) == ["WakingUp"]
        assert stable(woken)[0] >= 1
        assert stable(woken)[1], "requests wait until there is a pod"

    @pytest.mark.parametrize("facts", [FAILING, NEW])
    def test_stays_while_the_scaler_knows_nothing(self, facts):
        """A failure of the activator, which all sleepers share, must not start the pods of all of them."""
        assert unchanged(ASLEEP.scaler("a", facts))

    def test_stays_while_the_routes_are_not_as_decided(self):
        assert unchanged(ASLEEP.unrouted())

    @pytest.mark.parametrize(
        ("change", "cause"),
        [
            (lambda one: one.scaler("a", BUSY), "it got a request"),
            (lambda one: one.wanting("b"), "a rollout needs it"),
            (lambda one: one.autoscaled(), "it may no longer sleep"),
        ],
    )
    def test_tells_why_it_ends(self, change, cause):
        (event,) = change(ASLEEP).decide().events
        assert event.message == f"Revision a wakes up: {cause}"

    def test_is_no_time_for_a_rollout(self):
        decision = ASLEEP.wanting("b").decide()
        assert (decision.state.candidate, decision.state.phase) == (None, "Completed")

    def test_a_rollback_by_hand_wakes_it_too(self):
        asked = ASLEEP.served("a", "z").rollback("z")
        noted = asked.following()
        assert noted.state.pinned.revision == "z"
        assert sleep(noted) == "Waking"
        awake = noted.following().sleep("Waking", 20).deploying("a", 1).ready("a", 1).following()
        assert awake.following().state.candidate == "z"


class TestWaking:
    def test_waits_for_a_pod(self):
        assert unchanged(WAKING)
        assert stable(WAKING) == (1, True)
        assert WAKING.decide().requeue_after == PROGRESS_DEADLINE - 20

    def test_gets_its_pod_whether_or_not_the_scaler_gives_it(self):
        """KEDA gives none to what it cannot measure, and without pods there is nothing to measure."""
        live = WAKING.scaler("a", FAILING).deploying("a", 0).decide().live[0]
        assert (live.replicas, live.scale.in_charge, live.scale.sleeps) == (1, False, False)
        assert WAKING.deploying("a", 3).decide().live[0].replicas == 3, "what the scaler has given stays"
        assert WAKING.ready("a", 1).decide().live[0].scale.in_charge, "it is told as soon as there is something"

    def test_goes_on_when_nobody_asks_any_more(self):
        assert unchanged(WAKING.scaler("a", IDLE))

    def test_ends_when_there_is_one(self):
        woken = WAKING.ready("a", 1)
        assert (sleep(woken), reasons(woken.decide())) == ("Awake", ["WokeUp"])
        assert routes(woken) == DIRECT
        assert stable(woken) == (1, False)

    def test_ends_no_sooner_than_what_is_seen_is_sure(self):
        fresh = WAKING.sleep("Waking", 1).ready("a", 1)
        assert unchanged(fresh)
        assert fresh.decide().requeue_after == PROPAGATION - 1

    def test_lasts_as_long_as_requests_may_wait(self):
        assert WAKING.autoscaling
        patient = replace(WAKING.autoscaling, cold_start_timeout=3 * PROGRESS_DEADLINE)
        waking = replace(WAKING, autoscaling=patient).sleep("Waking", 2 * PROGRESS_DEADLINE)
        assert unchanged(waking)

    def test_does_not_end_by_the_pod_that_the_scaler_has_just_taken(self):
        """It is asked for at that very moment, and the Deployment still counts a pod that is about to go."""
        late = WAKING.deploying("a", 0).ready("a", 1)
        assert unchanged(late)
        assert sleep(late.deploying("a", 1)) == "Awake"

    def test_does_not_wait_for_all_of_them(self):
        assert sleep(WAKING.scaled(4).ready("a", 1)) == "Awake"

    def test_is_given_up_at_the_deadline(self):
        late = WAKING.sleep("Waking", PROGRESS_DEADLINE)
        assert (sleep(late), reasons(late.decide())) == ("Awake", ["WakingFailed"])
        assert [event.type for event in late.decide().events] == ["Warning"]
        assert routes(late) == DIRECT

    def test_then_a_rollout_begins(self):
        awake = WAKING.wanting("b").ready("a", 1).following()
        assert (awake.state.sleep.state, awake.state.candidate) == ("Awake", None)
        assert doing(awake.decide()) == ("Preparing", "StartingPods")
        assert shares(awake.decide()) == {"a": (1, 100), "b": (1, 0)}


class TestClock:
    @pytest.mark.parametrize("scenario", [AWAKE, FALLING, WAKING])
    def test_set_back_makes_no_wait_longer(self, scenario):
        earlier = NOW - timedelta(days=1)
        told = scenario.decide(earlier).state.sleep
        assert told.since <= earlier
        assert told.looked_at is None or told.looked_at <= earlier
        assert scenario.decide(earlier).requeue_after <= LEAST + LONGEST_SECONDS


@pytest.mark.parametrize("scenario", [AWAKE, FALLING.active("a", 8), FALLING, ASLEEP, WAKING, WAKING.ready("a", 1)])
def test_a_new_operator_goes_on_where_the_last_one_was(scenario):
    status = to_json(scenario.report())
    found = RolloutState.from_status(ModelDeploymentStatus.model_validate(status))
    assert found == scenario.decide().state


def test_the_defaults_are_those_of_the_schema():
    asked = plan_of({"model": {"uri": "pvc://models/digits/1"}, "scaling": {"minReplicas": 0, "maxReplicas": 2}})
    scaling = asked.autoscaling
    assert (asked.replicas, scaling.maximum, scaling.may_sleep) == (1, 2, True)
    assert (scaling.sleep_after, scaling.cold_start_timeout) == (600, 300)
    assert not Settings().activator_service
