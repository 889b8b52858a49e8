"""How many of a data set's labels the candidate gets right."""

from collections.abc import Sequence
from typing import Any, Final

from nereid.api.checks import AccuracyCheck
from nereid.checks.classes import Class, classes, same
from nereid.checks.columns import Column
from nereid.checks.dataset import Dataset
from nereid.checks.errors import NotRunError, shown
from nereid.checks.finding import Finding
from nereid.checks.predictor import Predictor
from nereid.checks.share import Share

_BOOLEANS: Final = {"true": 1, "false": 0}


async def accuracy(check: AccuracyCheck, dataset: Dataset, candidate: Predictor) -> Finding:
    """Compare the label of every row with what the candidate says; raise AnswerError when it says nothing."""
    right = Share(0, 0)
    for rows in dataset.rows(check.label):
        said = classes(await candidate.predict(rows), check.output)
        labels = _labels(rows.table[check.label], said, rows.first)
        right += Share(sum(map(same, said, labels)), len(rows))
    return Finding(
        right.reaches(check.minimum_percent),
        f"{right} of {right.whole} labels are right, at least {check.minimum_percent:g}% are asked for",
    )


def _labels(column: Column, said: Sequence[Class], first: int) -> list[Class]:
    """Return the labels as what the model speaks in: strings, or numbers."""
    as_text = any(isinstance(one, str) for one in said)
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
            f"row {row} of the data set has the label {shown(text)}, but the output holds numbers: compare another "
            "output, or write labels as numbers"
        ) from error


def _exact(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)
