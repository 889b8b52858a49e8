"""The predicted class of each row of an output."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nereid.checks.errors import AnswerError

# None means undefined, and never equals another class.
Class = str | int | float | bool | None


def classes(output: NDArray[Any], name: str) -> list[Class]:
    """Return each row's value, or the index of the largest of several; None if one of them is NaN."""
    rows = output.reshape(len(output), -1)
    if rows.shape[1] == 1:
        return [_value(value) for value in rows[:, 0]]
    if rows.shape[1] == 0 or rows.dtype.kind == "O":
        raise AnswerError(f"answered with {rows.shape[1]} strings per row in {name}, which do not name one class")
    numbers = rows.astype(np.float64)
    return [None if np.isnan(row).any() else int(row.argmax()) for row in numbers]


def same(first: Class, second: Class) -> bool:
    """Whether two classes are equal; undefined ones never are."""
    return first is not None and first == second


def _value(value: Any) -> Class:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    plain: Class = float(value) if value.dtype.kind == "V" else value.item()
    # NaN alone differs from itself.
    return plain if plain == plain else None  # noqa: PLR0124
