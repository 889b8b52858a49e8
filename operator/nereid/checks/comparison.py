"""The check of how much the candidate's answers differ from stable's for the same rows."""

from collections.abc import AsyncIterator
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nereid.api.checks import ComparisonCheck
from nereid.checks.classes import classes, same
from nereid.checks.dataset import Dataset
from nereid.checks.distance import worst_column
from nereid.checks.errors import AnswerError, NotRunError
from nereid.checks.finding import CheckResult
from nereid.checks.predictor import Predictor
from nereid.checks.share import Share

DEFAULT_AGREEMENT_PERCENT: Final = 95.0
DEFAULT_DISTANCE: Final = 0.1
DEFAULT_RELATIVE_TOLERANCE: Final = 0.05
# All scores are kept in memory: at most 64 MiB for each revision, in double precision.
_MAX_SCORES: Final = 8 << 20

Arrays = tuple[NDArray[Any], NDArray[Any]]


async def comparison(check: ComparisonCheck, dataset: Dataset, candidate: Predictor, stable: Predictor) -> CheckResult:
    """Compare the predictions of both revisions; raise AnswerError if the candidate's cannot be compared."""
    answers = _answers(dataset, candidate, stable)
    match check.kind:
        case "Classes":
            return await _compare_classes(check, answers)
        case "Values":
            return await _compare_values(check, answers)
        case "Scores":
            return await _compare_scores(check, answers)


async def _answers(dataset: Dataset, candidate: Predictor, stable: Predictor) -> AsyncIterator[Arrays]:
    for rows in dataset.rows():
        candidates = await candidate.predict(rows)
        try:
            stables = await stable.predict(rows)
        except AnswerError as error:
            raise NotRunError(
                f"stable {error}, so there is nothing to compare with: see the log of stable's pods"
            ) from error
        yield candidates, stables


async def _compare_classes(check: ComparisonCheck, answers: AsyncIterator[Arrays]) -> CheckResult:
    agreed = Share(0, 0)
    async for candidates, stables in answers:
        pairs = zip(classes(candidates, check.output), classes(stables, check.output), strict=True)
        agreed += Share(sum(same(first, second) for first, second in pairs), len(candidates))
    return _agreement(check, agreed)


async def _compare_values(check: ComparisonCheck, answers: AsyncIterator[Arrays]) -> CheckResult:
    relative = DEFAULT_RELATIVE_TOLERANCE if check.relative_tolerance is None else check.relative_tolerance
    absolute = check.absolute_tolerance or 0.0
    agreed = Share(0, 0)
    async for pair in answers:
        candidates, stables = _numbers(check, *pair)
        close = np.isclose(candidates, stables, rtol=relative, atol=absolute).all(axis=1)
        agreed += Share(int(close.sum()), len(candidates))
    return _agreement(check, agreed)


async def _compare_scores(check: ComparisonCheck, answers: AsyncIterator[Arrays]) -> CheckResult:
    parts: list[Arrays] = []
    async for pair in answers:
        parts.append(_numbers(check, *pair))
        if sum(scores.size for scores, _ in parts) > _MAX_SCORES:
            raise NotRunError(f"output {check.output} has more than {_MAX_SCORES} values: lower the data set's maxRows")
    candidates, stables = (np.concatenate(side) for side in zip(*parts, strict=True))
    for owner, scores in (("the candidate's", candidates), ("stable's", stables)):
        if undefined := int(np.isnan(scores).any(axis=1).sum()):
            return CheckResult(passed=False, message=f"{undefined} of {owner} {len(scores)} answers contain NaN")
    return _distance(check, candidates, stables)


def _distance(check: ComparisonCheck, candidates: NDArray[Any], stables: NDArray[Any]) -> CheckResult:
    allowed = DEFAULT_DISTANCE if check.max_distance is None else check.max_distance
    column, distance = worst_column(candidates, stables)
    columns = candidates.shape[1]
    position = f" (column {column + 1} of {columns})" if columns > 1 else ""
    return CheckResult(
        distance <= allowed,
        f"the scores' distributions over {len(candidates)} rows are {_rounded_up(distance):g} apart{position}, "
        f"at most {allowed:g} is allowed",
    )


def _rounded_up(distance: float) -> float:
    # To four decimals, so that a distance above the limit never looks like one below it. The inner rounding removes the
    # error of binary fractions.
    return ceil(round(distance * 10_000, 6)) / 10_000


def _numbers(check: ComparisonCheck, candidate_output: NDArray[Any], stable_output: NDArray[Any]) -> Arrays:
    """Return both outputs as rows of numbers in double precision, of equal width."""
    outputs = (candidate_output, stable_output)
    if "O" in {output.dtype.kind for output in outputs}:
        raise AnswerError(
            f"answered with strings in {check.output}, which kind {check.kind} cannot compare: use Classes"
        )
    candidates, stables = (output.reshape(len(output), -1).astype(np.float64) for output in outputs)
    width, stable_width = candidates.shape[1], stables.shape[1]
    if width != stable_width:
        raise AnswerError(f"answered with {width} values per row in {check.output}, but stable with {stable_width}")
    if width == 0:
        raise AnswerError(f"answered with no values in {check.output}")
    return candidates, stables


def _agreement(check: ComparisonCheck, agreed: Share) -> CheckResult:
    minimum = DEFAULT_AGREEMENT_PERCENT if check.min_agreement_percent is None else check.min_agreement_percent
    return CheckResult(
        agreed.reaches(minimum),
        f"{agreed.part} of {agreed.whole} answers agree with stable's ({agreed}), at least {minimum:g}% are required",
    )
