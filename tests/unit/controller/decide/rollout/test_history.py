"""What served before: kept to go back to, by hand or by the fast track."""

import pytest
from tests.support.scenario import NOW, PROPAGATION, ago, doing, place, reasons, rollout, shares, unchanged

from nereid.api.status import ServedRevision

SERVING = rollout().stable("c").served("c", "b", "a")
PROMOTING = rollout().stable("a").candidate("b", weight=100, step=2).promoting(PROPAGATION)


def revisions(decision):
    return [one.revision for one in decision.state.history]


class TestHistory:
    def test_begins_with_the_first_revision(self):
        state = rollout().recorded("a").candidate("a", weight=100, step=2).decide().state
        (served,) = state.history
        assert (served.revision, served.version, served.served_from, served.served_until) == ("a", "1-a", NOW, None)

    def test_has_the_newest_first_and_tells_when_each_served(self):
        first = rollout().recorded("a").candidate("a", weight=100, step=2).decide(ago(3600)).state.history
        state = PROMOTING.recorded("b").with_history(first).decide().state
        assert [(one.revision, one.served_from, one.served_until) for one in state.history] == [
            ("b", NOW, None),
            ("a", ago(3600), NOW),
        ]

    def test_knows_the_stable_revision_that_served_before_there_was_one(self):
        assert revisions(PROMOTING.recorded("a", "b").decide()) == ["b", "a"]

    def test_keeps_as_many_earlier_ones_as_asked(self):
        full = PROMOTING.served("a", "z", "y", "x")
        assert revisions(full.history_limit(2).decide()) == ["b", "a", "z"]
        assert revisions(full.history_limit(0).decide()) == ["b"]

    def test_tells_each_time_that_one_served(self):
        assert revisions(PROMOTING.served("a", "b").decide()) == ["b", "a", "b"]

    def test_stays_as_it_is_when_a_candidate_fails(self):
        assert revisions(PROMOTING.served("a", "z").abort("b").decide()) == ["a", "z"]

    def test_ends_each_time_once(self):
        ended = PROMOTING.served("a", "z").decide().state.history
        again = rollout().stable("b").candidate("d", weight=100, step=2).promoting(PROPAGATION).with_history(ended)
        assert [one.served_until for one in again.decide(ago(-1)).state.history] == [None, ago(-1), NOW, NOW]


class TestFastTrack:
    def test_skips_the_steps_for_what_served_before(self):
        decision = SERVING.fast_track().wanting("a").decide()
        assert (decision.state.is_fast, place(decision)) == (True, ("Preparing", 2, 0))
        assert shares(decision) == {"c": (4, 100), "a": (4, 0)}
        assert "fast track" in decision.events[0].message

    def test_gets_everything_as_soon_as_it_has_its_pods(self):
        fast = SERVING.fast_track().judged().wanting("a").ready("a", 4).following()
        assert place(fast.decide()) == ("Promoting", 2, 100)
        assert fast.promoting(PROPAGATION).following().following().decide().state.stable == "a"

    def test_is_for_those_in_the_history_alone(self):
        assert not SERVING.fast_track().wanting("d").decide().state.is_fast

    def test_is_off_unless_asked_for(self):
        assert not SERVING.wanting("a").decide().state.is_fast

    def test_waits_while_the_spec_is_paused(self):
        waiting = SERVING.fast_track().paused().wanting("a").ready("a", 4).following()
        assert unchanged(waiting)
        assert doing(waiting.decide()) == ("Preparing", "PausedBySpec")

    def test_keeps_to_its_way_whatever_becomes_of_strategy_and_steps(self):
        fast = SERVING.fast_track().wanting("a").following()
        assert unchanged(fast.blue_green())
        longer = fast.steps((10, 60), (20, 60), (30, 60)).ready("a", 4).following()
        assert place(longer.decide()) == ("Promoting", 3, 100)

    def test_is_left_when_the_rollout_is_over(self):
        over = SERVING.fast_track().wanting("a").ready("a", 4).following().following().promoting(PROPAGATION)
        assert not over.decide().state.is_fast


class TestRollbackByHand:
    BACK = SERVING.rollback("a")

    def test_pins_the_older_revision(self):
        decision = self.BACK.decide()
        assert (decision.state.pinned.revision, decision.state.pinned.instead_of) == ("a", "c")
        assert (reasons(decision), decision.state.rollbacks) == (["RolledBackByHand"], 1)

    def test_takes_the_fast_track(self):
        started = self.BACK.following().ready("a", 4).following()
        assert (started.state.candidate, started.state.is_fast) == ("a", True)
        assert place(started.decide()) == ("Promoting", 2, 100)

    def test_goes_on_in_a_paused_rollout(self):
        started = self.BACK.paused().following().ready("a", 4).following()
        assert place(started.decide()) == ("Promoting", 2, 100)

    def test_goes_on_where_the_same_revision_was_paused_before(self):
        """It had begun by the spec, which was paused; then the spec asked for another, and its user for this one."""
        begun = SERVING.fast_track().paused().wanting("a").ready("a", 4).following()
        by_hand = begun.wanting("d").rollback("a").following()
        assert by_hand.state.pinned.revision == by_hand.state.candidate == "a"
        assert doing(by_hand.decide()) == ("Preparing", "StartingPods")
        assert place(by_hand.following().decide()) == ("Promoting", 2, 100)

    def test_is_not_undone_by_the_unchanged_spec(self):
        pinned = rollout().stable("a").wanting("c").pinned("a", instead_of="c").rollback("a")
        assert unchanged(pinned)

    def test_is_over_when_the_spec_asks_for_something_else(self):
        changed = rollout().stable("a").wanting("d").pinned("a", instead_of="c").rollback("a").following()
        assert changed.state.pinned is None
        assert changed.decide().state.candidate == "d"

    def test_is_over_when_the_spec_asks_for_the_same_as_well(self):
        agreed = rollout().stable("a").wanting("a").pinned("a", instead_of="c").rollback("a").following()
        assert agreed.state.pinned is None
        assert unchanged(agreed)

    def test_of_the_specs_own_revision_ends_it(self):
        undone = rollout().stable("a").wanting("c").pinned("a", instead_of="c").rollback("c", 2)
        decision = undone.decide()
        assert (decision.state.pinned, decision.state.rollbacks, reasons(decision)) == (None, 2, ["RollbackEnded"])
        assert undone.following().decide().state.candidate == "c"

    def test_of_the_stable_revision_takes_the_candidate_back(self):
        by_hand = SERVING.candidate("d", weight=20).holding(5).rollback("c").following()
        assert (by_hand.state.pinned.revision, by_hand.state.pinned.instead_of) == ("c", "d")
        assert doing(by_hand.decide()) == ("RollingBack", "SpecReverted")

    def test_of_the_stable_revision_ends_a_failure(self):
        failed = SERVING.failed("d").rollback("c").following()
        assert (doing(failed.decide()), failed.decide().state.failed) == (("Idle", "SpecReverted"), None)

    @pytest.mark.parametrize("attempt", [1, 3])
    def test_is_obeyed_once_and_only_if_its_turn_has_come(self, attempt):
        later = rollout().stable("c").served("c", "a").pinned("c", instead_of="c", rollbacks=1)
        assert later.rollback("a", attempt).decide().state.rollbacks == 1
        assert later.rollback("a", 2).decide().state.rollbacks == 2

    @pytest.mark.parametrize(
        "refused",
        [
            SERVING.rollback("x"),
            SERVING.recorded("x").rollback("x"),
            rollout().stable("c").served("c", "a").recorded().without_records().rollback("a"),
        ],
        ids=["unknown", "never-stable", "record-is-lost"],
    )
    def test_to_what_is_not_in_the_history_is_refused_once(self, refused):
        decision = refused.decide()
        assert (reasons(decision), decision.events[0].type) == (["RollbackRefused"], "Warning")
        assert (decision.state.pinned, decision.state.rollbacks) == (None, 1)
        assert unchanged(refused.following())

    @pytest.mark.parametrize("scenario", [rollout(), rollout().recorded("z")], ids=["new", "status-lost"])
    def test_of_an_object_that_has_nothing_yet_is_told_once_the_first_revision_is_there(self, scenario):
        """The annotation came with the manifest, which was copied from another one."""
        first = scenario.wanting("a").rollback("y")
        assert (first.decide().state.candidate, first.report().phase) == ("a", "Pending")
        assert reasons(first.following().decide()) == ["RollbackRefused"]

    def test_that_fails_is_a_failure_like_any_other(self):
        lost = self.BACK.following().following().preparing(9999).ready("a", 0)
        assert lost.decide().state.failed.revision == "a"
        assert lost.following().phase("RollingBack", PROPAGATION, "x").decide().state.phase == "Failed"

    def test_keeps_its_pin_through_the_whole_rollout(self):
        done = self.BACK.following().ready("a", 4).following().following().promoting(PROPAGATION).following()
        assert (done.state.stable, done.state.pinned.revision) == ("a", "a")
        assert unchanged(done.unseen())


def test_a_spec_that_ends_a_pin_is_never_taken_for_ready() -> None:
    """`kubectl wait` must not see the pinned revision as what the new spec asks for."""
    decision = rollout().stable("a").wanting("c").pinned("a", instead_of="b").decide()
    assert (decision.state.pinned, decision.state.candidate) == (None, "c")


class TestWhyItWasLeft:
    """Each entry says it, and what was left as bad is given everything only if its user names it."""

    def test_for_one_that_was_promoted(self):
        left = PROMOTING.served("a").decide().state.history[1]
        assert (left.revision, left.left_reason, left.left_message) == ("a", "Superseded", "revision b was promoted")

    def test_by_hand(self):
        back = SERVING.rollback("a").following().ready("a", 4).following().following()
        left = back.promoting(PROPAGATION).decide().state.history
        assert [(one.revision, one.left_reason) for one in left[:2]] == [("a", None), ("c", "RolledBackByHand")]

    def test_for_one_that_had_served_before(self):
        reverted = rollout().stable("b").served("b", "a").candidate("a", weight=100, step=2).promoting(PROPAGATION)
        assert reverted.decide().state.history[1].left_reason == "Reverted"

    def test_for_one_that_had_been_left_as_bad_and_has_passed_now(self):
        """The way back was the exception, not the way forth."""
        bad = ended("a", None), ended("b", "Reverted"), ended("a", "Superseded")
        mended = rollout().stable("a").with_history(bad).candidate("b", weight=100, step=2).promoting(PROPAGATION)
        assert mended.decide().state.history[1].left_reason == "Superseded"

    def test_is_kept_when_others_follow(self):
        kept = ended("a", None), ended("b", "Reverted")
        later = rollout().stable("a").with_history(kept).candidate("d", weight=100, step=2).promoting(PROPAGATION)
        assert [one.left_reason for one in later.decide().state.history] == [None, "Superseded", "Reverted"]

    def test_of_a_former_revision_whose_later_rollout_failed_is_that(self):
        aborted = SERVING.candidate("a", weight=20).holding(5).abort("a").decide().state.history
        assert [(one.revision, one.left_reason) for one in aborted] == [("c", None), ("b", None), ("a", "Aborted")]

    @pytest.mark.parametrize("reason", ["Reverted", "RolledBackByHand", "GuardExceeded", "StatusLost"])
    def test_keeps_a_bad_one_from_the_fast_track_but_not_from_its_user(self, reason):
        served = rollout().stable("a").with_history((ended("a", None), ended("b", reason))).recorded("a", "b")
        by_spec = served.fast_track().wanting("b").decide()
        assert not by_spec.state.is_fast
        assert "in spite of fastTrack" in by_spec.events[0].message
        assert served.rollback("b").following().decide().state.is_fast

    def test_of_an_operator_that_did_not_say_keeps_nothing_from_it(self):
        assert SERVING.fast_track().wanting("a").decide().state.is_fast


def ended(revision, reason):
    told = {"left_reason": reason, "served_until": ago(60)} if reason else {}
    return ServedRevision(revision=revision, version=f"1-{revision}", model_uri="pvc://models/x", **told)
