"""What has come of the checks of a candidate, as the Job that runs them tells, and its pods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nereid.contract.sentence import as_sentence

_NO_WORD: Final = "the pod that ran them was removed before its results were read: run them again"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: whether it passed, and the figures in a sentence."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class ChecksFacts:
    """A Job that runs checks, or a pod of one.

    `run` tells which run of checks it is for. `results` are there once it has ended well; `failure` says why it could
    not run the checks to their end, or what keeps it from beginning. `is_over` tells of a Job that it makes no more
    pods; `created` orders pods.
    """

    run: str
    results: tuple[CheckResult, ...] = ()
    failure: str | None = None
    is_over: bool = False
    created: str = ""


def combine(run_id: str, facts: Sequence[ChecksFacts]) -> ChecksFacts | None:
    """Return what has come of one run, from its Job and all pods of it that are seen; None while it may still succeed.

    What a single pod failed of is no failure of the run as long as the Job may try another one.
    """
    own = [one for one in facts if one.run == run_id]
    if done := next((one for one in own if one.results), None):
        return ChecksFacts(run_id, done.results)
    job = next((one for one in own if one.is_over), None)
    if job is None:
        return None
    word = why_not_running(run_id, own)
    if job.failure is None:
        # Of pods that are there, what the Job knows already is still to come.
        has_pods = any(not one.is_over for one in own)
        return None if has_pods and not word else ChecksFacts(run_id, failure=word or _NO_WORD)
    return ChecksFacts(run_id, failure=as_sentence(f"{job.failure}; {word}" if word else job.failure))


def why_not_running(run_id: str, facts: Sequence[ChecksFacts]) -> str | None:
    """Return what the last pod of a run failed of, or what keeps it from running; None when nothing is known.

    A Job deletes its pods when its time is over: who wants to say why it was has to look before.
    """
    pods = sorted((one for one in facts if one.run == run_id and not one.is_over), key=lambda one: one.created)
    words = [one.failure for one in pods if one.failure]
    return words[-1] if words else None
