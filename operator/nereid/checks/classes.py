"""The one class that an output says for each row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nereid.checks.errors import AnswerError

# None is no class, and so never equal to another.
Class = str | int | float | bool | None


def classes(output: NDArray[Any], name: str) -> list[Class]:
    """Return each row's value, or of several values the index of the largest; None where one of them is NaN."""
    rows = output.reshape(len(output), -1)
    if rows.shape[1] == 1:
        return [_value(value) for value in rows[:, 0]]
    if rows.shape[1] == 0 or rows.dtype.kind == "O":
        raise AnswerError(f"answered with {rows.shape[1]} strings a row in {name}, of which none is the largest")
    numbers = rows.astype(np.float64)
    return [None if np.isnan(row).any() else int(row.argmax()) for row in numbers]


def same(one: Class, other: Class) -> bool:
    """Whether two classes are the same one; undefined ones never are."""
    return one is not None and one == other


def _value(value: Any) -> Class:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    plain: Class = float(value) if value.dtype.kind == "V" else value.item()
    # NaN alone differs from itself.
    return plain if plain == plain else None  # noqa: PLR0124
