"""The check that compares the answers to given requests with the expected ones."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from nereid.api.checks import ExampleRequest, ExpectedOutput
from nereid.checks.errors import AnswerError, abbreviated
from nereid.checks.finding import CheckResult
from nereid.checks.server import Server

# Expected numbers are rounded to the output's own precision, as FP32 has no exact 0.1.
_PRECISIONS: Final[Mapping[str, type[np.floating[Any]]]] = MappingProxyType({"FP16": np.float16, "FP32": np.float32})


async def examples(requests: Sequence[ExampleRequest], candidate: Server) -> CheckResult:
    """Send every request and compare its outputs with the expected ones."""
    wrong = [
        f"request {number}: {difference}"
        for number, request in enumerate(requests, start=1)
        if (difference := await _difference(request, candidate))
    ]
    if not wrong:
        return CheckResult(passed=True, message=f"{len(requests)} of {len(requests)} answers are as expected")
    return CheckResult(
        passed=False,
        message=f"{len(wrong)} of {len(requests)} requests were not answered as expected; {'; '.join(wrong)}",
    )


async def _difference(request: ExampleRequest, candidate: Server) -> str | None:
    try:
        answer = await candidate.infer_json(request.body)
    except AnswerError as error:
        return f"the candidate {error}"
    outputs = {output.get("name"): output for output in answer["outputs"] if isinstance(output, dict)}
    return next(
        (difference for expected in request.expected if (difference := output_difference(expected, outputs))), None
    )


def output_difference(expected: ExpectedOutput, outputs: Mapping[Any, Mapping[str, Any]]) -> str | None:
    """Return how the expected output differs from the actual one, as a clause; None if it does not."""
    output = outputs.get(expected.name)
    if output is None:
        return f"the answer has no output {expected.name}"
    actual_values, expected_values = list(_flat(output.get("data") or [])), list(_flat(expected.data))
    if len(actual_values) != len(expected_values):
        return f"output {expected.name} has {len(actual_values)} values, but {len(expected_values)} are expected"
    for number, (actual, right) in enumerate(zip(actual_values, expected_values, strict=True), start=1):
        if not _equal(actual, right, expected.tolerance or 0, output.get("datatype", "")):
            description = abbreviated(right) + (f" ± {expected.tolerance:g}" if expected.tolerance else "")
            return f"value {number} of output {expected.name} is {abbreviated(actual)}, but {description} is expected"
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
