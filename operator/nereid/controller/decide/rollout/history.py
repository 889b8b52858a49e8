"""Revisions that served: kept to go back to, by hand or by a spec that asks for one of them again."""

from dataclasses import replace
from datetime import datetime

from nereid.api.status import PinnedRevision, ServedRevision
from nereid.controller.decide.rollout.state import Event, RolloutState, Transition, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Held, Plan, pinned_to


def wanted(plan: Plan, observed: Observed, state: RolloutState) -> tuple[Plan, Transition]:
    """Return the plan with the revision that is wanted in truth, and what a rollback by hand changes in the state.

    A rollback pins the older revision for as long as the spec asks for the same revision as it did then, so that the
    unchanged spec does not undo it.
    """
    command, pinned = plan.rollout.rollback, state.pinned
    if command and command.number == state.rollbacks + 1:
        return plan, _obeyed(plan, observed, state, command.revision)
    # What is wanted by hand is known, also where nobody knows what the spec asks for.
    return (pinned_to(plan, pinned.revision) if pinned else plan), (state, ())


def unpinned(plan: Plan, state: RolloutState) -> RolloutState:
    """Return the state without a pin that the spec has ended: no transition of its own, but the beginning of another.

    In between, status would say of the new spec that it is ready.
    """
    pinned = state.pinned
    return replace(state, pinned=None) if pinned and pinned.instead_of != plan.revision else state


def is_fast(plan: Plan, state: RolloutState) -> bool:
    """Whether the plan's revision may take everything as soon as it has its pods, as it served before."""
    if state.pinned and state.pinned.revision == plan.revision:
        return True
    return plan.rollout.fast_track and any(one.revision == plan.revision for one in state.history)


def with_served(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> tuple[ServedRevision, ...]:
    """Return the history once the candidate is stable, cut to the limit."""
    moment = whole_second(now)
    served = _entry(observed, state.candidate or "", served_from=moment)
    before = state.history or ((_entry(observed, state.stable),) if state.stable else ())
    return (served, *(_ended(one, moment) for one in before[: plan.rollout.history_limit]))


def _ended(one: ServedRevision, moment: datetime) -> ServedRevision:
    """Return the entry of a revision that serves no longer than until now; one that ended before ended then."""
    return ServedRevision(
        revision=one.revision,
        version=one.version,
        model_uri=one.model_uri,
        served_from=one.served_from,
        served_until=one.served_until or moment,
        provenance=one.provenance,
    )


def _entry(observed: Observed, revision: str, served_from: datetime | None = None) -> ServedRevision:
    record = observed.of(revision).record
    return ServedRevision(
        revision=revision,
        version=record.version if record else revision,
        model_uri=record.model_uri if record else "",
        served_from=served_from,
    )


def _obeyed(plan: Plan, observed: Observed, state: RolloutState, target: str) -> Transition:
    state = replace(state, rollbacks=state.rollbacks + 1)
    if target == plan.revision and not isinstance(plan, Held):
        sentence = f"The rollback by hand is over: the spec's own revision {target} applies again"
        event = Event("Normal", "RollbackEnded", sentence)
        return replace(state, pinned=None), (event,)
    served = {state.stable, *(one.revision for one in state.history)}
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
