"""What to go on with when status was lost, is older than the cluster, or was forged: with what the cluster shows.

Routes, Deployments, ready pods and ControllerRevisions outlive a status: a backup that is restored without it, a
ModelDeployment that is deleted with its children left, and made again. What serves is adopted as stable. A revision
that had a part of the traffic keeps just that part, and has to pass again: nobody knows any more what it has passed.
What is wrong in one point alone is in `corrections`.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout import Strategy
from nereid.api.rollout_stage import Stage
from nereid.api.status import PinnedRevision, ServedRevision
from nereid.controller.decide.rollout import history
from nereid.controller.decide.rollout.analysis import new_analysis, next_trial
from nereid.controller.decide.rollout.first_revision import begun
from nereid.controller.decide.rollout.routing import FULL, describe
from nereid.controller.decide.rollout.serving import Serving, exists, serving
from nereid.controller.decide.rollout.settling import at_rest
from nereid.controller.decide.rollout.stage import AT_REST, ROLLING_BACK
from nereid.controller.decide.rollout.start import AHEAD, next_attempt
from nereid.controller.decide.rollout.state import (
    Event,
    Retiring,
    RolloutState,
    Sleep,
    Transition,
    entered,
    whole_second,
)
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import NO_TRAFFIC, Exposure, Plan, Specified

STATUS_LOST: Final = "StatusLost"
# The worst rank; see `_rank`.
_NEVER_STABLE: Final = 5
_NOT_KNOWN: Final = "why it was left is not known, as the status was lost"


def adopted(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition | None:
    """Return the state that the cluster shows, and an event; None if the state fits the cluster.

    It changes no route by itself, unless routes lead to what cannot serve, and lets no pod go: what has neither role
    drains.
    """
    found = serving(observed)
    if not _is_lost(plan, observed, state, found):
        return None
    ranked = sorted(found, key=lambda one: (_rank(plan, one), -one.most, -one.ready, one.revision))
    if not ranked or _rank(plan, ranked[0]) == _NEVER_STABLE:
        return _begun_anew(plan, observed, state, now)
    stable = ranked[0]
    candidate = _candidate(stable, found)
    others = [one for one in found if one not in (stable, candidate)]
    failed = state.failed if state.failed and state.failed.revision == plan.revision and not candidate else None
    resting = at_rest(state, Stage.FAILED, now, failed.reason) if failed else at_rest(state, Stage.IDLE, now)
    base = replace(
        resting,
        stable=stable.revision,
        candidate=None,
        floor=0,
        trial=next_trial(state, candidate.revision) if candidate else 1,
        analysis=None,
        checks=None,
        failed=failed,
        retiring=tuple(Retiring(one.revision, whole_second(now), one.pods) for one in others),
        history=_history(observed, state, stable, candidate, now),
        sleep=sleep_of(stable, now),
        rollbacks=_rollbacks(plan, state),
        pinned=None if candidate else pin_of(plan, observed, state, stable.revision),
    )
    following = base if candidate is None else _with_candidate(plan, base, stable, candidate, now)
    return following, (Event("Warning", "Adopted", _sentence(state, following, stable)),)


def _is_lost(plan: Plan, observed: Observed, state: RolloutState, found: Sequence[Serving]) -> bool:
    """Whether the state does not tell of what serves, or tells of a stable revision that is gone."""
    if state.stable is None and state.candidate is None:
        others = any(one.record and revision != plan.revision for revision, one in observed.revisions.items())
        return any(one.revision != plan.revision or (one.is_routed and (one.can_serve or others)) for one in found)
    if state.stable is not None and state.stable in observed.gone and not _can_be_made(plan, state.stable):
        return True
    known = known_revisions(state)
    if state.stable is None and any(_has_served(state, one) for one in found):
        return True
    if _has_no_pods_for_all(plan, state, found):
        return True
    serve = [one for one in found if one.most and one.can_serve]
    return any(one.revision not in known or _serves_instead(plan, state, one, found) for one in serve)


def known_revisions(state: RolloutState) -> set[str | None]:
    """Return the revisions that have a part in the state, and so their pods."""
    return {state.stable, state.candidate, *(kept.revision for kept in state.retiring)}


def _has_served(state: RolloutState, one: Serving) -> bool:
    """Whether a revision has traffic of which a state without a stable revision does not tell.

    The status cannot be read in full, so that its candidate is not the first revision; or it is from before the first
    revision had passed its checks: until then nothing is routed to it.
    """
    if one.revision not in known_revisions(state):
        return one.most > 0
    return one.revision == state.candidate and not state.exposure.has_traffic and one.least == FULL and one.can_serve


def _has_no_pods_for_all(plan: Plan, state: RolloutState, found: Sequence[Serving]) -> bool:
    """Whether stable is said to have had all traffic, but has a part of it, and not the pods for what another serves.

    When a rollout ends, the routes lead to stable alone. Whoever has edited them since has not taken its pods away.
    """
    stable = next((one for one in found if one.revision == state.stable), None)
    if stable is None or state.stage not in AT_REST or stable.least == FULL or not plan.rollout.surge:
        return False
    others = (one for one in found if one is not stable and one.can_serve)
    return stable.ready < plan.replicas and any(one.least > FULL // 2 for one in others)


def _serves_instead(plan: Plan, state: RolloutState, one: Serving, found: Sequence[Serving]) -> bool:
    """Whether a revision serves in place of stable, which has neither traffic nor a pod and would get traffic.

    Only an older status says so: without surge alone, and after a failure, traffic returns to a stable without pods.
    """
    stable = next((other for other in found if other.revision == state.stable), None)
    if state.stable is None or (stable and (stable.most or stable.can_serve)) or state.weight == FULL:
        return False
    if one.revision == state.candidate:
        return state.stage not in ROLLING_BACK
    has_failed = state.failed is not None and state.failed.revision == one.revision
    return bool(plan.rollout.surge) and one.revision != state.stable and not has_failed


def _can_be_made(plan: Plan, revision: str) -> bool:
    return isinstance(plan, Specified) and plan.revision == revision


def _rank(plan: Plan, one: Serving) -> int:
    """Return how well a revision qualifies as stable; the least is the best.

    The revision that the spec asks for is the one that was perhaps never judged: it is stable only if it serves alone.
    """
    if one.revision != plan.revision:
        return (0 if one.can_serve else 2) if one.most else (3 if one.can_serve else _NEVER_STABLE)
    if one.least == FULL and one.can_serve:
        return 1
    return 4 if one.most else _NEVER_STABLE


def _candidate(stable: Serving, found: Sequence[Serving]) -> Serving | None:
    """Return the revision beside stable that has a part of the traffic and can serve it; None if there is none."""
    parts = [one for one in found if one is not stable and one.is_routed and one.ready]
    return max(parts, key=lambda one: (one.least, one.most, one.matched, one.mirror), default=None)


def _with_candidate(
    plan: Plan, state: RolloutState, stable: Serving, candidate: Serving, now: datetime
) -> RolloutState:
    """Return the state with a candidate at the step that gives what it has, which begins anew."""
    exposure = _exposure(plan, stable, candidate)
    is_own = candidate.revision == plan.revision
    attempt = next_attempt(plan, state) if is_own else max(1, state.attempts.of(candidate.revision))
    stage = Stage.PROPAGATING if exposure.has_traffic else Stage.STARTING_PODS
    judged = new_analysis(plan, now) if exposure.has_traffic else None
    return entered(
        replace(
            state,
            candidate=candidate.revision,
            strategy=_strategy(plan, exposure),
            exposure=exposure,
            step=step_at(plan, exposure),
            attempt=attempt,
            attempts=state.attempts.with_attempt(candidate.revision, attempt),
            analysis=judged and replace(judged, revision=candidate.revision),
            started=whole_second(now),
        ),
        stage,
        now,
    )


def _exposure(plan: Plan, stable: Serving, candidate: Serving) -> Exposure:
    """Return what a candidate keeps: the least that the routes give it, but no less than stable's pods cannot carry."""
    if candidate.matched:
        return Exposure(matched=True)
    if not candidate.most:
        return Exposure(mirror=candidate.mirror)
    carried = min(FULL, FULL * stable.ready // max(1, plan.replicas, stable.pods))
    return Exposure(max(candidate.least, min(candidate.most, FULL - carried)))


def _strategy(plan: Plan, exposure: Exposure) -> Strategy:
    """Return the strategy whose routes look like this; if the spec asks for another one, the rollout starts again."""
    if exposure.matched:
        return "ABTest"
    if exposure.mirror:
        begins_with_copies = any(step.exposure.mirror for step in plan.rollout.steps)
        return "Canary" if plan.rollout.strategy == "Canary" and begins_with_copies else "Shadow"
    return "Direct" if plan.rollout.strategy == "Direct" else "Canary"


def step_at(plan: Plan, exposure: Exposure) -> int:
    """Return the last step that gives no more than this; the first one if all give more."""
    reached = [step for step, one in enumerate(plan.rollout.steps) if one.exposure.order <= exposure.order]
    return max(reached, default=0)


def sleep_of(stable: Serving, now: datetime) -> Sleep | None:
    """Return that a revision sleeps, or wakes up, if requests to it wait at the activator."""
    if not stable.is_gated:
        return None
    return Sleep("Waking" if stable.pods else "Asleep", whole_second(now))


def _history(
    observed: Observed, state: RolloutState, stable: Serving, candidate: Serving | None, now: datetime
) -> tuple[ServedRevision, ...]:
    """Return the history that is left, with an entry of each other record, so that none is lost."""
    moment, left = whole_second(now), state.history
    if not left or left[0].revision != stable.revision:
        left = (history.entry_of(observed, stable.revision), *left)
    ended = [history.ended(entry, moment, STATUS_LOST, _NOT_KNOWN) for entry in left[1:]]
    known = {stable.revision, candidate.revision if candidate else None, *(entry.revision for entry in ended)}
    return (left[0], *ended, *history_of_records(observed, known, now))


def history_of_records(observed: Observed, known: Container[str | None], now: datetime) -> tuple[ServedRevision, ...]:
    """Return an entry of each record but the known ones, newest first: nobody knows why it was left."""
    records = [one.record for revision, one in observed.revisions.items() if one.record and revision not in known]
    records.sort(key=lambda record: (-record.number, record.revision))
    found = [history.entry_of(observed, record.revision) for record in records]
    return tuple(history.ended(entry, whole_second(now), STATUS_LOST, _NOT_KNOWN) for entry in found)


def _rollbacks(plan: Plan, state: RolloutState) -> int:
    """Return the number of rollbacks by hand: that of a command on the object was carried out before.

    One that is far ahead of all was not: nothing has so many, and the next one could hardly be named.
    """
    command = plan.rollout.rollback
    is_of_before = command is not None and command.number <= state.rollbacks + AHEAD
    return max(state.rollbacks, command.number if command and is_of_before else 0)


def pin_of(plan: Plan, observed: Observed, state: RolloutState, stable: str) -> PinnedRevision | None:
    """Return the pin of a rollback by hand, which the command on the object shows if it leads to what serves."""
    if state.pinned:
        return state.pinned if exists(observed, state.pinned.revision) else None
    command = plan.rollout.rollback
    is_pinned = command and command.revision == stable != plan.revision
    return PinnedRevision(revision=stable, instead_of=plan.revision) if is_pinned else None


def _begun_anew(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition | None:
    """Return the state in which the plan's revision is the first one again: nothing is left that could serve."""
    if not (_can_be_made(plan, plan.revision) or exists(observed, plan.revision)):
        return None
    empty = RolloutState(
        history=tuple(entry for entry in state.history if entry.revision != state.stable),
        rollbacks=_rollbacks(plan, state),
        attempts=state.attempts,
    )
    first, _ = begun(plan, empty, now)
    sentence = (
        f"Nothing is left of stable revision {state.stable}, neither ControllerRevision nor Deployment: revision "
        f"{plan.revision} is the first one again, and gets all traffic as soon as one of its pods is ready and has "
        "passed the checks"
    )
    return first, (Event("Warning", "StableLost", sentence),)


def _sentence(before: RolloutState, after: RolloutState, stable: Serving) -> str:
    if before.stable is None and before.candidate is None:
        cause = "The status was lost"
    elif before.stable is None:
        cause = "The status names no stable revision, and the cluster shows one"
    else:
        cause = f"The status said that revision {before.stable} serves, and the cluster shows another"
    where = f"to which the routes lead {stable.most}%" if stable.most else "to which no route leads"
    pods = "asleep" if stable.is_gated and not stable.ready else f"with {stable.ready} ready pods"
    sentence = f"{cause}: revision {stable.revision}, {where}, {pods}, is adopted as stable"
    if after.pinned:
        sentence += f" and stays pinned instead of {after.pinned.instead_of}, by the annotation nereid.dev/rollback"
    if after.candidate is None:
        return sentence
    if after.exposure == NO_TRAFFIC:
        return f"{sentence}; revision {after.candidate} is the candidate and begins without traffic"
    return f"{sentence}; revision {after.candidate} is the candidate, keeps {describe(after)} and has to pass again"
