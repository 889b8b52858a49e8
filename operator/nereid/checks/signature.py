"""The inputs and outputs of a model, and how rows of a data set become a request's tensors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

from numpy.typing import NDArray

from nereid.checks.errors import NotRunError
from nereid.contract.sentence import listing

_ANY: Final = -1


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of the model's metadata; -1 in a shape means any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """A model's inputs and outputs by name; max_batch_size is None if the server does not return it."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    max_batch_size: int | None

    def input(self, name: str) -> Tensor:
        """Return the input of a name; raise NotRunError if the model has none."""
        if name not in self.inputs:
            raise NotRunError(
                f"the model has no input {name}; its inputs are {listing(self.inputs)}: correct the data set's inputs"
            )
        return self.inputs[name]

    def largest_batch(self, inputs: Iterable[Tensor], outputs: Sequence[str], limit: int) -> int:
        """Return how many rows one request may hold, at most `limit`; 0 for a model without a dimension of rows.

        If the model does not declare batches, a first dimension of any size is taken for the rows, unless it is an
        input's only dimension: then it is the length of a vector.
        """
        if self.max_batch_size:
            return min(limit, self.max_batch_size)
        inputs_have_rows = all(tensor.shape[:1] == (_ANY,) and len(tensor.shape) > 1 for tensor in inputs)
        outputs_have_rows = all(self.outputs[name].shape[:1] == (_ANY,) for name in outputs)
        return limit if inputs_have_rows and outputs_have_rows else 0


def signature_of(metadata: Mapping[str, Any], max_batch_size: int | None) -> Signature:
    """Return the signature that a model's metadata describes."""
    return Signature(_tensors(metadata, "inputs"), _tensors(metadata, "outputs"), max_batch_size)


def _tensors(metadata: Mapping[str, Any], key: str) -> dict[str, Tensor]:
    entries = metadata.get(key, ())
    tensors = (Tensor(entry["name"], entry["datatype"], tuple(map(int, entry["shape"]))) for entry in entries)
    return {tensor.name: tensor for tensor in tensors}


def shaped(rows: NDArray[Any], dimensions: tuple[int, ...], name: str) -> NDArray[Any]:
    """Return the rows in the dimensions of the input `name`; raise NotRunError if their values do not fit these."""
    own = rows.shape[1:]
    if len(own) == len(dimensions) and all(want in (_ANY, have) for want, have in zip(dimensions, own, strict=True)):
        return rows
    count, fixed = prod(own), prod(size for size in dimensions if size != _ANY)
    free_dimensions = dimensions.count(_ANY)
    fits = count == fixed if free_dimensions == 0 else free_dimensions == 1 and fixed and count % fixed == 0
    if not fits:
        raise NotRunError(
            f"input {name} takes {list(dimensions)} values per row, but its columns hold {list(own) or 'one'}: "
            "correct the data set's inputs"
        )
    return rows.reshape(len(rows), *(count // fixed if size == _ANY else size for size in dimensions))
