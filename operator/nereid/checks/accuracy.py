"""The check of how many labels of a data set the candidate predicts correctly."""

from collections.abc import Sequence
from typing import Any, Final

from nereid.api.checks import AccuracyCheck
from nereid.checks.classes import Class, classes, same
from nereid.checks.columns import Column
from nereid.checks.dataset import Dataset
from nereid.checks.errors import NotRunError, abbreviated
from nereid.checks.finding import CheckResult
from nereid.checks.predictor import Predictor
from nereid.checks.share import Share

_BOOLEANS: Final = {"true": 1, "false": 0}


async def accuracy(check: AccuracyCheck, dataset: Dataset, candidate: Predictor) -> CheckResult:
    """Compare the label of every row with the candidate's prediction; raise AnswerError if it does not predict."""
    correct = Share(0, 0)
    for rows in dataset.rows(check.label):
        predictions = classes(await candidate.predict(rows), check.output)
        labels = _labels(rows.table[check.label], predictions, rows.first)
        correct += Share(sum(map(same, predictions, labels)), len(rows))
    return CheckResult(
        correct.reaches(check.minimum_percent),
        f"{correct} of {correct.whole} labels are right, at least {check.minimum_percent:g}% are required",
    )


def _labels(column: Column, predictions: Sequence[Class], first: int) -> list[Class]:
    """Return the labels in the type of the predictions: strings or numbers."""
    as_text = any(isinstance(prediction, str) for prediction in predictions)
    return [_label(value, row, as_text=as_text) for row, value in enumerate(column, start=first)]


def _label(value: Any, row: int, *, as_text: bool) -> Class:
    plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(plain, bytes):
        plain = plain.decode(errors="replace")
    if not isinstance(plain, str | int | float) or plain == "":
        raise NotRunError(f"row {row} of the data set has no single label: correct the file")
    if as_text:
        return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)
    return _number(plain, row)


def _number(label: str | float, row: int) -> float:
    text = str(label).strip()
    try:
        return _BOOLEANS[text.lower()] if text.lower() in _BOOLEANS else _exact(text)
    except ValueError as error:
        raise NotRunError(
            f"row {row} of the data set has the label {abbreviated(text)}, but the output holds numbers: compare with "
            "another output, or write the labels as numbers"
        ) from error


def _exact(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)
