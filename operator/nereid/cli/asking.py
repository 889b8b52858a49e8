"""What a user may ask of a rollout, and what it takes: an annotation that names the revision and the attempt meant.

Pure. Each function returns what to ask for, or Settled where it has come about already, so that asking twice is no
error; it raises ClickException with a sentence where there is nothing to ask for. See docs/rollouts.md.
"""

from dataclasses import dataclass

import click

from nereid.api import names
from nereid.api.rollout_stage import Stage
from nereid.api.status import FailedRollout, RevisionStatus, RolloutStatus, ServedRevision
from nereid.cli.view import View, model_version, named, title
from nereid.controller.decide.rollout.stage import HELD_BY_SPEC
from nereid.controller.plan.plan import Command


@dataclass(frozen=True, slots=True)
class Asking:
    """A command to give: the annotation with its value, what it is for in some words, and in a sentence.

    `arguments` are those of the command line beside the name. `ends_pin`: it is a rollback to the spec's own revision.
    """

    command: str
    annotation: str
    revision: str
    number: int
    purpose: str
    sentence: str
    arguments: tuple[str, ...] = ()
    ends_pin: bool = False

    @property
    def value(self) -> str:
        """The annotation's value."""
        return f"{self.revision}/{self.number}"


@dataclass(frozen=True, slots=True)
class Settled:
    """What was asked for needs not be asked for; `rest` is what to wait for where it is not over yet."""

    sentence: str
    rest: Asking | None = None


Answer = Asking | Settled


def promote(view: View) -> Answer:
    """Ask for the rest of the rollout to be skipped."""
    candidate = view.status.candidate
    if candidate is None:
        return _promoted(view)
    if view.status.stable is None:
        raise click.ClickException(
            f"nothing to promote: {_of(candidate)} is the first revision and gets all traffic as soon as a pod is ready"
        )
    _refuse_while_taken_back(view, "promote")
    if view.stage in HELD_BY_SPEC:
        raise click.ClickException(
            f"{_of(candidate)} cannot be promoted: it is not known whether the spec still asks for it; correct "
            "the spec first"
        )
    asking = Asking(
        command="promote",
        annotation=names.ANNOTATION_PROMOTE,
        revision=candidate.revision,
        number=_attempt(view),
        purpose="skip the rest of the rollout",
        sentence=f"Asked to promote {_of(candidate)}: as soon as it has all its pods, it gets all traffic",
    )
    return Settled(f"{_of(candidate)} is promoted already", asking) if _is_promoted(view) else asking


def abort(view: View) -> Answer:
    """Ask for the candidate to be taken back."""
    candidate, stable = view.status.candidate, view.status.stable
    if candidate is None:
        return _aborted(view)
    if stable is None:
        raise click.ClickException(
            f"nothing to go back to: {_of(candidate)} is the first revision; change the spec, or delete {view.name}"
        )
    _refuse_while_taken_back(view, "abort")
    return Asking(
        command="abort",
        annotation=names.ANNOTATION_ABORT,
        revision=candidate.revision,
        number=_attempt(view),
        purpose=f"return all traffic to {_of(stable)}",
        sentence=f"Asked to abort {_of(candidate)}: all traffic goes back to {_of(stable)}",
    )


def retry(view: View) -> Answer:
    """Ask for a failed rollout to begin again."""
    failed = view.rollout.failed if view.rollout else None
    if failed is None:
        return _retried(view)
    return _retrial(view, failed.revision, failed.attempt)


def rollback(view: View, to: str | None = None) -> Answer:
    """Ask for an earlier revision; `to` is a revision or a version of the history.

    By default it is the one before: stable while a candidate is on its way, else the one that was stable before.
    """
    rollout, stable = view.rollout, view.status.stable
    if rollout is None or stable is None:
        raise click.ClickException("nothing to roll back to: no revision has become stable yet")
    pinned = rollout.pinned
    if pinned and to == pinned.instead_of:
        return _pin_ended(view, rollout, pinned.instead_of)
    if pinned and to is None:
        sentence = f"{view.name} is rolled back to {named(view, pinned.revision)}; name another with --to"
        return Settled(sentence, _asked_back(view, pinned.revision, rollout.rollbacks))
    target = _chosen(view, to) if to else _before(view, stable)
    if pinned and target == pinned.revision:
        sentence = f"{view.name} is rolled back to {named(view, target)} already"
        return Settled(sentence, _asked_back(view, target, rollout.rollbacks))
    if target == stable.revision and view.status.candidate is None:
        return Settled(f"{named(view, target)} is stable already")
    return _asked_back(view, target, rollout.rollbacks + 1)


def possible(view: View) -> list[Asking]:
    """Return all that could be asked for now."""
    found = []
    for ask in (promote, abort, retry, rollback):
        try:
            answer = ask(view)
        except click.ClickException:
            continue
        if isinstance(answer, Asking):
            found.append(answer)
    if view.rollout and view.rollout.pinned:
        found.append(_pin_ended(view, view.rollout, view.rollout.pinned.instead_of))
    return found


def _attempt(view: View) -> int:
    return view.rollout.attempt if view.rollout else 1


def _of(revision: RevisionStatus | ServedRevision) -> str:
    return title(revision.version, revision.revision)


def _asked(view: View, annotation: str) -> Command | None:
    return Command.parse(view.annotations.get(annotation))


def _promoted(view: View) -> Settled:
    stable, asked = view.status.stable, _asked(view, names.ANNOTATION_PROMOTE)
    if stable and asked and asked.revision == stable.revision:
        return Settled(f"{_of(stable)} was promoted already, and is stable")
    raise click.ClickException(f"nothing to promote: {_nothing_runs(view)}")


def _aborted(view: View) -> Settled:
    failed = view.rollout.failed if view.rollout else None
    if failed and _asked(view, names.ANNOTATION_ABORT) == Command(failed.revision, failed.attempt):
        return Settled(f"{named(view, failed.revision)} was aborted already")
    raise click.ClickException(f"nothing to abort: {_nothing_runs(view)}")


def _retried(view: View) -> Settled:
    asked, candidate = _asked(view, names.ANNOTATION_RETRY), view.status.candidate
    if asked and candidate and asked.revision == candidate.revision and asked.attempt < _attempt(view):
        sentence = f"{_of(candidate)} is being tried again already: attempt {_attempt(view)}"
        return Settled(sentence, _retrial(view, asked.revision, asked.attempt))
    if candidate:
        raise click.ClickException(f"nothing to retry: the rollout of {_of(candidate)} is under way and has not failed")
    raise click.ClickException(f"nothing to retry: {_nothing_runs(view)}")


def _nothing_runs(view: View) -> str:
    failed, stable = view.rollout.failed if view.rollout else None, view.status.stable
    if failed:
        return _failed(view, failed)
    if stable:
        return f"{_of(stable)} is stable and nothing is being rolled out"
    return f"the operator has not begun to roll {view.name} out yet"


def _failed(view: View, failed: FailedRollout) -> str:
    return f"{named(view, failed.revision)} has failed ({failed.reason}) and was taken back; retry begins it again"


def _retrial(view: View, revision: str, attempt: int) -> Asking:
    return Asking(
        command="retry",
        annotation=names.ANNOTATION_RETRY,
        revision=revision,
        number=attempt,
        purpose="start the failed rollout again",
        sentence=f"Asked to try {named(view, revision)} again: its rollout begins at the first step",
    )


def _asked_back(view: View, target: str, number: int) -> Asking:
    return Asking(
        command="rollback",
        annotation=names.ANNOTATION_ROLLBACK,
        revision=target,
        number=number,
        purpose=f"return to {named(view, target)} and stay there until the spec changes",
        sentence=f"Asked to go back to {named(view, target)}: it gets all traffic as soon as it has its pods, and "
        "stays until the spec asks for another revision",
    )


def _pin_ended(view: View, rollout: RolloutStatus, own: str) -> Asking:
    return Asking(
        command="rollback",
        annotation=names.ANNOTATION_ROLLBACK,
        revision=own,
        number=rollout.rollbacks + 1,
        purpose=f"end the rollback: roll out {named(view, own)}, which the spec asks for",
        sentence=f"Asked to end the rollback: {named(view, own)}, which the spec asks for, is rolled out by its steps",
        arguments=("--to", own),
        ends_pin=True,
    )


def _refuse_while_taken_back(view: View, command: str) -> None:
    rollout, candidate = view.rollout, view.status.candidate
    if rollout and candidate and view.stage is Stage.RETREATING:
        raise click.ClickException(f"nothing to {command}: {_of(candidate)} is being taken back ({rollout.reason})")


def _is_promoted(view: View) -> bool:
    """Whether a promotion would change nothing: in blue/green it is the switch, elsewhere the last move."""
    rollout, plan = view.rollout, view.plan
    if rollout is None or plan is None:
        return False
    if plan.strategy == "BlueGreen":
        return rollout.step >= 1
    return rollout.step >= len(plan.steps) and view.stage in {Stage.PROMOTED_BY_USER, Stage.PROMOTING}


def _before(view: View, stable: RevisionStatus) -> str:
    if view.status.candidate:
        return stable.revision
    earlier = [one.revision for one in view.status.history if one.revision != stable.revision]
    if not earlier:
        raise click.ClickException(f"nothing to roll back to: {_of(stable)} is the only revision in the history")
    return earlier[0]


def _chosen(view: View, to: str) -> str:
    known = {one.revision: model_version(one.version, one.revision) for one in view.status.history}
    if to in known:
        return to
    found = [one for one, version in known.items() if to in {version, f"{version}-{one}"}]
    if not found:
        raise click.ClickException(f"{to} is not a revision or version in the history of {view.name}{_listed(view)}")
    if len(found) > 1:
        raise click.ClickException(f"version {to} is several revisions: name one of them{_listed(view)}")
    return found[0]


def _listed(view: View) -> str:
    if not view.status.history:
        return ", which is empty"
    known = dict.fromkeys(_of(one) for one in view.status.history)
    return ". There are: " + ", ".join(known)
