"""Facts of the Jobs that run checks, and of their pods, as raw objects tell them."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from nereid import names
from nereid.api.check_job import CONTAINER_CHECK, JobOutcome
from nereid.observed.checks import CheckResult, ChecksFacts
from nereid.observed.pods import pod_facts
from nereid.observed.sentence import as_sentence, last_line

_UNREADABLE: Final = "the container that ran them left no results that can be read"


def checks_facts(raw: Mapping[str, Any]) -> ChecksFacts:
    """Return the facts of a pod that runs checks."""
    run, created = _run(raw), raw["metadata"].get("creationTimestamp", "")
    ended = _ended(raw)
    if ended is None:
        return ChecksFacts(run, failure=_trouble(raw), created=created)
    outcome = _outcome(ended)
    if outcome.results and ended.get("exitCode") == 0:
        results = tuple(CheckResult(one.name, one.passed, one.message) for one in outcome.results)
        return ChecksFacts(run, results, created=created)
    return ChecksFacts(run, failure=outcome.failure or _last_words(ended), created=created)


def checks_job_facts(raw: Mapping[str, Any]) -> ChecksFacts:
    """Return the facts of a Job that runs checks: whether it has given up, and why."""
    conditions = {
        condition["type"]: condition
        for condition in raw.get("status", {}).get("conditions", [])
        if condition["status"] == "True"
    }
    # The first of the two says that it will be Failed, while its pods are still there to tell why.
    failed = conditions.get("FailureTarget") or conditions.get("Failed")
    if failed:
        return ChecksFacts(_run(raw), failure=_given_up(failed, raw), is_over=True)
    return ChecksFacts(_run(raw), is_over="Complete" in conditions)


def _given_up(condition: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    match condition.get("reason"):
        case "DeadlineExceeded":
            return "they were not done in time: raise spec.rollout.checks.timeout, or check with fewer rows"
        case "BackoffLimitExceeded":
            return f"{raw['spec'].get('backoffLimit', 0) + 1} attempts failed"
        case reason:
            return as_sentence(f"the Job failed ({reason}): {condition.get('message', '')}")


def _ended(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how the container that runs the checks ended; None while it has not."""
    status = raw.get("status", {})
    for container in status.get("containerStatuses", []):
        ended: Mapping[str, Any] | None = container.get("state", {}).get("terminated")
        # A container that never ran is said to have ended so when its pod is deleted.
        if container["name"] == CONTAINER_CHECK and ended and ended.get("reason") != "ContainerStatusUnknown":
            return ended
    if status.get("phase") == "Failed" and "deletionTimestamp" not in raw["metadata"]:
        # The node ended it before the container was one, for instance when it ran out of disk.
        return {"exitCode": None, "reason": status.get("reason"), "message": status.get("message", "")}
    return None


def _outcome(ended: Mapping[str, Any]) -> JobOutcome:
    try:
        return JobOutcome.model_validate_json(ended.get("message", ""))
    except ValidationError:
        return JobOutcome()


def _last_words(ended: Mapping[str, Any]) -> str:
    code, message = ended.get("exitCode"), ended.get("message", "")
    if ended.get("reason") == "OOMKilled":
        return "the container that ran them used more memory than its limit: use smaller requests, or a lower maxRows"
    if code is None:
        return as_sentence(f"their pod was ended ({ended.get('reason')}): {last_line(message)}")
    return (
        _UNREADABLE if code == 0 else as_sentence(f"their container ended with exit code {code}: {last_line(message)}")
    )


def _trouble(raw: Mapping[str, Any]) -> str | None:
    """Return what keeps a pod from running, also of one that is being deleted for it."""
    metadata = {key: value for key, value in raw["metadata"].items() if key != "deletionTimestamp"}
    trouble = pod_facts({**raw, "metadata": metadata}).trouble
    if trouble is None:
        return None
    if trouble.reason == "ModelNotFound":
        # What is said of a model's claim is here true of a data set's.
        return trouble.message.replace("spec.model.uri", "the data set's uri")
    return trouble.message


def _run(raw: Mapping[str, Any]) -> str:
    return str(raw["metadata"].get("labels", {}).get(names.LABEL_CHECKS, ""))
