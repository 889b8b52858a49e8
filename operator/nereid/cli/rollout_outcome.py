"""Whether the goal of a command that waits has been reached, or no longer can be. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from nereid.api.status import Condition, FailedRollout
from nereid.cli.asking import UserCommand
from nereid.cli.view import View, title_of
from nereid.controller.decide.rollout.stage import PREPARING, ROLLING_BACK


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a wait ended: `is_good` if its goal was reached."""

    is_good: bool
    sentence: str


Goal = Callable[[View], Outcome | None]


def outcome_of_rollout(view: View) -> Outcome | None:
    """Return whether the spec's revision is stable, or has failed; None while the rollout goes on."""
    rollout, stable = view.rollout, view.status.stable
    if not view.is_up_to_date:
        return None
    if (spec := _condition(view, "SpecValid")) and spec.status == "False":
        return Outcome(is_good=False, sentence=f"The spec of {view.name} is not valid: {spec.message}")
    if rollout and rollout.failed and stable is None:
        return _failure(view, rollout.failed)
    if rollout is None or stable is None or view.status.candidate or view.stage in ROLLING_BACK:
        return None
    if view.status.resolution and view.status.resolution.resolved_uri is None:
        return None
    if rollout.failed:
        return _failure(view, rollout.failed)
    if rollout.pinned:
        pinned, instead_of = title_of(view, rollout.pinned.revision), title_of(view, rollout.pinned.instead_of)
        return Outcome(is_good=False, sentence=f"Rolled back by hand: {pinned} serves instead of {instead_of}")
    return _stable(view, stable.revision)


def goal_of(command: UserCommand) -> Goal:
    """Return the function that says how a command ended."""
    goals: dict[str, Callable[[View, UserCommand], Outcome | None]] = {
        "promote": _after_promote,
        "abort": _after_abort,
        "retry": _after_retry,
        "rollback": _after_rollback,
    }
    judge = goals[command.command]
    return lambda view: judge(view, command)


def _after_promote(view: View, command: UserCommand) -> Outcome | None:
    if view.status.stable is None and _is_failure_of(view, command):
        # The first revision had failed its checks, and is promoted all the same.
        return None
    return (
        _past_gate(view, command)
        or _settled(view, command.revision)
        or (None if _is_candidate(view, command.revision) else _overtaken(view, command))
    )


def _past_gate(view: View, command: UserCommand) -> Outcome | None:
    """Return the end of a promotion to the next step: the candidate has what that step gives it."""
    rollout, is_candidate = view.rollout, view.status.candidate and _is_candidate(view, command.revision)
    if command.step is None or rollout is None or not is_candidate or view.stage in PREPARING | ROLLING_BACK:
        return None
    if rollout.attempt != command.number or rollout.step <= command.step:
        return None
    return Outcome(is_good=True, sentence=f"{title_of(view, command.revision)} has reached its next step")


def _after_abort(view: View, command: UserCommand) -> Outcome | None:
    rollout, stable = view.rollout, view.status.stable
    if rollout is None or view.stage in ROLLING_BACK:
        return None
    if _is_candidate(view, command.revision) and rollout.attempt == command.number:
        return None
    if stable and stable.revision == command.revision:
        return Outcome(is_good=False, sentence=f"Too late: {title_of(view, command.revision)} is stable already")
    served = title_of(view, stable.revision) if stable else "nothing"
    return Outcome(is_good=True, sentence=f"{title_of(view, command.revision)} was rolled back: {served} serves")


def _after_retry(view: View, command: UserCommand) -> Outcome | None:
    return None if _is_failure_of(view, command) else _after_promote(view, command)


def _is_failure_of(view: View, command: UserCommand) -> bool:
    """Whether the attempt that the command names is what has failed last."""
    failed = view.rollout.failed if view.rollout else None
    return failed is not None and (failed.revision, failed.attempt) == (command.revision, command.number)


def _after_rollback(view: View, command: UserCommand) -> Outcome | None:
    rollout = view.rollout
    if rollout is None or rollout.rollbacks < command.number:
        return None
    if ended := _settled(view, command.revision):
        return ended
    candidate = view.status.candidate
    if candidate is None:
        is_wanted = command.ends_pin or (rollout.pinned and rollout.pinned.revision == command.revision)
    else:
        is_wanted = _is_candidate(view, command.revision)
    return None if is_wanted else _overtaken(view, command)


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
    return Outcome(is_good=True, sentence=f"{title_of(view, revision)} is stable and gets all traffic")


def _failure(view: View, failed: FailedRollout) -> Outcome:
    cause = f"{title_of(view, failed.revision)} has failed: {failed.reason}: {failed.message}"
    return Outcome(is_good=False, sentence=cause)


def _overtaken(view: View, command: UserCommand) -> Outcome:
    candidate, stable = view.status.candidate, view.status.stable
    now = f"{title_of(view, candidate.revision)} is being rolled out" if candidate else "nothing is being rolled out"
    if stable and not candidate:
        now = f"{title_of(view, stable.revision)} serves"
    return Outcome(is_good=False, sentence=f"{title_of(view, command.revision)} is no longer wanted: {now}")


def _condition(view: View, kind: str) -> Condition | None:
    return next((condition for condition in view.status.conditions if condition.type == kind), None)
