"""Runs all checks of one Job, one after the other."""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from nereid.api.checks import SMOKE_CHECK, CheckSpec, ComparisonCheck
from nereid.checks.accuracy import accuracy
from nereid.checks.comparison import comparison
from nereid.checks.dataset import Dataset, Folders
from nereid.checks.errors import AnswerError, NotRunError
from nereid.checks.examples import examples
from nereid.checks.finding import CheckResult
from nereid.checks.latency import latency
from nereid.checks.predictor import Predictor
from nereid.checks.server import Server
from nereid.checks.smoke import smoke
from nereid.contract.check_job import CheckOutcome, CheckWork

# The Service has ready pods when the Job begins, but the proxies may need time to learn of them.
READY_WITHIN: Final = 120.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions that get requests; stable is None if no check compares with it."""

    candidate: Server
    stable: Server | None


async def run_checks(work: CheckWork, folders: Folders, ready_within: float = READY_WITHIN) -> list[CheckOutcome]:
    """Run every check and return the outcome of each; raise NotRunError if one cannot be run.

    An unusable answer of the candidate, or none, fails the check.
    """
    async with AsyncExitStack() as stack:
        servers = {
            role: await stack.enter_async_context(Server(role, host, work.model, work.request_timeout))
            for role, host in (("the candidate", work.candidate), ("stable", work.stable))
            if host
        }
        revisions = Revisions(servers["the candidate"], servers.get("stable"))
        await asyncio.gather(*(server.wait_until_ready(ready_within) for server in _needed(work, revisions)))
        built_in = [await _smoke(revisions)] if work.smoke else []
        return [*built_in, *[await _outcome(check, revisions, folders) for check in work.checks]]


def _needed(work: CheckWork, revisions: Revisions) -> list[Server]:
    """Return the revisions that must be ready; the built-in check asks stable only if it is."""
    compares = any(check.comparison for check in work.checks)
    return [revisions.candidate, *([revisions.stable] if revisions.stable and compares else [])]


async def _smoke(revisions: Revisions) -> CheckOutcome:
    result = await smoke(revisions.candidate, revisions.stable)
    logger.info("%s %s: %s", SMOKE_CHECK, "passed" if result.passed else "failed", result.message)
    return CheckOutcome(name=SMOKE_CHECK, passed=result.passed, message=result.message)


async def _outcome(check: CheckSpec, revisions: Revisions, folders: Folders) -> CheckOutcome:
    try:
        result = await _result(check, revisions, folders)
    except AnswerError as error:
        result = CheckResult(passed=False, message=f"the candidate {error}")
    except NotRunError as error:
        raise NotRunError(f"check {check.name}: {error}") from error
    logger.info("%s %s: %s", check.name, "passed" if result.passed else "failed", result.message)
    return CheckOutcome(name=check.name, passed=result.passed, message=result.message)


async def _result(check: CheckSpec, revisions: Revisions, folders: Folders) -> CheckResult:
    if check.requests:
        return await examples(check.requests, revisions.candidate)
    if not check.dataset:
        raise NotRunError("it has neither requests nor a dataset: set one of them")
    dataset = await asyncio.to_thread(Dataset, check.dataset, folders)
    if check.accuracy:
        predictor = await _predictor(revisions.candidate, dataset, check.accuracy.output)
        return await accuracy(check.accuracy, dataset, predictor)
    if check.latency:
        return await latency(check.latency, dataset, await _predictor(revisions.candidate, dataset))
    if check.comparison:
        return await _compare(check.comparison, dataset, revisions)
    raise NotRunError("it has none of requests, accuracy, latency and comparison: set one of them")


async def _compare(check: ComparisonCheck, dataset: Dataset, revisions: Revisions) -> CheckResult:
    if not revisions.stable:
        return CheckResult(passed=True, message="there is no stable revision to compare with")
    candidate = await _predictor(revisions.candidate, dataset, check.output)
    try:
        stable = await _predictor(revisions.stable, dataset, check.output)
    except AnswerError as error:
        raise NotRunError(
            f"stable {error}, so there is nothing to compare with: see the log of stable's pods"
        ) from error
    return await comparison(check, dataset, candidate, stable)


async def _predictor(server: Server, dataset: Dataset, output: str | None = None) -> Predictor:
    return Predictor(server, await server.signature(), dataset.inputs, output)
