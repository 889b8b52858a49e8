"""When what somebody waits for has come about, or can no longer. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from nereid.api.status import Condition, FailedRollout
from nereid.cli.asking import Asking
from nereid.cli.view import View, named
from nereid.controller.decide.rollout.stage import ROLLING_BACK


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended."""

    is_good: bool
    sentence: str


Goal = Callable[[View], Outcome | None]


def done(view: View) -> Outcome | None:
    """Tell whether the spec's revision is stable, or has failed; None while that is open."""
    rollout, stable = view.rollout, view.status.stable
    if not view.is_seen:
        return None
    if (spec := _condition(view, "SpecValid")) and spec.status == "False":
        return Outcome(is_good=False, sentence=f"The spec of {view.name} is not valid: {spec.message}")
    if rollout is None or stable is None or view.status.candidate or view.stage in ROLLING_BACK:
        return None
    if view.status.resolution and view.status.resolution.resolved_uri is None:
        return None
    if rollout.failed:
        return _failure(view, rollout.failed)
    if rollout.pinned:
        pinned, instead_of = named(view, rollout.pinned.revision), named(view, rollout.pinned.instead_of)
        return Outcome(is_good=False, sentence=f"Rolled back by hand: {pinned} serves instead of {instead_of}")
    return _stable(view, stable.revision)


def goal_of(asking: Asking) -> Goal:
    """Return what to wait for after asking."""
    goals: dict[str, Callable[[View, Asking], Outcome | None]] = {
        "promote": _after_promote,
        "abort": _after_abort,
        "retry": _after_retry,
        "rollback": _after_rollback,
    }
    judge = goals[asking.command]
    return lambda view: judge(view, asking)


def _after_promote(view: View, asking: Asking) -> Outcome | None:
    return _settled(view, asking.revision) or (
        None if _is_candidate(view, asking.revision) else _overtaken(view, asking)
    )


def _after_abort(view: View, asking: Asking) -> Outcome | None:
    rollout, stable = view.rollout, view.status.stable
    if rollout is None or view.stage in ROLLING_BACK:
        return None
    if _is_candidate(view, asking.revision) and rollout.attempt == asking.number:
        return None
    if stable and stable.revision == asking.revision:
        return Outcome(is_good=False, sentence=f"Too late: {named(view, asking.revision)} is stable already")
    served = named(view, stable.revision) if stable else "nothing"
    return Outcome(is_good=True, sentence=f"{named(view, asking.revision)} was taken back: {served} serves")


def _after_retry(view: View, asking: Asking) -> Outcome | None:
    failed = view.rollout.failed if view.rollout else None
    if failed and (failed.revision, failed.attempt) == (asking.revision, asking.number):
        return None
    return _after_promote(view, asking)


def _after_rollback(view: View, asking: Asking) -> Outcome | None:
    rollout = view.rollout
    if rollout is None or rollout.rollbacks < asking.number:
        return None
    if ended := _settled(view, asking.revision):
        return ended
    candidate = view.status.candidate
    if candidate is None:
        is_wanted = asking.ends_pin or (rollout.pinned and rollout.pinned.revision == asking.revision)
    else:
        is_wanted = _is_candidate(view, asking.revision)
    return None if is_wanted else _overtaken(view, asking)


def _settled(view: View, revision: str) -> Outcome | None:
    rollout, stable = view.rollout, view.status.stable
    if rollout and rollout.failed and rollout.failed.revision == revision:
        return None if view.stage in ROLLING_BACK else _failure(view, rollout.failed)
    if stable and stable.revision == revision and not view.status.candidate and not _is_rolling_back(view):
        return _stable(view, revision)
    return None


def _is_candidate(view: View, revision: str) -> bool:
    candidate = view.status.candidate
    return _is_rolling_back(view) or (candidate is not None and candidate.revision == revision)


def _is_rolling_back(view: View) -> bool:
    return view.stage in ROLLING_BACK


def _stable(view: View, revision: str) -> Outcome:
    return Outcome(is_good=True, sentence=f"{named(view, revision)} is stable and gets all traffic")


def _failure(view: View, failed: FailedRollout) -> Outcome:
    cause = f"{named(view, failed.revision)} has failed: {failed.reason}: {failed.message}"
    return Outcome(is_good=False, sentence=cause)


def _overtaken(view: View, asking: Asking) -> Outcome:
    candidate, stable = view.status.candidate, view.status.stable
    now = f"{named(view, candidate.revision)} is being rolled out" if candidate else "nothing is being rolled out"
    if stable and not candidate:
        now = f"{named(view, stable.revision)} serves"
    return Outcome(is_good=False, sentence=f"{named(view, asking.revision)} is not wanted any more: {now}")


def _condition(view: View, kind: str) -> Condition | None:
    return next((one for one in view.status.conditions if one.type == kind), None)
