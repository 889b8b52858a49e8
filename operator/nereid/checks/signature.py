"""What a model takes and gives, and how rows of a data set become a request's tensors."""

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
    """An input or output as the model's metadata tells it; -1 in a shape means any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """A model's inputs and outputs by name; max_batch_size is None where the server does not tell it."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    max_batch_size: int | None

    def input(self, name: str) -> Tensor:
        """Return an input; raise NotRunError when there is none of that name."""
        if name not in self.inputs:
            raise NotRunError(
                f"the model has no input {name}, but {listing(self.inputs)}: correct the data set's inputs"
            )
        return self.inputs[name]

    def largest_batch(self, inputs: Iterable[Tensor], outputs: Sequence[str], limit: int) -> int:
        """Return how many rows one request may hold, at most `limit`; 0 for a model that has no dimension of rows.

        Where the model does not say that it takes batches, a first dimension of any size is taken for the rows; but
        that of an input without a second one is the length of a vector.
        """
        if self.max_batch_size:
            return min(limit, self.max_batch_size)
        takes = all(tensor.shape[:1] == (_ANY,) and len(tensor.shape) > 1 for tensor in inputs)
        gives = all(self.outputs[name].shape[:1] == (_ANY,) for name in outputs)
        return limit if takes and gives else 0


def signature(metadata: Mapping[str, Any], max_batch_size: int | None) -> Signature:
    """Return the signature that a model's metadata tells."""
    return Signature(_tensors(metadata, "inputs"), _tensors(metadata, "outputs"), max_batch_size)


def _tensors(metadata: Mapping[str, Any], key: str) -> dict[str, Tensor]:
    told = (Tensor(one["name"], one["datatype"], tuple(map(int, one["shape"]))) for one in metadata.get(key, ()))
    return {tensor.name: tensor for tensor in told}


def shaped(rows: NDArray[Any], dimensions: tuple[int, ...], name: str) -> NDArray[Any]:
    """Give each row the dimensions that input `name` takes; raise NotRunError when its values do not fill them."""
    own = rows.shape[1:]
    if len(own) == len(dimensions) and all(want in (_ANY, have) for want, have in zip(dimensions, own, strict=True)):
        return rows
    count, known = prod(own), prod(size for size in dimensions if size != _ANY)
    open_places = dimensions.count(_ANY)
    fits = count == known if open_places == 0 else open_places == 1 and known and count % known == 0
    if not fits:
        raise NotRunError(
            f"input {name} takes {list(dimensions)} values a row, but its columns hold {list(own) or 'one'}: "
            "correct the data set's inputs"
        )
    return rows.reshape(len(rows), *(count // known if size == _ANY else size for size in dimensions))
