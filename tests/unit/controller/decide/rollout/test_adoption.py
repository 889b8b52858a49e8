"""Status was lost, is older than the cluster, or was forged: what serves goes on serving, and nobody gains by it."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support.scenario import NOW, Scenario, ago, doing, reasons, rollout, shares

from nereid.api.rollout_stage import Stage
from nereid.api.status import ServedRevision
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.state import Decision, Retiring, RolloutState
from nereid.controller.observed.facts import ACTIVATOR, DeploymentFacts, Observed, Routing
from nereid.controller.plan.plan import Exposure

ROLLING = rollout().stable("a").candidate("b", weight=20).holding(10).recorded("a", "b", "z")


def lost(scenario: Scenario, state: RolloutState | None = None, **seen: Any) -> Decision:
    """Return what is decided once status is empty, or says something else; `seen` is what the cluster shows besides."""
    return decide(scenario.plan, replace(scenario.observed, **seen), state or RolloutState(), NOW)


def routes(*weights: tuple[str, int]) -> dict[str, Any]:
    return {"routings": frozenset({Routing(weights=frozenset(weights))})}


def then(scenario: Scenario, decision: Decision, **seen: Any) -> Decision:
    """Return what the next pass decides."""
    return lost(scenario, decision.state, **seen)


class TestEmptyStatus:
    def test_in_mid_rollout_changes_no_share(self):
        decision = lost(ROLLING)
        assert shares(decision) == {"a": (4, 80), "b": (1, 20)}
        assert (reasons(decision), doing(decision)) == (["Adopted"], ("Propagating", "RouteChanged"))

    def test_has_the_candidate_pass_its_step_again(self):
        judged = rollout().judged().stable("a").candidate("b", weight=50, step=1).analyzing(50).recorded("a", "b")
        state = lost(judged).state
        assert (state.step, state.exposure, state.analysis.sampled_at) == (1, Exposure(50), NOW)
        assert unmoved(judged, state)

    def test_has_a_candidate_of_a_canary_that_begins_with_copies_go_on_from_these(self):
        """Its routes look like those of a shadow; as another strategy it would lose them and begin again."""
        steps = rollout().mirroring((50, 60), (100, 60), then=((10, 60),))
        copied = steps.stable("a").candidate("b", step=1, exposure=Exposure(mirror=100)).recorded("a", "b")
        state = lost(copied).state
        assert (state.strategy, state.step, state.exposure) == ("Canary", 1, Exposure(mirror=100))
        assert unmoved(copied, state)

    def test_keeps_the_candidate_at_a_weight_that_no_step_has(self):
        state = lost(rollout().stable("a").candidate("b", weight=5).recorded("a", "b")).state
        assert (state.step, state.weight) == (0, 5)

    def test_with_the_next_version_in_the_spec_keeps_stable_and_takes_the_unjudged_one_back(self):
        world = ROLLING.wanting("c")
        first = lost(ROLLING.wanting("c"), **routes(("a", 80), ("b", 20)))
        assert shares(first) == {"a": (4, 80), "b": (1, 20)}
        second = then(world, first, **routes(("a", 80), ("b", 20)))
        assert shares(second) == {"a": (4, 100), "c": (1, 0), "b": (1, 0)}
        assert (second.state.step, reasons(second)) == (0, ["Superseded", "RolloutStarted"])

    def test_makes_the_specs_own_revision_stable_only_if_it_has_everything(self):
        """Between 90% and all lies what has not been judged."""
        decision = lost(ROLLING.ready("b", 4), **routes(("a", 10), ("b", 90)))
        assert (decision.state.stable, decision.state.candidate, decision.state.weight) == ("a", "b", 90)
        everything = lost(ROLLING.ready("b", 4), **routes(("b", 100)))
        assert shares(everything) == {"b": (4, 100), "a": (4, 0)}

    def test_of_two_others_makes_the_one_with_more_traffic_stable(self):
        decision = lost(ROLLING.wanting("c").ready("b", 4), **routes(("a", 30), ("b", 70)))
        assert (decision.state.stable, decision.state.candidate, decision.state.weight) == ("b", "a", 30)

    def test_makes_nothing_stable_that_has_no_pod_while_another_serves(self):
        decision = lost(ROLLING.wanting("c").ready("a", 0), **routes(("a", 80), ("b", 20)))
        assert (decision.state.stable, decision.state.candidate) == ("b", None)

    def test_while_a_candidate_gets_its_pods_begins_it_again(self):
        preparing = rollout().stable("a").candidate("b", ready=1).preparing(10).recorded("a", "b")
        first = lost(preparing)
        assert shares(first) == {"a": (4, 100), "b": (1, 0)}
        second = then(preparing, first)
        assert (second.state.candidate, second.state.step, second.state.weight) == ("b", 0, 0)

    def test_after_a_failure_begins_again_at_the_first_step(self):
        second = then(failed := rollout().stable("a").failed("b").recorded("a"), lost(failed))
        assert shares(second) == {"a": (4, 100), "b": (1, 0)}

    def test_without_routes_makes_stable_what_has_pods(self):
        assert lost(ROLLING.wanting("c").ready("b", 0), routings=frozenset()).state.stable == "a"

    def test_of_a_first_revision_without_a_pod_is_a_beginning(self):
        first = rollout().wanting("a").candidate("a", weight=100, ready=0)
        decision = lost(first)
        assert (decision.state.stable, decision.state.candidate, decision.state.weight) == (None, "a", 100)

    def test_of_nothing_is_a_beginning(self):
        decision = rollout().wanting("a").decide()
        assert (decision.state.stable, decision.state.candidate, reasons(decision)) == (None, "a", [])

    def test_where_routes_disagree_gives_the_candidate_the_least(self):
        both = frozenset({Routing(weights=frozenset({("a", 100)})), Routing(weights=frozenset({("b", 100)}))})
        decision = lost(ROLLING.ready("b", 4), routings=both)
        assert (decision.state.stable, decision.state.candidate, decision.state.weight) == ("a", "b", 0)

    def test_where_routes_disagree_takes_from_the_candidate_no_more_than_stable_can_carry(self):
        both = frozenset({Routing(weights=frozenset({("a", 100)})), Routing(weights=frozenset({("b", 100)}))})
        assert lost(ROLLING.ready("a", 1).deploying("a", 4).ready("b", 4), routings=both).state.weight == 75

    def test_without_surge_leaves_each_its_places(self):
        world = rollout().without_surge().stable("a").candidate("b", weight=50, step=1).recorded("a", "b")
        assert lost(world.ready("a", 2).ready("b", 2)).state.weight == 50

    @pytest.mark.parametrize(
        ("scenario", "exposure"),
        [
            (rollout().ab_test(60).stable("a").candidate("b", exposure=Exposure(matched=True)), Exposure(matched=True)),
            (rollout().shadow((30, 60)).stable("a").candidate("b", exposure=Exposure(mirror=30)), Exposure(mirror=30)),
        ],
        ids=["matched", "mirrored"],
    )
    def test_keeps_what_the_routes_give_a_candidate_beside_weights(self, scenario, exposure):
        state = lost(scenario.recorded("a", "b")).state
        assert (state.stable, state.candidate, state.exposure) == ("a", "b", exposure)
        assert state.strategy == scenario.rollout.strategy

    def test_lets_nothing_with_pods_go_before_it_has_drained(self):
        drains = rollout().stable("b").retiring("a", replicas=4).ready("a", 4).recorded("a", "b")
        decision = lost(drains)
        assert shares(decision) == {"b": (4, 100), "a": (4, 0)}
        assert decision.state.retiring[0].since == NOW


class TestSleepingModel:
    @pytest.mark.parametrize(("pods", "phase"), [(0, "Asleep"), (1, "Waking")])
    def test_goes_on_behind_the_activator(self, pods, phase):
        asleep = rollout().scaled(1).autoscaled(may_sleep=True).stable("a", ready=0).deploying("a", pods).recorded("a")
        routed: dict[str, Any] = {
            "routings": frozenset({Routing(weights=frozenset({(ACTIVATOR, 100)}))}),
            "gated": frozenset("a"),
        }
        decision = lost(asleep.wanting("b"), **routed)
        assert (decision.state.stable, decision.state.sleep.state) == ("a", phase)


class TestStaleStatus:
    def test_that_does_not_know_what_serves_is_not_believed(self):
        """A backup from before a: it says that z serves."""
        decision = lost(ROLLING, RolloutState(stage=Stage.COMPLETED, stable="z", since=ago(3600)))
        assert shares(decision) == {"a": (4, 80), "b": (1, 20)}
        assert reasons(decision) == ["Adopted"]

    def test_that_makes_the_candidate_stable_is_not_believed(self):
        decision = lost(ROLLING, RolloutState(stage=Stage.COMPLETED, stable="b", since=ago(3600)))
        assert shares(decision) == {"a": (4, 80), "b": (1, 20)}

    def test_from_before_a_promotion_leads_nobody_back_to_a_revision_without_pods(self):
        """A backup from the rollout in which b was the candidate: b has everything by now, and a has no pod left."""
        decision = lost(ROLLING.ready("a", 0).ready("b", 4), ROLLING.state, **routes(("b", 100)))
        assert shares(decision) == {"b": (4, 100)}

    def test_from_when_what_serves_now_was_rolled_back_leads_nobody_to_a_revision_without_pods(self):
        old = RolloutState(stage=Stage.COMPLETED, stable="a", retiring=(Retiring("b", ago(900), 1),), since=ago(900))
        assert shares(lost(ROLLING.ready("a", 0).ready("b", 4), old, **routes(("b", 100)))) == {"b": (4, 100)}

    @pytest.mark.parametrize("stage", [Stage.IDLE, Stage.COMPLETED, Stage.FAILED])
    def test_that_makes_the_candidate_stable_and_lets_the_good_one_drain_is_not_believed(self, stage):
        """At rest, the routes have led to stable alone, and its pods have carried it: b has a fifth, and one pod."""
        forged = RolloutState(stage=stage, stable="b", retiring=(Retiring("a", ago(5), 4),), since=ago(60))
        assert shares(lost(ROLLING, forged)) == {"a": (4, 80), "b": (1, 20)}

    @pytest.mark.parametrize(("ready", "share"), [(1, 40), (4, 90)])
    def test_is_not_why_somebody_has_led_a_part_of_the_routes_elsewhere(self, ready, share):
        """The operator puts them right, as ever."""
        state = RolloutState(stage=Stage.COMPLETED, stable="b", retiring=(Retiring("a", ago(5), 4),), since=ago(60))
        decision = lost(ROLLING.ready("b", ready), state, **routes(("a", share), ("b", 100 - share)))
        assert shares(decision) == {"b": (4, 100), "a": (4, 0)}

    def test_whose_stable_revision_is_gone_gives_way_to_what_serves(self):
        ghost = RolloutState(stage=Stage.PROPAGATING, stable="ghost", candidate="b", exposure=Exposure(20))
        only_b = rollout().wanting("b").ready("b", 4).recorded("b")
        decision = lost(only_b, ghost, gone=frozenset({"ghost"}), **routes(("ghost", 80), ("b", 20)))
        assert shares(decision) == {"b": (4, 100)}

    def test_whose_revisions_are_all_gone_is_a_beginning(self):
        ghost = RolloutState(stage=Stage.COMPLETED, stable="ghost")
        world = rollout().wanting("b")
        decision = lost(world, ghost, gone=frozenset({"ghost"}), **routes(("ghost", 100)))
        assert shares(decision) == {"b": (4, 100)}
        assert reasons(decision) == ["StableLost"]

    def test_whose_revisions_are_all_gone_has_the_first_one_checked_before_any_traffic(self):
        ghost = RolloutState(stage=Stage.COMPLETED, stable="ghost")
        world = rollout().smoke().wanting("b").ready("b", 4)
        decision = lost(world, ghost, gone=frozenset({"ghost"}), **routes(("ghost", 100)))
        assert (reasons(decision), shares(decision)) == (["StableLost"], {"b": (4, 0)})
        assert doing(then(world, decision, routings=frozenset())) == ("Preparing", "RunningChecks")

    @pytest.mark.parametrize("stage", [Stage.STARTING_PODS, Stage.RUNNING_CHECKS, Stage.FAILED])
    def test_from_before_the_first_revision_had_passed_its_checks_takes_no_route_from_it(self, stage):
        old = RolloutState(stage=stage, candidate="a", since=ago(3600))
        decision = lost(rollout().smoke().wanting("a").ready("a", 4).recorded("a"), old, **routes(("a", 100)))
        assert (reasons(decision), shares(decision)) == (["Adopted"], {"a": (4, 100)})

    def test_of_a_first_revision_that_has_failed_its_checks_opens_no_route_to_it(self):
        world = rollout().smoke().wanting("a").ready("a", 4).recorded("a")
        wiped = lost(world, routings=frozenset())
        assert shares(wiped) == {"a": (4, 0)}
        assert doing(then(world, wiped, routings=frozenset())) == ("Preparing", "RunningChecks")

    def test_that_has_lost_stables_record_alone_is_believed_as_it_is_made_again(self):
        state = RolloutState(stage=Stage.COMPLETED, stable="a", since=ago(3600))
        assert lost(ROLLING.wanting("a"), state, gone=frozenset("a"), **routes(("a", 100))).state.stable == "a"

    def test_with_a_share_that_is_not_there_goes_on_from_the_one_that_is(self):
        forged = replace(ROLLING.state, exposure=Exposure(90), stage=Stage.PROMOTING, step=2)
        decision = lost(ROLLING, forged)
        assert shares(decision)["b"] == (1, 20)
        assert (reasons(decision), decision.state.step) == (["WeightCorrected"], 0)

    def test_with_a_share_that_is_not_there_has_shown_nothing_at_the_one_that_is(self):
        shown = rollout().judged().stable("a").candidate("b", weight=20).looked(30).after(((1000, 0), (4000, 0)))
        forged = replace(shown.state, exposure=Exposure(90), stage=Stage.PROMOTING, step=2)
        judged = lost(shown.recorded("a", "b"), forged, **routes(("a", 80), ("b", 20))).state.analysis
        assert (shown.state.analysis.verdict, judged.verdict) == ("Pass", "Continue")

    def test_with_a_share_that_its_pods_can_carry_is_believed(self):
        """The operator may have ended before it could apply the route."""
        promoting = replace(ROLLING.state, exposure=Exposure(100), stage=Stage.PROMOTING, step=2, since=NOW)
        assert lost(ROLLING.ready("b", 4), promoting, **routes(("a", 80), ("b", 20))).state == promoting


class TestTimesAndTrials:
    SHOWN = rollout().judged().within(600, started=3600).stable("z").candidate("b", weight=20).looked(30)

    def test_of_an_older_rollout_are_not_those_of_what_is_adopted(self):
        """The status says that z serves, and a does: b has its whole time again, and beta is shared with what was."""
        old = self.SHOWN.after(((10, 0), (40, 0))).within(600, started=3600).state
        world = rollout().judged().within(600, started=0).stable("a").candidate("b", weight=20).recorded("a", "b")
        state = lost(world, old).state
        assert (state.stable, state.candidate, state.started, state.trial) == ("a", "b", NOW, 2)
        assert lost(world, state).state.failed is None


class TestHistory:
    def test_is_made_from_the_records(self):
        history = lost(ROLLING).state.history
        assert [(one.revision, one.served_until, one.left_reason) for one in history] == [
            ("a", None, None),
            ("z", NOW, "StatusLost"),
        ]

    def test_that_is_left_is_kept(self):
        kept = tuple(ServedRevision(revision=one, version=one, model_uri="pvc://x") for one in "yx")
        history = lost(ROLLING, RolloutState(history=kept)).state.history
        assert [one.revision for one in history] == ["a", "y", "x", "z"]

    def test_does_not_open_the_fast_track_to_what_may_have_failed(self):
        world = ROLLING.fast_track().wanting("z")
        second = then(world, lost(world, **routes(("a", 100))))
        assert (second.state.candidate, second.state.is_fast) == ("z", False)


class TestCommands:
    def test_that_were_carried_out_do_not_act_again(self):
        world = ROLLING.promote("b").abort("b", 2).rollback("z")
        decision = lost(world)
        assert (decision.state.candidate, decision.state.attempt, decision.state.rollbacks) == ("b", 3, 1)
        assert then(world, decision).state.candidate == "b"

    def test_a_rollback_whose_number_nothing_has_had_does_not_make_the_next_ones_impossible(self):
        assert lost(ROLLING.rollback("z", 999_999)).state.rollbacks == 0

    def test_a_rollback_to_what_serves_still_holds(self):
        decision = lost(rollout().stable("a").recorded("a").wanting("b").rollback("a", 2))
        assert (decision.state.pinned.revision, decision.state.pinned.instead_of) == ("a", "b")


def unmoved(scenario: Scenario, state: RolloutState) -> bool:
    return lost(scenario, state).state == state


def test_a_deployment_alone_shows_that_a_revision_exists():
    seen = Observed(ROLLING.observed.revisions, **routes(("a", 80), ("b", 20)))
    bare = {one: replace(shown, record=None) for one, shown in seen.revisions.items()}
    assert decide(ROLLING.plan, replace(seen, revisions=bare), RolloutState(), NOW).state.stable == "a"


def test_pods_that_stop_being_ready_are_not_a_lost_status():
    ill = replace(
        ROLLING.observed.revisions["a"], deployment=DeploymentFacts(replicas=4, ready=0, available=0, problem=None)
    )
    seen = replace(ROLLING.observed, revisions={**ROLLING.observed.revisions, "a": ill})
    assert decide(ROLLING.plan, seen, ROLLING.state, NOW).state == ROLLING.state
