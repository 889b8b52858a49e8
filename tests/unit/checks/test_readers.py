"""The four formats, as their common writers write them."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nereid.api.checks import DatasetFormat
from nereid.checks.errors import NotRunError
from nereid.checks.readers import READERS, ROWS_AT_A_TIME, CsvReader, JsonLinesReader, NpzReader, Reader

ROWS = 70
X = np.arange(ROWS * 3, dtype=np.float32).reshape(ROWS, 3)


def written(path: Path, kind: str) -> Path:
    columns = {"a": X[:, 0], "b": X[:, 1], "v": X}
    if kind == "npz":
        np.savez_compressed(path, a=X[:, 0], b=X[:, 1], v=X)
    elif kind == "parquet":
        pq.write_table(pa.table({name: column.tolist() for name, column in columns.items()}), path)
    elif kind == "jsonl":
        lines = [json.dumps({name: column[row].tolist() for name, column in columns.items()}) for row in range(ROWS)]
        path.write_text("\n".join(lines) + "\n\n")
    else:
        lines = [f'{row[0]},{row[1]},"{json.dumps(row.tolist())}"' for row in X]
        path.write_text("\ufeffa,b,v\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", READERS)
def test_all_formats_tell_the_same(tmp_path: Path, kind: DatasetFormat) -> None:
    reader = READERS[kind](written(tmp_path / f"x.{kind}", kind))
    assert reader.columns() == ["a", "b", "v"]
    tables = list(reader.tables(["v", "b"]))
    assert [len(table["b"]) for table in tables] == [ROWS_AT_A_TIME, ROWS_AT_A_TIME, ROWS - 2 * ROWS_AT_A_TIME]
    assert [float(value) for table in tables for value in table["b"]] == X[:, 1].tolist()
    vectors = [json.loads(v) if isinstance(v, str) else list(v) for table in tables for v in table["v"]]
    assert vectors == X.tolist()


def test_arrays_in_fortran_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", v=np.asfortranarray(X))
    parts = [table["v"] for table in NpzReader(tmp_path / "x.npz").tables(["v"])]
    assert np.array_equal(np.concatenate(parts), X)


def test_strings_in_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", s=np.array(["ä", "bc"]))
    (table,) = NpzReader(tmp_path / "x.npz").tables(["s"])
    assert list(table["s"]) == ["ä", "bc"]


def not_run(reader: Reader, columns: list[str]) -> str:
    with pytest.raises(NotRunError) as raised:
        list(reader.tables(columns))
    return str(raised.value)


def test_arrays_of_different_lengths(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(3), b=np.zeros(4))
    assert not_run(NpzReader(tmp_path / "x.npz"), ["a", "b"]) == (
        "its arrays have different numbers of rows (a 3, b 4): make them equal"
    )


def test_arrays_of_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.array([{}, []], dtype=object))
    assert "its array a holds Python objects" in not_run(NpzReader(tmp_path / "x.npz"), ["a"])


def test_an_array_that_was_cut_off(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(100))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", buffer.getvalue()[:-8])
    assert "its array a ends before its last row" in not_run(NpzReader(tmp_path / "x.npz"), ["a"])


def test_a_line_with_too_few_values(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n\n3\n")
    assert not_run(CsvReader(tmp_path / "x.csv"), ["a"]) == "its row 3 holds 1 values instead of 2: correct the file"


def test_an_object_without_a_key(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"b": 1}\n')
    assert not_run(JsonLinesReader(tmp_path / "x.jsonl"), ["a"]) == "its row 2 holds no value for a: correct the file"


def test_a_line_that_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("[1]\n")
    assert "its row 1 holds something other than a JSON object" in not_run(JsonLinesReader(tmp_path / "x.jsonl"), ["a"])
