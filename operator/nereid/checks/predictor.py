"""A revision's predictions for the rows of a data set, in as few requests as the model allows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.http import aio as triton

from nereid.checks.columns import RaggedError, values
from nereid.checks.errors import AnswerError
from nereid.checks.readers import ROWS_AT_A_TIME, Table
from nereid.checks.server import Answer, Server
from nereid.checks.signature import Signature, Tensor, shaped
from nereid.contract.sentence import listing


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of a data set; `first` is the number of the first one, `table` has their columns."""

    first: int
    table: Table

    def __len__(self) -> int:
        return len(next(iter(self.table.values())))

    def slices(self, size: int) -> Iterator["Rows"]:
        """Yield parts of at most `size` rows."""
        for start in range(0, len(self), size):
            part = {name: column[start : start + size] for name, column in self.table.items()}
            yield Rows(self.first + start, part)


class Predictor:
    """Requests one output of every row from one revision, or all outputs, if their values do not matter.

    `inputs` are the columns of each of the model's inputs. Raises AnswerError if the model has no such output.
    """

    def __init__(
        self, server: Server, model: Signature, inputs: Mapping[str, Sequence[str]], output: str | None = None
    ) -> None:
        if output and output not in model.outputs:
            raise AnswerError(f"has no output {output}; its outputs are {listing(model.outputs)}")
        self._server, self._inputs = server, inputs
        self._tensors = {name: model.input(name) for name in inputs}
        self._outputs = [output] if output else []
        self._batch = model.largest_batch(self._tensors.values(), self._outputs, ROWS_AT_A_TIME)

    async def predict(self, rows: Rows) -> NDArray[Any]:
        """Return the output, a row of it for each row; raise AnswerError if the model does not return it.

        If the model rejects a batch, its rows are sent again in smaller ones, as are all rows after them.
        """
        parts = [await self._part(part) for part in rows.slices(self._batch or 1)]
        if len({part.shape[1:] for part in parts}) > 1:
            raise AnswerError(f"answered with different shapes of {self._outputs[0]} for different rows")
        return np.concatenate(parts)

    async def _part(self, rows: Rows) -> NDArray[Any]:
        if len(rows) > max(1, self._batch):
            return await self.predict(rows)
        try:
            answer = await self.infer(rows)
            return _by_row(answer.outputs[self._outputs[0]], self._outputs[0], rows, self._batch)
        except RaggedError:
            return np.concatenate([await self._part(row) for row in rows.slices(1)])
        except AnswerError as error:
            if len(rows) == 1 or not error.is_rejection:
                raise
            self._batch = max(1, len(rows) // 2)
            return await self.predict(rows)

    async def infer(self, rows: Rows) -> Answer:
        """Send the rows in one request."""
        try:
            return await self._server.infer(list(self._request_inputs(rows)), self._outputs)
        except AnswerError as error:
            where = f"row {rows.first}" if len(rows) == 1 else f"rows {rows.first} to {rows.first + len(rows) - 1}"
            raise AnswerError(f"{error} (for {where} of the data set)", is_rejection=error.is_rejection) from error

    def _request_inputs(self, rows: Rows) -> Iterator[triton.InferInput]:
        for name, tensor in self._tensors.items():
            array = self._array(tensor, self._inputs[name], rows)
            request = triton.InferInput(name, list(array.shape), tensor.datatype)
            request.set_data_from_numpy(np.ascontiguousarray(array))
            yield request

    def _array(self, tensor: Tensor, columns: Sequence[str], rows: Rows) -> NDArray[Any]:
        parts = [values(rows.table[column], column, tensor.datatype, rows.first) for column in columns]
        array = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(len(rows), -1) for part in parts], axis=1)
        if self._batch:
            return shaped(array, tensor.shape[1:], tensor.name)
        whole: NDArray[Any] = shaped(array, tensor.shape, tensor.name)[0]
        return whole


def _by_row(output: NDArray[Any], name: str, rows: Rows, batch: int) -> NDArray[Any]:
    if not batch:
        return output[np.newaxis]
    if output.shape[:1] != (len(rows),):
        row_count = "one row" if len(rows) == 1 else f"{len(rows)} rows"
        raise AnswerError(f"answered {row_count} with {name} of shape {list(output.shape)}", is_rejection=True)
    return output
