"""The outcome of a candidate's checks, from the check Job and its pods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nereid.contract.sentence import as_sentence

_RESULTS_LOST: Final = "the pod that ran them was removed before its results were read: run them again"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: whether it passed, and a sentence with the figures."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class ChecksFacts:
    """A check Job, or a pod of one.

    `run` is the id of its run of checks. `results` are set once it has succeeded; `failure` is why the checks did not
    run to their end, or what keeps them from starting. `is_over`: a Job that creates no more pods. `created` orders
    pods.
    """

    run: str
    results: tuple[CheckResult, ...] = ()
    failure: str | None = None
    is_over: bool = False
    created: str = ""


def combine(run_id: str, facts: Sequence[ChecksFacts]) -> ChecksFacts | None:
    """Return the outcome of one run, from its Job and its pods that are known; None while it may still succeed.

    The failure of a single pod is not a failure of the run as long as the Job may try another one.
    """
    of_run = [entry for entry in facts if entry.run == run_id]
    if succeeded := next((entry for entry in of_run if entry.results), None):
        return ChecksFacts(run_id, succeeded.results)
    job = next((entry for entry in of_run if entry.is_over), None)
    if job is None:
        return None
    cause = why_not_running(run_id, of_run)
    if job.failure is None:
        # The Job may be reported complete before its pods are.
        has_pods = any(not entry.is_over for entry in of_run)
        return None if has_pods and not cause else ChecksFacts(run_id, failure=cause or _RESULTS_LOST)
    return ChecksFacts(run_id, failure=as_sentence(f"{job.failure}; {cause}" if cause else job.failure))


def why_not_running(run_id: str, facts: Sequence[ChecksFacts]) -> str | None:
    """Return why the last pod of a run failed, or what keeps it from running; None if nothing is known.

    A Job deletes its pods at its deadline, so that the cause has to be read before.
    """
    pods = sorted((entry for entry in facts if entry.run == run_id and not entry.is_over), key=lambda pod: pod.created)
    failures = [pod.failure for pod in pods if pod.failure]
    return failures[-1] if failures else None
