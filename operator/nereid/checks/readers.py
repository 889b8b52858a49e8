"""The four formats of data sets. Each is read in order, a few rows at a time, so that memory stays small."""

import csv
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np

from nereid.api.checks import DatasetFormat
from nereid.checks.arrays import StoredArray
from nereid.checks.errors import NotRunError

# Also the largest number of rows in one request.
ROWS_AT_A_TIME: Final = 32
# A cell may hold a whole vector, written as JSON.
_LONGEST_CELL: Final = 16 << 20

# Columns by name, each with the same number of rows.
Table = Mapping[str, Sequence[Any] | np.ndarray[Any, Any]]


class Reader(Protocol):
    """A data set's file."""

    def columns(self) -> list[str]:
        """Return the names of its columns, in the file's order."""

    def tables(self, columns: Sequence[str]) -> Iterator[Table]:
        """Yield its rows, of these columns alone, at most ROWS_AT_A_TIME at a time."""


class CsvReader:
    """Comma-separated values, with the columns' names in the first line; every value is a string."""

    def __init__(self, path: Path) -> None:
        self._path = path
        csv.field_size_limit(_LONGEST_CELL)

    def columns(self) -> list[str]:
        """Return the first line's values."""
        with self._path.open(newline="", encoding="utf-8-sig") as file:
            return next(csv.reader(file), [])

    def tables(self, columns: Sequence[str]) -> Iterator[Table]:
        """Yield the lines after the first."""
        with self._path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            positions, width = {name: position for position, name in enumerate(header)}, len(header)
            numbered = ((number, row) for number, row in enumerate(rows, start=1) if row)
            while batch := list(islice(numbered, ROWS_AT_A_TIME)):
                for number, row in batch:
                    _require(len(row) == width, number, f"{len(row)} values instead of {width}")
                yield {name: [row[positions[name]] for _, row in batch] for name in columns}


class JsonLinesReader:
    """A JSON object in each line; a value may be a list, nested as deep as the tensor is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def columns(self) -> list[str]:
        """Return the keys of the first object."""
        return list(next(self._rows(), {}))

    def tables(self, columns: Sequence[str]) -> Iterator[Table]:
        """Yield the objects' values."""
        numbered = enumerate(self._rows(), start=1)
        while batch := list(islice(numbered, ROWS_AT_A_TIME)):
            for number, row in batch:
                _require(
                    row.keys() >= set(columns), number, f"no value for {', '.join(sorted(set(columns) - row.keys()))}"
                )
            yield {name: [row[name] for _, row in batch] for name in columns}

    def _rows(self) -> Iterator[dict[str, Any]]:
        with self._path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate((line for line in file if line.strip()), start=1):
                row = json.loads(line)
                _require(isinstance(row, dict), number, "something other than a JSON object")
                yield row


class NpzReader:
    """NumPy's archive of arrays; the first dimension of each is the rows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def columns(self) -> list[str]:
        """Return the arrays' names."""
        with zipfile.ZipFile(self._path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

    def tables(self, columns: Sequence[str]) -> Iterator[Table]:
        """Yield slices of the arrays."""
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(self._path))
            arrays = {name: StoredArray(name, stack.enter_context(archive.open(f"{name}.npy"))) for name in columns}
            lengths = {array.rows for array in arrays.values()}
            if len(lengths) > 1:
                counts = ", ".join(f"{name} {array.rows}" for name, array in arrays.items())
                raise NotRunError(f"its arrays have different numbers of rows ({counts}): make them equal")
            for start in range(0, lengths.pop(), ROWS_AT_A_TIME):
                yield {name: array.read(start, ROWS_AT_A_TIME) for name, array in arrays.items()}


class ParquetReader:
    """Apache Parquet; a column of lists holds vectors."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet  # noqa: PLC0415 - it takes long to import, and few data sets need it

        self._file = pyarrow.parquet.ParquetFile(path, memory_map=True)

    def columns(self) -> list[str]:
        """Return the schema's names."""
        return list(self._file.schema_arrow.names)

    def tables(self, columns: Sequence[str]) -> Iterator[Table]:
        """Yield the rows as Python values."""
        for batch in self._file.iter_batches(batch_size=ROWS_AT_A_TIME, columns=list(columns), use_threads=False):
            yield {name: batch.column(name).to_pylist() for name in columns}


READERS: Final[Mapping[DatasetFormat, Callable[[Path], Reader]]] = MappingProxyType(
    {"csv": CsvReader, "jsonl": JsonLinesReader, "npz": NpzReader, "parquet": ParquetReader}
)


def _require(condition: bool, row: int, what: str) -> None:  # noqa: FBT001 - it reads like an assertion
    if not condition:
        raise NotRunError(f"its row {row} holds {what}: correct the file")
