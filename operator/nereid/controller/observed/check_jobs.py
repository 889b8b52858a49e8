"""Facts of check Jobs and of their pods, from raw objects."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from nereid.api import names
from nereid.contract.check_job import CONTAINER_CHECK, CONTAINER_DATASETS, JobOutcome
from nereid.contract.sentence import as_sentence, last_line
from nereid.controller.observed.check_results import CheckResult, ChecksFacts
from nereid.controller.observed.job_pods import ended, failed_before, finished, problem

_CLAIM_FIELD: Final = "the data set's uri"
_UNREADABLE: Final = "the container that ran them left no readable results"


def checks_facts(raw: Mapping[str, Any]) -> ChecksFacts:
    """Return the facts of a check Job's pod."""
    run, created = _run(raw), raw["metadata"].get("creationTimestamp", "")
    if fetching := failed_before(raw, CONTAINER_DATASETS):
        sentence = _outcome(fetching).failure or _fetch_failure(fetching)
        return ChecksFacts(run, failure=sentence, created=created)
    end = ended(raw, CONTAINER_CHECK)
    if end is None:
        return ChecksFacts(run, failure=_why_not_running(raw), created=created)
    outcome = _outcome(end)
    if outcome.results and end.get("exitCode") == 0:
        results = tuple(CheckResult(result.name, result.passed, result.message) for result in outcome.results)
        return ChecksFacts(run, results, created=created)
    return ChecksFacts(run, failure=outcome.failure or _failure(end), created=created)


def checks_job_facts(raw: Mapping[str, Any]) -> ChecksFacts:
    """Return the facts of a check Job: whether it is over, and if it failed, why."""
    end = finished(raw)
    if end and end["type"] != "Complete":
        return ChecksFacts(_run(raw), failure=_job_failure(end, raw), is_over=True)
    return ChecksFacts(_run(raw), is_over=end is not None)


def _job_failure(condition: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    match condition.get("reason"):
        case "DeadlineExceeded":
            return "they did not finish in time: raise spec.rollout.checks.timeout, or check with fewer rows"
        case "BackoffLimitExceeded":
            return f"{raw['spec'].get('backoffLimit', 0) + 1} attempts failed"
        case reason:
            return as_sentence(f"the Job failed ({reason}): {condition.get('message', '')}")


def _outcome(end: Mapping[str, Any]) -> JobOutcome:
    try:
        return JobOutcome.model_validate_json(end.get("message", ""))
    except ValidationError:
        return JobOutcome()


def _failure(end: Mapping[str, Any]) -> str:
    code, message = end.get("exitCode"), end.get("message", "")
    if end.get("reason") == "OOMKilled":
        return "the container that ran them used more memory than its limit: use smaller requests, or a lower maxRows"
    if code is None:
        return as_sentence(f"their pod was terminated ({end.get('reason')}): {last_line(message)}")
    return (
        _UNREADABLE if code == 0 else as_sentence(f"their container ended with exit code {code}: {last_line(message)}")
    )


def _fetch_failure(end: Mapping[str, Any]) -> str:
    if end.get("reason") == "OOMKilled":
        return "the container that fetches their data sets used more memory than its limit: put the files on a volume"
    code, cause = end.get("exitCode"), last_line(end.get("message", ""))
    return as_sentence(f"the container that fetches their data sets ended with exit code {code}: {cause}")


def _why_not_running(raw: Mapping[str, Any]) -> str | None:
    cause = problem(raw, _CLAIM_FIELD)
    return cause.message if cause else None


def _run(raw: Mapping[str, Any]) -> str:
    return str(raw["metadata"].get("labels", {}).get(names.LABEL_CHECKS, ""))
