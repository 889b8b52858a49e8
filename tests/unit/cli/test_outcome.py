"""When waiting ends, and how."""

import pytest
from tests.support.cli import view
from tests.support.documents import NEW, OLD, OLDER, STATES, document, rollout, stable

from nereid.cli import asking
from nereid.cli.rollout_outcome import goal_of, outcome_of_rollout
from nereid.cli.view import read

OPEN = None
SPEC_REVERTED = read(document(stable=stable(), rollout=rollout("Idle", "SpecReverted", "…", rollbacks=1)))


def result(outcome) -> bool | None:
    return OPEN if outcome is None else outcome.is_good


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("unseen", OPEN),
        ("first-revision-pending", OPEN),
        ("first-revision-checking", OPEN),
        ("first-revision-failed", False),
        ("checks-running", OPEN),
        ("analyzing", OPEN),
        ("paused-for-promotion", OPEN),
        ("rolling-back", OPEN),
        ("rolling-back-as-stable-can-carry", OPEN),
        ("promoting", OPEN),
        ("rollback-under-way", OPEN),
        ("completed", True),
        ("failed-analysis", False),
        ("aborted", False),
        ("pinned", False),
        ("invalid-spec", False),
    ],
)
def test_a_rollout_is_done(state, expected):
    assert result(outcome_of_rollout(view(state))) is expected


@pytest.mark.parametrize("state", ["completed", "failed-analysis"])
@pytest.mark.parametrize(("resolved", "expected"), [({}, False), ({"resolvedUri": "models:/digits/8"}, True)])
def test_nothing_is_over_before_it_is_known_what_is_asked_for(state, resolved, expected):
    found = STATES[state]
    resolution = {"id": "1", "uri": "models:/digits@champion", **resolved}
    outcome = outcome_of_rollout(read({**found, "status": {**found["status"], "resolution": resolution}}))
    assert (outcome is not OPEN) is expected


def test_what_was_said_of_an_earlier_spec_is_no_outcome():
    found = STATES["completed"]
    assert outcome_of_rollout(read({**found, "metadata": {**found["metadata"], "generation": 4}})) is OPEN


def goal(state: str, ask, *arguments):
    answer = ask(view(state), *arguments)
    return goal_of(answer if isinstance(answer, asking.UserCommand) else answer.pending)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (view("paused-for-promotion"), OPEN),
        (view("promoting"), OPEN),
        (view("rolling-back"), OPEN),
        (view("completed"), True),
        (view("failed-guard"), False),
        (SPEC_REVERTED, False),
        (view("rollback-under-way"), False),
    ],
)
def test_after_promote(now, expected):
    assert result(goal("paused-for-promotion", asking.promote)(now)) is expected


@pytest.mark.parametrize("ask", [asking.promote, asking.retry])
def test_a_first_revision_that_failed_is_waited_for_until_the_operator_has_seen_the_command(ask):
    reached = goal("first-revision-failed", ask)
    states = ("first-revision-failed", "first-revision-pending", "completed")
    assert [result(reached(view(state))) for state in states] == [OPEN, OPEN, True]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (view("analyzing"), OPEN),
        (view("rolling-back"), OPEN),
        (view("rolling-back-as-stable-can-carry"), OPEN),
        (view("aborted"), True),
        (SPEC_REVERTED, True),
        (view("analyzing", attempt=2), True),
        (view("completed"), False),
    ],
)
def test_after_abort(now, expected):
    assert result(goal("analyzing", asking.abort)(now)) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (view("failed-guard"), OPEN),
        (view("analyzing", attempt=2), OPEN),
        (view("completed"), True),
        (view("failed-guard", failed={**STATES["failed-guard"]["status"]["rollout"]["failed"], "attempt": 2}), False),
        (SPEC_REVERTED, False),
    ],
)
def test_after_retry(now, expected):
    assert result(goal("failed-guard", asking.retry)(now)) is expected


BEFORE = view("completed", rollbacks=0)
REFUSED = view("completed", rollbacks=1)
UNPINNED = view("pinned", rollbacks=2, pinned=None)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEFORE, OPEN),
        (view("rollback-under-way"), OPEN),
        (view("pinned"), True),
        (REFUSED, False),
        (view("analyzing", rollbacks=1), False),
    ],
)
def test_after_rollback(now, expected):
    assert result(goal("completed", asking.rollback, OLDER["revision"])(now)) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (view("pinned"), OPEN),
        (UNPINNED, OPEN),
        (read(document(stable=stable(of=OLD), rollout=rollout("Completed", "Promoted", "…", rollbacks=2))), True),
        (view("analyzing", rollbacks=2), False),
    ],
)
def test_after_the_end_of_a_rollback(now, expected):
    assert result(goal("pinned", asking.rollback, OLD["revision"])(now)) is expected


def test_a_sentence_says_how_it_ended():
    assert outcome_of_rollout(view("completed")).sentence == "bbc4zt2p (version 8) is stable and gets all traffic"
    assert outcome_of_rollout(view("failed-guard")).sentence.startswith(
        f"{NEW['revision']} has failed: GuardExceeded: at least 24.5%"
    )


class TestAtAGate:
    def test_a_promotion_to_the_next_step_waits_for_that_step_alone(self):
        reached = goal("paused-at-gate", asking.promote)
        assert reached(view("paused-at-gate")) is OPEN
        assert reached(view("paused-at-gate", state="Preparing", reason="StartingPods", step=2)) is OPEN
        outcome = reached(view("paused-at-gate", state="Analyzing", reason="CollectingEvidence", step=2))
        assert (outcome.is_good, outcome.sentence) == (True, "bbc4zt2p (version 8) has reached its next step")

    def test_a_rollout_that_fails_meanwhile_is_told(self):
        assert not goal("paused-at-gate", asking.promote)(view("failed-guard")).is_good
