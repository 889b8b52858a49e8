"""The commands that a user may give to a rollout, each an annotation that names the revision and the attempt.

Pure. Each function returns the command to give, or AlreadyDone if its effect is there already, so that a command may be
repeated; it raises ClickException with a sentence if there is nothing that it could do. See docs/rollouts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import click

from nereid.api import names
from nereid.api.rollout_stage import Stage
from nereid.api.status import FailedRollout, RevisionStatus, RolloutStatus, ServedRevision
from nereid.cli.view import View, model_version, title, title_of
from nereid.controller.decide.rollout.gates import is_gate_amid
from nereid.controller.decide.rollout.history import last_of, was_bad
from nereid.controller.decide.rollout.stage import HELD_BY_SPEC
from nereid.controller.plan.plan import Command

_AT_A_GATE: Final = frozenset({Stage.PROPAGATING, Stage.AWAITING_PROMOTION, Stage.STEP_PAUSED})


@dataclass(frozen=True, slots=True)
class UserCommand:
    """A command to give: its annotation, its purpose in a few words, and the sentence that confirms it.

    `arguments` are those of the command line beside the name. `ends_pin`: it is a rollback to the spec's own revision.
    `step` is the index of the gate that a promotion leaves; None if it goes to the end.
    """

    command: str
    annotation: str
    revision: str
    number: int
    purpose: str
    sentence: str
    arguments: tuple[str, ...] = ()
    ends_pin: bool = False
    step: int | None = None

    @property
    def value(self) -> str:
        """The annotation's value."""
        step = "" if self.step is None else f"/{self.step}"
        return f"{self.revision}/{self.number}{step}"


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """The command was given before; `pending` is what to wait for if its effect is not complete yet."""

    sentence: str
    pending: UserCommand | None = None


CommandOrDone = UserCommand | AlreadyDone


def promote(view: View, *, full: bool = False) -> CommandOrDone:
    """Go on with the next step from a gate amid the steps; elsewhere, or if `full`, skip the rest of the rollout."""
    candidate = view.status.candidate
    if candidate is None:
        return _promoted(view)
    if view.status.stable is None and candidate.weight:
        raise click.ClickException(
            f"nothing to promote: {_of(candidate)} is the first revision and gets all traffic as soon as a pod is ready"
        )
    _reject_while_rolling_back(view, "promote")
    if view.stage in HELD_BY_SPEC:
        raise click.ClickException(
            f"{_of(candidate)} cannot be promoted: it is not known whether the spec still asks for it; correct "
            "the spec first"
        )
    gate = _gate(view)
    if gate is not None and not full:
        return _promotion_from(candidate, _attempt(view), gate)
    command = _full_promotion(candidate, _attempt(view), arguments=() if gate is None else ("--full",))
    return AlreadyDone(f"{_of(candidate)} is promoted already", command) if _is_promoted(view) else command


def abort(view: View) -> CommandOrDone:
    """Roll the candidate back."""
    candidate, stable = view.status.candidate, view.status.stable
    if candidate is None:
        return _aborted(view)
    if stable is None:
        raise click.ClickException(
            f"nothing to roll back to: {_of(candidate)} is the first revision; change the spec, or delete {view.name}"
        )
    _reject_while_rolling_back(view, "abort")
    return UserCommand(
        command="abort",
        annotation=names.ANNOTATION_ABORT,
        revision=candidate.revision,
        number=_attempt(view),
        purpose=f"return all traffic to {_of(stable)}",
        sentence=f"Asked to abort {_of(candidate)}: all traffic goes back to {_of(stable)}",
    )


def retry(view: View) -> CommandOrDone:
    """Start a failed rollout again."""
    failed = view.rollout.failed if view.rollout else None
    if failed is None:
        return _retried(view)
    return _retrial(view, failed.revision, failed.attempt)


def rollback(view: View, to: str | None = None) -> CommandOrDone:
    """Return to an earlier revision; `to` is a revision or a version of the history.

    By default it is the previous one: stable while a candidate is rolled out, else the one that was stable before,
    without those that were left as bad.
    """
    rollout, stable = view.rollout, view.status.stable
    if rollout is None or stable is None:
        raise click.ClickException("nothing to roll back to: no revision has become stable yet")
    pinned = rollout.pinned
    if pinned and to == pinned.instead_of:
        return _pin_ended(view, rollout, pinned.instead_of)
    if pinned and to is None:
        sentence = f"{view.name} is rolled back to {title_of(view, pinned.revision)}; name another with --to"
        return AlreadyDone(sentence, _rollback_to(view, pinned.revision, rollout.rollbacks))
    target = _chosen(view, to) if to else _before(view, stable)
    if pinned and target == pinned.revision:
        sentence = f"{view.name} is rolled back to {title_of(view, target)} already"
        return AlreadyDone(sentence, _rollback_to(view, target, rollout.rollbacks))
    if target == stable.revision and view.status.candidate is None:
        return AlreadyDone(f"{title_of(view, target)} is stable already")
    note = _named(view, target) if to else _passed_over(view, stable, target)
    command = _rollback_to(view, target, rollout.rollbacks + 1)
    return replace(command, sentence=f"{command.sentence}{note}")


def possible(view: View) -> list[UserCommand]:
    """Return the commands that could be given now."""
    commands: list[UserCommand] = []
    for choose in (promote, _promote_fully, abort, retry, rollback):
        try:
            answer = choose(view)
        except click.ClickException:
            continue
        if isinstance(answer, UserCommand) and answer not in commands:
            commands.append(answer)
    if view.rollout and view.rollout.pinned:
        commands.append(_pin_ended(view, view.rollout, view.rollout.pinned.instead_of))
    return commands


def _promote_fully(view: View) -> CommandOrDone:
    return promote(view, full=True)


def _full_promotion(candidate: RevisionStatus, attempt: int, arguments: tuple[str, ...]) -> UserCommand:
    return UserCommand(
        command="promote",
        annotation=names.ANNOTATION_PROMOTE,
        revision=candidate.revision,
        number=attempt,
        purpose="skip the rest of the rollout",
        sentence=f"Asked to promote {_of(candidate)}: as soon as its pods are ready, it gets all traffic",
        arguments=arguments,
    )


def _promotion_from(candidate: RevisionStatus, attempt: int, gate: int) -> UserCommand:
    return UserCommand(
        command="promote",
        annotation=names.ANNOTATION_PROMOTE,
        revision=candidate.revision,
        number=attempt,
        purpose="go on with the next step",
        sentence=f"Asked to promote {_of(candidate)} to the next step; --full gives it all traffic",
        step=gate,
    )


def _gate(view: View) -> int | None:
    """Return the index of the gate at which the candidate is, or is about to be, if other steps follow it."""
    rollout, plan = view.rollout, view.plan
    if rollout is None or plan is None or rollout.strategy != plan.strategy or view.stage not in _AT_A_GATE:
        return None
    return rollout.step if is_gate_amid(plan, rollout.step) else None


def _attempt(view: View) -> int:
    return view.rollout.attempt if view.rollout else 1


def _of(revision: RevisionStatus | ServedRevision) -> str:
    return title(revision.version, revision.revision)


def _annotation(view: View, annotation: str) -> Command | None:
    return Command.parse(view.annotations.get(annotation))


def _promoted(view: View) -> AlreadyDone:
    stable, promotion = view.status.stable, _annotation(view, names.ANNOTATION_PROMOTE)
    if stable and promotion and promotion.revision == stable.revision:
        return AlreadyDone(f"{_of(stable)} was promoted already, and is stable")
    raise click.ClickException(f"nothing to promote: {_nothing_runs(view)}")


def _aborted(view: View) -> AlreadyDone:
    failed = view.rollout.failed if view.rollout else None
    if failed and _annotation(view, names.ANNOTATION_ABORT) == Command(failed.revision, failed.attempt):
        return AlreadyDone(f"{title_of(view, failed.revision)} was aborted already")
    raise click.ClickException(f"nothing to abort: {_nothing_runs(view)}")


def _retried(view: View) -> AlreadyDone:
    retrial, candidate = _annotation(view, names.ANNOTATION_RETRY), view.status.candidate
    if retrial and candidate and retrial.revision == candidate.revision and retrial.attempt < _attempt(view):
        sentence = f"{_of(candidate)} is being tried again already: attempt {_attempt(view)}"
        return AlreadyDone(sentence, _retrial(view, retrial.revision, retrial.attempt))
    if candidate:
        raise click.ClickException(
            f"nothing to retry: the rollout of {_of(candidate)} is in progress and has not failed"
        )
    raise click.ClickException(f"nothing to retry: {_nothing_runs(view)}")


def _nothing_runs(view: View) -> str:
    failed, stable = view.rollout.failed if view.rollout else None, view.status.stable
    if failed:
        return _failed(view, failed)
    if stable:
        return f"{_of(stable)} is stable and nothing is being rolled out"
    return f"the operator has not started to roll {view.name} out yet"


def _failed(view: View, failed: FailedRollout) -> str:
    return f"{title_of(view, failed.revision)} has failed ({failed.reason}) and was rolled back; retry starts it again"


def _retrial(view: View, revision: str, attempt: int) -> UserCommand:
    return UserCommand(
        command="retry",
        annotation=names.ANNOTATION_RETRY,
        revision=revision,
        number=attempt,
        purpose="start the failed rollout again",
        sentence=f"Asked to try {title_of(view, revision)} again: its rollout starts at the first step",
    )


def _rollback_to(view: View, target: str, number: int) -> UserCommand:
    return UserCommand(
        command="rollback",
        annotation=names.ANNOTATION_ROLLBACK,
        revision=target,
        number=number,
        purpose=f"return to {title_of(view, target)} and stay there until the spec changes",
        sentence=f"Asked to roll back to {title_of(view, target)}: it gets all traffic as soon as its pods are ready, "
        "and stays until the spec asks for another revision",
    )


def _pin_ended(view: View, rollout: RolloutStatus, own: str) -> UserCommand:
    return UserCommand(
        command="rollback",
        annotation=names.ANNOTATION_ROLLBACK,
        revision=own,
        number=rollout.rollbacks + 1,
        purpose=f"end the rollback: roll out {title_of(view, own)}, which the spec asks for",
        sentence=f"Asked to end the rollback: {title_of(view, own)}, which the spec asks for, is rolled out in steps",
        arguments=("--to", own),
        ends_pin=True,
    )


def _reject_while_rolling_back(view: View, command: str) -> None:
    rollout, candidate = view.rollout, view.status.candidate
    if rollout and candidate and view.stage is Stage.RETREATING:
        raise click.ClickException(f"nothing to {command}: {_of(candidate)} is being rolled back ({rollout.reason})")


def _is_promoted(view: View) -> bool:
    """Whether a promotion would change nothing: in blue/green it is the switch, in other strategies the last move.

    After the switch it ends the wait for evidence that does not come.
    """
    rollout, plan = view.rollout, view.plan
    if rollout is None or plan is None or view.status.stable is None:
        return False
    if plan.strategy == "BlueGreen":
        return rollout.step >= 1 and view.stage is not Stage.INCONCLUSIVE
    return rollout.step >= len(plan.steps) and view.stage in {Stage.PROMOTED_BY_USER, Stage.PROMOTING}


def _before(view: View, stable: RevisionStatus) -> str:
    if view.status.candidate:
        return stable.revision
    earlier = _earlier(view, stable)
    if not earlier:
        raise click.ClickException(f"nothing to roll back to: {_of(stable)} is the only revision in the history")
    good = [served.revision for served in earlier if not was_bad(served)]
    if not good:
        raise click.ClickException(
            f"no earlier revision was left for a better one alone: {_why_left(earlier)}. To go back to one of them "
            "nevertheless, name it with --to"
        )
    return good[0]


def _named(view: View, target: str) -> str:
    """Return a note on a revision that was left as bad before, and that the user names; empty if it was not."""
    last = last_of(view.status.history, target)
    return f". Note that it was left as bad before: {_why_left([last])}" if last and was_bad(last) else ""


def _earlier(view: View, stable: RevisionStatus) -> list[ServedRevision]:
    """Return the last entry of each revision that was stable before, newest first."""
    newest = {served.revision: served for served in reversed(view.status.history)}
    order = dict.fromkeys(served.revision for served in view.status.history)
    return [newest[revision] for revision in order if revision != stable.revision]


def _passed_over(view: View, stable: RevisionStatus, target: str) -> str:
    """Return a note on the revisions that a rollback without a name passes over; empty if there are none."""
    if view.status.candidate:
        return ""
    earlier = _earlier(view, stable)
    newer = [served.revision for served in earlier].index(target)
    return f". Passed over: {_why_left(earlier[:newer])}" if newer else ""


def _why_left(entries: Sequence[ServedRevision]) -> str:
    return "; ".join(f"{_of(served)} ({served.left_message or served.left_reason})" for served in entries)


def _chosen(view: View, to: str) -> str:
    history = view.status.history
    versions = {served.revision: model_version(served.version, served.revision) for served in history}
    if to in versions:
        return to
    matches = [revision for revision, version in versions.items() if to in {version, f"{version}-{revision}"}]
    if not matches:
        raise click.ClickException(f"{to} is not a revision or version in the history of {view.name}{_listed(view)}")
    if len(matches) > 1:
        raise click.ClickException(f"version {to} names several revisions: give one of them{_listed(view)}")
    return matches[0]


def _listed(view: View) -> str:
    if not view.status.history:
        return ", which is empty"
    titles = dict.fromkeys(_of(served) for served in view.status.history)
    return ". It has: " + ", ".join(titles)
