"""Revisions that served: kept for a rollback by hand, or for a spec that asks for one of them again."""

from dataclasses import replace
from datetime import datetime

from nereid.api.status import PinnedRevision, ServedRevision
from nereid.controller.decide.rollout.state import Event, RolloutState, Transition, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Held, Plan, pinned_to


def desired_plan(plan: Plan, observed: Observed, state: RolloutState) -> tuple[Plan, Transition]:
    """Return the plan with the pinned revision, if one is pinned, and what a rollback by hand changes in the state.

    A rollback pins the older revision for as long as the spec asks for the same revision as it did then, so that the
    unchanged spec does not undo it.
    """
    command, pinned = plan.rollout.rollback, state.pinned
    if command and command.number == state.rollbacks + 1:
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
    return plan.rollout.fast_track and any(entry.revision == plan.revision for entry in state.history)


def may_return(state: RolloutState, revision: str | None) -> bool:
    """Whether a revision that drains was stable until a rollout replaced it."""
    return any(retiring.may_return for retiring in state.retiring if retiring.revision == revision)


def with_served(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> tuple[ServedRevision, ...]:
    """Return the history once the candidate is stable, cut to the limit."""
    moment = whole_second(now)
    served = _entry(observed, state.candidate or "", served_from=moment)
    before = state.history or ((_entry(observed, state.stable),) if state.stable else ())
    return (served, *(_ended(entry, moment) for entry in before[: plan.rollout.history_limit]))


def _ended(entry: ServedRevision, moment: datetime) -> ServedRevision:
    """Return the entry with the end of its service: this moment, unless it ended before."""
    return ServedRevision(
        revision=entry.revision,
        version=entry.version,
        model_uri=entry.model_uri,
        served_from=entry.served_from,
        served_until=entry.served_until or moment,
        provenance=entry.provenance,
    )


def _entry(observed: Observed, revision: str, served_from: datetime | None = None) -> ServedRevision:
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
