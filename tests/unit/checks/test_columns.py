"""Which columns are meant, and what their values become."""

from typing import Any

import numpy as np
import pytest

from nereid.checks.columns import RaggedError, expand, values
from nereid.checks.errors import NotRunError

AVAILABLE = ["id", "pixel10", "pixel2", "x*", "xy"]


@pytest.mark.parametrize(
    ("patterns", "columns"),
    [
        (["id"], ["id"]),
        (["pixel*", "id"], ["pixel10", "pixel2", "id"]),
        (["x*"], ["x*"]),
        (["*"], AVAILABLE),
    ],
)
def test_wildcards(patterns: list[str], columns: list[str]) -> None:
    assert expand(patterns, AVAILABLE) == columns


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(
        NotRunError, match=r"^it has no column z\*; its columns are id, pixel10, pixel2, x\*, xy: correct the check"
    ):
        expand(["z*"], AVAILABLE)


@pytest.mark.parametrize(
    ("column", "datatype", "expected"),
    [
        (["1.5", "-2"], "FP32", np.array([1.5, -2], np.float32)),
        (["", "2"], "FP64", np.array([np.nan, 2])),
        ([None, 2], "FP16", np.array([np.nan, 2], np.float16)),
        (["[1, 2]", "[3, 4]"], "FP32", np.array([[1, 2], [3, 4]], np.float32)),
        ([[[1], [2]], [[3], [4]]], "INT32", np.array([[[1], [2]], [[3], [4]]], np.int32)),
        (["7", "8"], "INT64", np.array([7, 8])),
        ([9007199254740993], "INT64", np.array([9007199254740993])),
        ([7.0, 8.0], "UINT8", np.array([7, 8], np.uint8)),
        (np.array([1, 2], np.int64), "INT8", np.array([1, 2], np.int8)),
        (np.array([1, 2], np.int64), "FP32", np.array([1, 2], np.float32)),
        (["true", "False", 1, 0], "BOOL", np.array([True, False, True, False])),
        (np.array([0.0, 1.0]), "BOOL", np.array([False, True])),
        (["ä", b"\xff", 3], "BYTES", np.array(["ä".encode(), b"\xff", b"3"], dtype=object)),
        (["[1]"], "BYTES", np.array([b"[1]"], dtype=object)),
        ([["a", "b"]], "BYTES", np.array([[b"a", b"b"]], dtype=object)),
    ],
)
def test_values(column: Any, datatype: str, expected: np.ndarray[Any, Any]) -> None:
    found = values(column, "c", datatype, 1)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f")


def test_bfloat16() -> None:
    assert values(["1.5", 2], "c", "BF16", 1).astype(np.float32).tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("column", "datatype", "shown"),
    [
        ([1, "abc"], "FP32", "'abc'"),
        ([1, 1.5], "INT32", "1.5"),
        ([1, 300], "UINT8", "300"),
        (np.array([1, 300]), "UINT8", "300"),
        ([1, ""], "INT32", "''"),
        ([1, None], "INT32", "None"),
        ([1, "perhaps"], "BOOL", "'perhaps'"),
        (["a", None], "BYTES", "None"),
        (["a", [["a"], ["b", "c"]]], "BYTES", "[['a'], ['b', 'c']]"),
        ([1, "[1, 2"], "FP32", "'[1, 2'"),
        ([[1], [[1], [2, 3]]], "FP32", "[[1], [2, 3]]"),
    ],
)
def test_values_that_the_datatype_cannot_hold(column: Any, datatype: str, shown: str) -> None:
    with pytest.raises(NotRunError) as raised:
        values(column, "c", datatype, 41)
    assert str(raised.value) == f"row 42 of column c holds {shown}, which is not a valid {datatype}: correct the file"


def test_an_unknown_datatype() -> None:
    with pytest.raises(NotRunError, match="datatype FP8, which data sets do not support"):
        values([1], "c", "FP8", 1)


@pytest.mark.parametrize("datatype", ["FP32", "INT64", "BYTES"])
def test_rows_of_different_lengths(datatype: str) -> None:
    with pytest.raises(RaggedError):
        values([[1], [2, 3]], "c", datatype, 1)
