"""Requests whose answers are known."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from nereid.api.checks import ExampleRequest, ExpectedOutput
from nereid.checks.errors import AnswerError, shown
from nereid.checks.finding import Finding
from nereid.checks.server import Server

# What a number becomes in an output's own precision: "exact" is meant in that one, as 0.1 is no FP32.
_PRECISIONS: Final[Mapping[str, type[np.floating[Any]]]] = MappingProxyType({"FP16": np.float16, "FP32": np.float32})


async def examples(requests: Sequence[ExampleRequest], candidate: Server) -> Finding:
    """Send every request and compare its outputs with the expected ones."""
    wrong = [
        f"request {number}: {difference}"
        for number, request in enumerate(requests, start=1)
        if (difference := await _difference(request, candidate))
    ]
    if not wrong:
        return Finding(passed=True, message=f"all answers to {len(requests)} requests are as expected")
    return Finding(
        passed=False,
        message=f"{len(wrong)} of {len(requests)} requests were not answered as expected; {'; '.join(wrong)}",
    )


async def _difference(request: ExampleRequest, candidate: Server) -> str | None:
    try:
        answer = await candidate.infer_json(request.body)
    except AnswerError as error:
        return f"the candidate {error}"
    outputs = {one.get("name"): one for one in answer["outputs"] if isinstance(one, dict)}
    return next(
        (difference for expected in request.expected if (difference := output_difference(expected, outputs))), None
    )


def output_difference(expected: ExpectedOutput, outputs: Mapping[Any, Mapping[str, Any]]) -> str | None:
    """Return in what way the outputs differ from what one of them is expected to hold; None when they do not."""
    output = outputs.get(expected.name)
    if output is None:
        return f"there is no output {expected.name}"
    found, wanted = list(_flat(output.get("data") or [])), list(_flat(expected.data))
    if len(found) != len(wanted):
        return f"output {expected.name} holds {len(found)} values, {len(wanted)} are expected"
    for place, (value, right) in enumerate(zip(found, wanted, strict=True), start=1):
        if not _equal(value, right, expected.tolerance or 0, output.get("datatype", "")):
            within = f" within {expected.tolerance:g}" if expected.tolerance else ""
            return f"value {place} of output {expected.name} is {shown(value)}, {shown(right)} is expected{within}"
    return None


def _equal(value: Any, right: Any, tolerance: float, datatype: str) -> bool:
    if not _is_number(value) or not _is_number(right):
        return type(value) is type(right) and value == right
    precision = _PRECISIONS.get(datatype)
    if precision:
        right = float(precision(right))
    return bool(value == right or abs(value - right) <= tolerance)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(data: Any) -> Iterator[Any]:
    if isinstance(data, list):
        for item in data:
            yield from _flat(item)
    else:
        yield data
