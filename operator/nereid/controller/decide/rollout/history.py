"""Revisions that served: kept for a rollback by hand, or for a spec that asks for one of them again.

Each says why it was left. What was left as bad gets all traffic again only if its user names it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.status import FailedRollout, PinnedRevision, ServedRevision
from nereid.controller.decide.rollout.state import Event, Failure, RolloutState, Transition, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Held, Plan, pinned_to

SUPERSEDED: Final = "Superseded"
REVERTED: Final = "Reverted"
ROLLED_BACK_BY_HAND: Final = "RolledBackByHand"


def desired_plan(plan: Plan, observed: Observed, state: RolloutState) -> tuple[Plan, Transition]:
    """Return the plan with the pinned revision, if one is pinned, and what a rollback by hand changes in the state.

    A rollback pins the older revision for as long as the spec asks for the same revision as it did then, so that the
    unchanged spec does not undo it. Before the first revision is there, nothing can be rolled back.
    """
    command, pinned = plan.rollout.rollback, state.pinned
    if command and command.number == state.rollbacks + 1 and (state.stable or state.candidate):
        return plan, _after_rollback(plan, observed, state, command.revision)
    # A pin also holds while the spec is held.
    return (pinned_to(plan, pinned.revision) if pinned else plan), (state, ())


def unpinned(plan: Plan, state: RolloutState) -> RolloutState:
    """Return the state without a pin that the spec has ended.

    This is not a transition of its own: between the two, status would report the new spec as ready.
    """
    pinned = state.pinned
    return replace(state, pinned=None) if pinned and pinned.instead_of != plan.revision else state


def is_fast(plan: Plan, state: RolloutState) -> bool:
    """Whether the plan's revision may get all traffic as soon as its pods are ready, as it has served before."""
    if (state.pinned and state.pinned.revision == plan.revision) or may_return(state, plan.revision):
        return True
    last = last_of(state.history, plan.revision)
    return plan.rollout.fast_track and last is not None and not was_bad(last)


def last_of(history: Sequence[ServedRevision], revision: str) -> ServedRevision | None:
    """Return the newest entry of a revision; None if it never served."""
    return next((entry for entry in history if entry.revision == revision), None)


def was_bad(entry: ServedRevision) -> bool:
    """Whether a revision was left for another reason than a better one, or for one that is not known.

    An earlier operator has not said why a revision was left: it counts as good, as it did then.
    """
    return entry.left_reason not in {None, SUPERSEDED}


def failed_now(state: RolloutState, revision: str, failure: Failure, now: datetime) -> FailedRollout:
    """Return the record of a revision that fails now, at its present attempt."""
    return FailedRollout(
        revision=revision,
        attempt=state.attempt,
        reason=failure.reason,
        message=failure.message,
        at=whole_second(now),
    )


def left_as_failed(state: RolloutState, revision: str, failure: Failure, now: datetime) -> RolloutState:
    """Return the state in which a revision has failed; if it served before, its newest entry says so from now on."""
    last = last_of(state.history, revision)
    told = last and last.model_copy(update={"left_reason": failure.reason, "left_message": failure.message})
    entries = tuple(told if told and entry is last else entry for entry in state.history)
    return replace(state, failed=failed_now(state, revision, failure, now), history=entries)


def may_return(state: RolloutState, revision: str | None) -> bool:
    """Whether a revision that drains was stable until a rollout replaced it."""
    return any(retiring.may_return for retiring in state.retiring if retiring.revision == revision)


def with_served(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> tuple[ServedRevision, ...]:
    """Return the history once the candidate is stable, cut to the limit."""
    moment = whole_second(now)
    served = entry_of(observed, state.candidate or "", served_from=moment)
    before = state.history or ((entry_of(observed, state.stable),) if state.stable else ())
    reason, message = _why_left(state)
    return (served, *(ended(entry, moment, reason, message) for entry in before[: plan.rollout.history_limit]))


def ended(entry: ServedRevision, moment: datetime, reason: str, message: str) -> ServedRevision:
    """Return the entry with the end of its service, and why it ended; unchanged if it ended before."""
    if entry.served_until:
        return entry
    return entry.model_copy(update={"served_until": moment, "left_reason": reason, "left_message": message})


def _why_left(state: RolloutState) -> tuple[str, str]:
    """Return why stable is left for the candidate, which becomes stable: a reason and a sentence.

    Going to a revision that served before is going back, unless that one was itself left as bad: then it has been
    mended, or was not the cause, and has passed again.
    """
    candidate = state.candidate or ""
    before = last_of(state.history, candidate)
    if state.pinned and state.pinned.revision == candidate:
        return ROLLED_BACK_BY_HAND, f"rolled back by hand to revision {candidate}"
    if before is not None and not was_bad(before):
        return REVERTED, f"the spec went back to revision {candidate}, which had served before"
    return SUPERSEDED, f"revision {candidate} was promoted"


def entry_of(observed: Observed, revision: str, served_from: datetime | None = None) -> ServedRevision:
    """Return the entry of a revision that serves, from its record."""
    record = observed.of(revision).record
    return ServedRevision(
        revision=revision,
        version=record.version if record else revision,
        model_uri=record.model_uri if record else "",
        served_from=served_from,
    )


def _after_rollback(plan: Plan, observed: Observed, state: RolloutState, target: str) -> Transition:
    state = replace(state, rollbacks=state.rollbacks + 1)
    if target == plan.revision and not isinstance(plan, Held):
        sentence = f"The rollback by hand is over: the spec's own revision {target} applies again"
        event = Event("Normal", "RollbackEnded", sentence)
        return replace(state, pinned=None), (event,)
    served = {state.stable, *(entry.revision for entry in state.history)}
    if target not in served or observed.of(target).record is None:
        sentence = (
            f"Revision {target} cannot be rolled back to, as it is not in the history: choose one of status.history"
        )
        event = Event("Warning", "RollbackRefused", sentence)
        return state, (event,)
    pinned = PinnedRevision(revision=target, instead_of=plan.revision)
    sentence = (
        f"Rolled back by hand to revision {target}, instead of {plan.revision}, until the spec asks for another one"
    )
    return replace(state, pinned=pinned), (Event("Normal", "RolledBackByHand", sentence),)
