"""One array of a .npz archive, read in slices: a data set may be far larger than the memory of the Job."""

from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy

from nereid.checks.errors import NotRunError

_HEADERS: Final = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# An array in Fortran order can only be read as a whole.
_LARGEST_BY_COLUMN: Final = 64 << 20


class StoredArray:
    """An array in the .npy format, read from its first row to its last."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self._name, self._file = name, file
        header = _HEADERS.get(npy.read_magic(file))
        if header is None:
            raise NotRunError(
                f"its array {name} has a version of NumPy's format that is not supported: store numbers or strings"
            )
        self._shape, by_column, self._dtype = header(file)
        if not self._shape or self._dtype.hasobject:
            what = "Python objects" if self._shape else "a single value"
            raise NotRunError(f"its array {name} holds {what}: store numbers or strings, one row for each request")
        self._whole = self._read_by_column() if by_column else None

    @property
    def rows(self) -> int:
        """The size of its first dimension."""
        return int(self._shape[0])

    def read(self, start: int, count: int) -> np.ndarray[Any, Any]:
        """Return the next rows, of which the first is `start`: at most `count` of them."""
        count = min(count, self.rows - start)
        if self._whole is not None:
            return self._whole[start : start + count]
        return self._take((count, *self._shape[1:]))

    def _read_by_column(self) -> np.ndarray[Any, Any]:
        if np.prod(self._shape, dtype=np.int64) * self._dtype.itemsize > _LARGEST_BY_COLUMN:
            raise NotRunError(
                f"its array {self._name} is large and in Fortran order: store numpy.ascontiguousarray(...) of it"
            )
        return self._take(self._shape[::-1]).transpose()

    def _take(self, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        size = int(np.prod(shape, dtype=np.int64)) * self._dtype.itemsize
        content = self._file.read(size)
        if len(content) < size:
            raise NotRunError(f"its array {self._name} ends before its last row: write the file again")
        return np.frombuffer(content, dtype=self._dtype).reshape(shape)
