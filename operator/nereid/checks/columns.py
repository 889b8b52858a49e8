"""The columns that a check names, and their values in the datatype of a model's input."""

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tritonclient.utils import triton_to_np_dtype

from nereid.checks.errors import NotRunError, abbreviated
from nereid.contract.sentence import listing

Column = Sequence[Any] | NDArray[Any]
Convert = Callable[[Any, Any], Any]

_BOOLEANS: Final = MappingProxyType({"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False})
# Kinds of NumPy's datatypes: floating point is f, and V where NumPy itself does not know it, as bfloat16.
_FLOATS: Final = "fV"
_INTEGERS: Final = "iu"


class RaggedError(Exception):
    """The rows hold vectors of different lengths, so they do not fit into one array."""


def expand(patterns: Sequence[str], available: Sequence[str]) -> list[str]:
    """Return the columns that the patterns name, in order; a pattern that ends in * matches all with that prefix.

    If a column has exactly the name of a pattern, the pattern matches that column alone, even if it ends in *.
    """
    columns: list[str] = []
    for name in patterns:
        matching = [column for column in available if name.endswith("*") and column.startswith(name[:-1])]
        if name not in available and not matching:
            raise NotRunError(
                f"it has no column {name}; its columns are {listing(available)}: correct the check or the file"
            )
        columns += [name] if name in available else matching
    return columns


def values(column: Column, name: str, datatype: str, first_row: int) -> NDArray[Any]:
    """Return a column as an array of a datatype of the Open Inference Protocol, a row of it for each row.

    `first_row` is the number of the column's first row. Raises NotRunError for a value that the datatype cannot hold,
    and RaggedError if rows are vectors of different lengths.
    """
    numpy_type = triton_to_np_dtype(datatype)
    if numpy_type is None:
        raise NotRunError(f"column {name} is for an input of datatype {datatype}, which data sets do not support")
    dtype = np.dtype(numpy_type)
    array = _at_once(column, dtype)
    return array if array is not None else _one_by_one(column, name, datatype, dtype, first_row)


def _at_once(column: Column, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return the column if NumPy converts it without loss; None if it has to be converted value by value."""
    if dtype.kind in _FLOATS:
        try:
            return np.array(column, dtype=dtype)
        except (ValueError, TypeError):
            return None
    if isinstance(column, np.ndarray) and column.dtype.kind in _INTEGERS and dtype.kind in _INTEGERS and column.size:
        limits = np.iinfo(dtype)
        fits = limits.min <= int(column.min()) and int(column.max()) <= limits.max
        return column.astype(dtype) if fits else None
    return None


def _one_by_one(column: Column, name: str, datatype: str, dtype: np.dtype[Any], first_row: int) -> NDArray[Any]:
    convert = _CONVERSIONS.get(dtype.kind, _number)
    rows = []
    for number, value in enumerate(map(_plain, column), start=first_row):
        try:
            rows.append(_array(_parsed(value) if dtype.kind != "O" else value, convert, dtype))
        except (ValueError, TypeError, OverflowError) as error:
            where = f"row {number} of column {name} holds {abbreviated(value)}"
            raise NotRunError(f"{where}, which is not a valid {datatype}: correct the file") from error
    if len({row.shape for row in rows}) > 1:
        raise RaggedError
    return np.stack(rows)


def _array(value: Any, convert: Convert, dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.array(_converted(value, convert, dtype), dtype=dtype)
    if dtype.kind == "O" and any(isinstance(leaf, list) for leaf in array.flat):
        raise ValueError("lists of different lengths in one row")
    return array


def _converted(nested: Any, convert: Convert, dtype: np.dtype[Any]) -> Any:
    if isinstance(nested, list):
        return [_converted(item, convert, dtype) for item in nested]
    return convert(nested, dtype)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _parsed(value: Any) -> Any:
    """Return the vector that a cell of a text file holds as JSON; any other value as it is."""
    if not isinstance(value, str) or not value.startswith("["):
        return value
    return json.loads(value)


def _integer(value: Any, dtype: np.dtype[Any]) -> int:
    number = int(value) if isinstance(value, str) else value
    limits = np.iinfo(dtype)
    if int(number) != number or not limits.min <= number <= limits.max:
        raise OverflowError(value)
    return int(number)


def _number(value: Any, _dtype: np.dtype[Any]) -> float:
    # A missing value becomes NaN.
    return float("nan") if value is None or value == "" else float(value)


def _boolean(value: Any, _dtype: np.dtype[Any]) -> bool:
    boolean = _BOOLEANS.get(str(value).lower())
    if boolean is None:
        raise ValueError(value)
    return boolean


def _string(value: Any, _dtype: np.dtype[Any]) -> bytes:
    if value is None:
        raise ValueError(value)
    return value if isinstance(value, bytes) else str(value).encode()


_CONVERSIONS: Final[Mapping[str, Convert]] = MappingProxyType(
    {"i": _integer, "u": _integer, "b": _boolean, "O": _string}
)
