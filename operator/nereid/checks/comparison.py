"""How much the candidate's answers differ from stable's to the same rows."""

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
from nereid.checks.finding import Finding
from nereid.checks.predictor import Predictor
from nereid.checks.share import Share

DEFAULT_AGREEMENT_PERCENT: Final = 95.0
DEFAULT_DISTANCE: Final = 0.1
DEFAULT_RELATIVE_TOLERANCE: Final = 0.05
# Scores are kept until all are there: of each revision 64 MiB, in double precision.
_MOST_SCORES: Final = 8 << 20

Arrays = tuple[NDArray[Any], NDArray[Any]]


async def comparison(check: ComparisonCheck, dataset: Dataset, candidate: Predictor, stable: Predictor) -> Finding:
    """Ask both revisions and compare what they say; raise AnswerError when the candidate says nothing comparable."""
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
        own = await candidate.predict(rows)
        try:
            theirs = await stable.predict(rows)
        except AnswerError as error:
            raise NotRunError(f"stable {error}: there is nothing to compare with") from error
        yield own, theirs


async def _compare_classes(check: ComparisonCheck, answers: AsyncIterator[Arrays]) -> Finding:
    agreed = Share(0, 0)
    async for own, theirs in answers:
        pairs = zip(classes(own, check.output), classes(theirs, check.output), strict=True)
        agreed += Share(sum(same(one, other) for one, other in pairs), len(own))
    return _agreement(check, agreed)


async def _compare_values(check: ComparisonCheck, answers: AsyncIterator[Arrays]) -> Finding:
    relative = DEFAULT_RELATIVE_TOLERANCE if check.relative_tolerance is None else check.relative_tolerance
    absolute = check.absolute_tolerance or 0.0
    agreed = Share(0, 0)
    async for own, theirs in answers:
        one, other = _numbers(check, own, theirs)
        close = np.isclose(one, other, rtol=relative, atol=absolute).all(axis=1)
        agreed += Share(int(close.sum()), len(one))
    return _agreement(check, agreed)


async def _compare_scores(check: ComparisonCheck, answers: AsyncIterator[Arrays]) -> Finding:
    kept: list[Arrays] = []
    async for own, theirs in answers:
        kept.append(_numbers(check, own, theirs))
        if sum(one.size for one, _ in kept) > _MOST_SCORES:
            raise NotRunError(
                f"output {check.output} has more than {_MOST_SCORES} values: lower the data set's maxRows"
            )
    one, other = (np.concatenate(side) for side in zip(*kept, strict=True))
    for whose, scores in (("the candidate's", one), ("stable's", other)):
        if undefined := int(np.isnan(scores).any(axis=1).sum()):
            return Finding(passed=False, message=f"{undefined} of {whose} {len(scores)} answers hold NaN")
    return _distance(check, one, other)


def _distance(check: ComparisonCheck, one: NDArray[Any], other: NDArray[Any]) -> Finding:
    allowed = DEFAULT_DISTANCE if check.max_distance is None else check.max_distance
    column, distance = worst_column(one, other)
    which = f" (column {column + 1} of {one.shape[1]})" if one.shape[1] > 1 else ""
    return Finding(
        distance <= allowed,
        f"the scores' distributions over {len(one)} rows are {_rounded_up(distance):g} apart{which}, "
        f"at most {allowed:g} is allowed",
    )


def _rounded_up(distance: float) -> float:
    # To four decimals, so that too far never looks like near enough; what only binary fractions add is cut off first.
    return ceil(round(distance * 10_000, 6)) / 10_000


def _numbers(check: ComparisonCheck, own: NDArray[Any], theirs: NDArray[Any]) -> Arrays:
    """Return both outputs as rows of numbers in double precision, of equal width."""
    if "O" in {own.dtype.kind, theirs.dtype.kind}:
        raise AnswerError(
            f"answered with strings in {check.output}, which kind {check.kind} cannot compare: use Classes"
        )
    one, other = (array.reshape(len(array), -1).astype(np.float64) for array in (own, theirs))
    if one.shape[1] != other.shape[1]:
        raise AnswerError(f"answered with {one.shape[1]} values a row in {check.output}, stable with {other.shape[1]}")
    if one.shape[1] == 0:
        raise AnswerError(f"answered with no values in {check.output}")
    return one, other


def _agreement(check: ComparisonCheck, agreed: Share) -> Finding:
    least = DEFAULT_AGREEMENT_PERCENT if check.min_agreement_percent is None else check.min_agreement_percent
    return Finding(
        agreed.reaches(least),
        f"{agreed.part} of {agreed.whole} answers agree with stable's ({agreed}), at least {least:g}% are asked for",
    )
