"""What the commands ask for, and what they refuse."""

from dataclasses import replace

import click
import pytest
from tests.support.cli import view
from tests.support.documents import NEW, OLD, OLDER, STATES

from nereid.cli import asking
from nereid.cli.asking import AlreadyDone, UserCommand
from nereid.cli.view import read


def refusal(ask, *arguments) -> str:
    with pytest.raises(click.ClickException) as refused:
        ask(*arguments)
    return refused.value.message


def given(answer: asking.CommandOrDone) -> tuple[str, str]:
    assert isinstance(answer, UserCommand)
    return answer.annotation, answer.value


def left(seen, revision: str, reason: str, message: str = "because"):
    """Let a revision of the history have been left for a reason."""
    told = {"left_reason": reason, "left_message": message}
    history = [one.model_copy(update=told) if one.revision == revision else one for one in seen.status.history]
    return replace(seen, status=seen.status.model_copy(update={"history": history}))


class TestPromote:
    @pytest.mark.parametrize(
        "state", ["analyzing", "paused-for-promotion", "paused-by-spec", "checks-running", "shadow"]
    )
    def test_names_the_candidate_and_its_attempt(self, state):
        assert given(asking.promote(view(state, attempt=3))) == ("nereid.dev/promote", "bbc4zt2p/3")

    def test_at_a_gate_amid_the_steps_names_the_step(self):
        assert given(asking.promote(view("paused-at-gate"))) == ("nereid.dev/promote", "bbc4zt2p/1/1")

    def test_to_the_end_names_no_step(self):
        assert given(asking.promote(view("paused-at-gate"), full=True)) == ("nereid.dev/promote", "bbc4zt2p/1")

    def test_at_a_step_with_a_hold_skips_the_rest(self):
        assert given(asking.promote(view("paused-at-gate", step=2))) == ("nereid.dev/promote", "bbc4zt2p/1")

    def test_nothing_is_rolled_out(self):
        assert refusal(asking.promote, view("completed")) == (
            "nothing to promote: bbc4zt2p (version 8) is stable and nothing is being rolled out"
        )

    def test_what_failed_is_to_be_tried_again(self):
        assert "has failed (GuardExceeded) and was rolled back; retry" in refusal(asking.promote, view("failed-guard"))

    def test_the_first_revision_needs_none(self):
        assert "is the first revision" in refusal(asking.promote, view("first-revision-pending"))

    @pytest.mark.parametrize("state", ["first-revision-checking", "first-revision-failed"])
    def test_the_first_revision_skips_its_checks(self, state):
        assert given(asking.promote(view(state))) == ("nereid.dev/promote", "bbc4zt2p/1")

    def test_what_is_rolled_back_is_not_promoted(self):
        assert "is being rolled back" in refusal(asking.promote, view("rolling-back-as-stable-can-carry"))

    def test_nobody_knows_whether_it_is_still_asked_for(self):
        assert "correct the spec first" in refusal(asking.promote, view("held-by-spec"))

    def test_before_the_operator_has_looked(self):
        assert "the operator has not started" in refusal(asking.promote, view("unseen"))

    def test_again_when_it_has_come_about(self):
        answer = asking.promote(view("completed", {"nereid.dev/promote": "bbc4zt2p/1"}))
        assert answer == AlreadyDone("bbc4zt2p (version 8) was promoted already, and is stable")

    @pytest.mark.parametrize("state", ["baking", "blue-green-kept"])
    def test_in_the_bake_it_ends_that(self, state):
        answer = asking.promote(view(state))
        assert given(answer) == ("nereid.dev/promote", "bbc4zt2p/1/bake")
        assert "end the bake" in answer.sentence

    def test_of_what_is_promoted_is_only_waited_for(self):
        answer = asking.promote(view("promoting"))
        assert isinstance(answer, AlreadyDone)
        assert answer.pending.revision == NEW["revision"]


class TestAbort:
    def test_names_the_candidate_and_its_attempt(self):
        assert given(asking.abort(view("analyzing"))) == ("nereid.dev/abort", "bbc4zt2p/1")

    @pytest.mark.parametrize("state", ["completed", "first-revision-pending", "rolling-back", "failed-check", "unseen"])
    def test_nothing_to_take_back(self, state):
        assert refusal(asking.abort, view(state)).startswith("nothing to ")

    def test_again_when_it_has_come_about(self):
        assert isinstance(asking.abort(view("aborted", {"nereid.dev/abort": "bbc4zt2p/1"})), AlreadyDone)


class TestRetry:
    def test_names_the_attempt_that_failed(self):
        assert given(asking.retry(view("failed-query"))) == ("nereid.dev/retry", "bbc4zt2p/1")

    @pytest.mark.parametrize(
        ("state", "sentence"),
        [
            ("completed", "is stable and nothing"),
            ("analyzing", "is in progress and has not failed"),
            ("unseen", "not started"),
        ],
    )
    def test_nothing_has_failed(self, state, sentence):
        assert sentence in refusal(asking.retry, view(state))

    def test_again_while_it_is_tried_again(self):
        answer = asking.retry(view("analyzing", {"nereid.dev/retry": "bbc4zt2p/1"}, attempt=2))
        assert isinstance(answer, AlreadyDone)
        assert answer.pending.value == "bbc4zt2p/1"


class TestRollback:
    def test_goes_to_the_one_before(self):
        assert given(asking.rollback(view("completed"))) == ("nereid.dev/rollback", "x7k2m9qd/1")

    def test_passes_over_what_was_left_as_bad_and_says_so(self):
        seen = left(view("completed"), "x7k2m9qd", "RolledBackByHand", "rolled back by hand to revision w2w2w2w2")
        answer = asking.rollback(seen)
        assert given(answer) == ("nereid.dev/rollback", "w2w2w2w2/1")
        assert answer.sentence.endswith("Passed over: x7k2m9qd (version 7) (rolled back by hand to revision w2w2w2w2)")

    def test_goes_to_what_was_left_as_bad_if_it_is_named(self):
        seen = left(view("completed"), "x7k2m9qd", "Reverted", "the spec went back to revision w2w2w2w2")
        answer = asking.rollback(seen, "7")
        assert given(answer) == ("nereid.dev/rollback", "x7k2m9qd/1")
        assert "Note that it was left as bad before" in answer.sentence

    def test_does_not_choose_among_bad_ones(self):
        seen = left(left(view("completed"), "x7k2m9qd", "Reverted"), "w2w2w2w2", "GuardExceeded")
        assert "name it with --to" in refusal(asking.rollback, seen)

    def test_counts_the_rollbacks(self):
        assert given(asking.rollback(view("completed", rollbacks=4))) == ("nereid.dev/rollback", "x7k2m9qd/5")

    def test_of_a_rollout_goes_to_stable(self):
        assert given(asking.rollback(view("analyzing"))) == ("nereid.dev/rollback", "x7k2m9qd/1")

    @pytest.mark.parametrize("to", [OLDER["revision"], "6", OLDER["version"]])
    def test_takes_a_revision_or_a_version(self, to):
        assert given(asking.rollback(view("completed"), to)) == ("nereid.dev/rollback", "w2w2w2w2/1")

    def test_lists_what_there_is(self):
        assert refusal(asking.rollback, view("completed"), "5") == (
            "5 is not a revision or version in the history of digits. "
            "It has: bbc4zt2p (version 8), x7k2m9qd (version 7), w2w2w2w2 (version 6)"
        )

    def test_a_version_may_be_several_revisions(self):
        found = STATES["completed"]
        twins = [{**OLD, "revision": "twin2222", "version": "7-twin2222"}, *found["status"]["history"]]
        twofold = read({**found, "status": {**found["status"], "history": twins}})
        assert refusal(asking.rollback, twofold, "7").startswith("version 7 names several revisions: give one of them")

    def test_to_stable_is_no_change(self):
        assert asking.rollback(view("completed"), "8") == AlreadyDone("bbc4zt2p (version 8) is stable already")

    def test_nowhere_to_go(self):
        assert "no revision has become stable yet" in refusal(asking.rollback, view("first-revision-pending"))
        found = STATES["completed"]
        alone = read({**found, "status": {**found["status"], "history": found["status"]["history"][:1]}})
        assert "is the only revision" in refusal(asking.rollback, alone)

    @pytest.mark.parametrize("to", [None, "6", OLDER["revision"]])
    @pytest.mark.parametrize("state", ["pinned", "rollback-under-way"])
    def test_again_changes_nothing(self, state, to):
        answer = asking.rollback(view(state), to)
        assert isinstance(answer, AlreadyDone)
        assert answer.pending.value == "w2w2w2w2/1"

    def test_to_the_specs_own_revision_ends_it(self):
        answer = asking.rollback(view("pinned"), OLD["revision"])
        assert (given(answer), answer.ends_pin) == (("nereid.dev/rollback", "x7k2m9qd/2"), True)


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        ("unseen", []),
        ("first-revision-pending", []),
        ("first-revision-checking", ["promote"]),
        ("first-revision-failed", ["promote", "retry"]),
        ("analyzing", ["promote", "abort", "rollback"]),
        ("paused-at-gate", ["promote", "promote", "abort", "rollback"]),
        ("promoting", ["abort", "rollback"]),
        ("rolling-back", ["retry", "rollback"]),
        ("failed-guard", ["retry", "rollback"]),
        ("completed", ["rollback"]),
        ("pinned", ["rollback"]),
    ],
)
def test_what_is_possible(state, commands):
    assert [one.command for one in asking.possible(view(state))] == commands
