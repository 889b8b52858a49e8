"""The built-in check: a request made from the model's own metadata, with values that nobody chose.

A made-up request may be one that the model rightly does not take: a picture without pixels, a text that is no JSON. So
that the candidate does not answer it proves a fault only if stable answers the same request, or if there is nothing to
make up: numbers in a fixed shape, which the metadata promise to take.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tritonclient.http import aio as triton
from tritonclient.utils import triton_to_np_dtype

from nereid.checks.errors import AnswerError
from nereid.checks.finding import CheckResult
from nereid.checks.server import Server
from nereid.checks.signature import Signature, Tensor

# What a free dimension is set to, one after the other: models of pictures and of sound need some length.
_SIZES: Final = (1, 8, 32, 224)
# Together the tensors of a request must fit into the memory of the Job's container, more than once.
_MOST_BYTES: Final = 32 << 20
_TEXT: Final = "BYTES"
_TEXTS: Final = (b"", b"{}")
_OF_ITS_OWN: Final = (
    "to check it by a request of your own, add one to spec.rollout.checks.items, or set spec.rollout.checks.smoke: "
    "false to check nothing"
)


@dataclass(frozen=True, slots=True)
class _Request:
    """A made-up request. `is_certain`: whoever serves the model's metadata has to take it."""

    tensors: Sequence[tuple[Tensor, NDArray[Any]]]
    is_certain: bool


async def smoke(candidate: Server, stable: Server | None) -> CheckResult:
    """Ask the candidate, and stable as well if the candidate does not answer; raise NotRunError without metadata."""
    requests = list(_requests(await candidate.signature()))
    if not requests:
        return CheckResult(passed=True, message="not judged: a request made from its metadata would be too large")
    refusals: list[AnswerError] = []
    for request in requests:
        try:
            await _ask(candidate, request)
        except AnswerError as error:
            refusals.append(error)
        else:
            return CheckResult(passed=True, message="a request made from its metadata is answered")
    return await _judged(requests, refusals, stable)


async def _judged(requests: Sequence[_Request], refusals: Sequence[AnswerError], stable: Server | None) -> CheckResult:
    tried = "the request" if len(requests) == 1 else f"each of {len(requests)} requests"
    told = f"{tried} made from its metadata: the candidate {refusals[-1]}"
    if stable and await _answers_any(stable, requests):
        return CheckResult(passed=False, message=f"{told}; stable answers the same; {_OF_ITS_OWN}")
    if requests[-1].is_certain and not any(error.is_rejection for error in refusals):
        return CheckResult(passed=False, message=f"{told}; {_OF_ITS_OWN}")
    other = ", and stable does not answer it either" if stable else ""
    return CheckResult(
        passed=True, message=f"not judged, as a made-up request may be none that it takes ({told}{other})"
    )


async def _answers_any(stable: Server, requests: Sequence[_Request]) -> bool:
    """Whether stable answers one of the requests; not if it has no pods that could."""
    for request in requests:
        try:
            await _ask(stable, request)
        except AnswerError:
            continue
        return True
    return False


async def _ask(server: Server, request: _Request) -> None:
    await server.infer([_input(tensor, array) for tensor, array in request.tensors], [])


def _input(tensor: Tensor, array: NDArray[Any]) -> triton.InferInput:
    given = triton.InferInput(tensor.name, list(array.shape), tensor.datatype)
    given.set_data_from_numpy(array)
    return given


def _requests(model: Signature) -> Iterator[_Request]:
    """Yield the requests to try: of ever larger free dimensions, and of two values each."""
    tensors = list(model.inputs.values())
    shapes = [_without_batch(tensor, model) for tensor in tensors]
    is_free = any(size < 0 for shape in shapes for size in shape)
    is_text = any(tensor.datatype == _TEXT for tensor in tensors)
    for size in _SIZES if is_free else _SIZES[:1]:
        for number in range(2):
            filled = [_filled(tensor, shape, size, number) for tensor, shape in zip(tensors, shapes, strict=True)]
            known = [array for array in filled if array is not None]
            if len(known) == len(tensors) and sum(array.nbytes for array in known) <= _MOST_BYTES:
                yield _Request(list(zip(tensors, known, strict=True)), is_certain=not is_free and not is_text)


def _without_batch(tensor: Tensor, model: Signature) -> tuple[int, ...]:
    """Return the shape with one row, if the first dimension is that of rows."""
    has_rows = model.max_batch_size and tensor.shape[:1] == (-1,)
    return (1, *tensor.shape[1:]) if has_rows else tensor.shape


def _filled(tensor: Tensor, shape: tuple[int, ...], size: int, number: int) -> NDArray[Any] | None:
    """Return an array of one value; None for a datatype that cannot be sent, and for what would be too large."""
    numpy_type = triton_to_np_dtype(tensor.datatype)
    full = tuple(size if wanted < 0 else wanted for wanted in shape)
    if numpy_type is None or prod(full) > _MOST_BYTES:
        return None
    if tensor.datatype == _TEXT:
        return np.full(full, _TEXTS[number], dtype=np.object_)
    return np.full(full, number, dtype=numpy_type)
