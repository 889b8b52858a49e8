"""The built-in check, against servers that speak Triton's protocol."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from nereid.checks.dataset import Folders
from nereid.checks.errors import NotRunError
from nereid.checks.run import run_checks
from nereid.contract.check_job import CheckOutcome, CheckWork

Serve = Callable[..., Awaitable[Any]]
FIXED = {"x": ("FP32", [-1, 2])}
FREE = {"x": ("FP32", [-1, 3, -1, -1])}
TEXT = {"x": ("BYTES", [-1, 1])}


async def outcome(candidate: Any, stable: Any = None, **work: Any) -> CheckOutcome:
    given = {
        "candidate": candidate.host,
        "stable": stable.host if stable else None,
        "model": "digits",
        "requestTimeout": 5,
        "checks": [],
        "smoke": True,
    }
    sent = CheckWork.model_validate({**given, **work}).as_json()
    (found,) = await run_checks(CheckWork.model_validate_json(sent), Folders(), 2)
    return found


def failing(status: int = 500) -> web.Response:
    return web.json_response({"error": "the model lost its weights"}, status=status)


async def test_a_candidate_that_answers_passes_with_one_request_of_one_row(serve: Serve) -> None:
    candidate, stable = await serve(inputs=FIXED, max_batch_size=8), await serve(inputs=FIXED, max_batch_size=8)
    found = await outcome(candidate, stable)
    assert (found.name, found.passed) == ("smoke", True)
    assert (candidate.batches, stable.batches) == ([1], [])


@pytest.mark.parametrize("has_stable", [True, False], ids=["stable-fails-too", "no-stable"])
async def test_a_candidate_that_fails_what_its_metadata_promise_to_take_fails(serve: Serve, has_stable: bool) -> None:  # noqa: FBT001 - a case
    candidate = await serve(inputs=FIXED, max_batch_size=8, answer=failing)
    stable = await serve(inputs=FIXED, max_batch_size=8, answer=failing) if has_stable else None
    found = await outcome(candidate, stable)
    assert not found.passed
    assert "status 500: the model lost its weights" in found.message
    assert "spec.rollout.checks.smoke: false" in found.message


@pytest.mark.parametrize("inputs", [FIXED, FREE, TEXT], ids=["fixed", "free", "text"])
@pytest.mark.parametrize("status", [400, 500])
async def test_a_candidate_that_refuses_what_stable_answers_fails(serve: Serve, inputs: Any, status: int) -> None:
    candidate = await serve(inputs=inputs, max_batch_size=8, answer=lambda: failing(status))
    stable = await serve(inputs=inputs, max_batch_size=8, model=lambda _: {"y": np.ones((1, 2), np.float32)})
    found = await outcome(candidate, stable)
    assert not found.passed
    assert "stable answers the same" in found.message


@pytest.mark.parametrize(("inputs", "status"), [(FIXED, 400), (FREE, 500), (TEXT, 500)], ids=["4xx", "free", "text"])
@pytest.mark.parametrize("has_stable", [True, False], ids=["stable-refuses-too", "no-stable"])
async def test_what_a_made_up_request_cannot_tell_is_no_failure(
    serve: Serve,
    inputs: Any,
    status: int,
    has_stable: bool,  # noqa: FBT001 - a case
) -> None:
    refusing = {"inputs": inputs, "max_batch_size": 8, "answer": lambda: failing(status)}
    found = await outcome(await serve(**refusing), await serve(**refusing) if has_stable else None)
    assert found.passed
    assert "not judged" in found.message
    assert "the model lost its weights" in found.message


async def test_a_model_that_needs_some_length_is_asked_with_more(serve: Serve) -> None:
    def pictures(tensors: dict[str, Any]) -> dict[str, Any]:
        assert tensors["x"].shape[2] >= 32, "the kernel is larger than the picture"
        return {"y": np.zeros((1, 2), np.float32)}

    found = await outcome(await serve(inputs=FREE, max_batch_size=8, model=pictures))
    assert found.passed
    assert "is answered" in found.message


async def test_a_model_that_wants_other_values_than_zeros_is_asked_with_ones(serve: Serve) -> None:
    def divides(tensors: dict[str, Any]) -> dict[str, Any]:
        assert tensors["x"].all(), "division by zero"
        return {"y": np.ones((1, 2), np.float32)}

    found = await outcome(await serve(inputs=FIXED, max_batch_size=8, model=divides))
    assert (found.passed, "is answered" in found.message) == (True, True)


async def test_a_stable_revision_without_pods_tells_nothing(serve: Serve) -> None:
    candidate = await serve(inputs=TEXT, max_batch_size=8, answer=failing)
    found = await outcome(candidate, stable=type("Gone", (), {"host": "127.0.0.1:9"}))
    assert found.passed


async def test_a_request_too_large_for_the_job_is_not_made(serve: Serve) -> None:
    huge = await serve(inputs={"x": ("FP32", [1 << 20, 1 << 20])}, answer=failing)
    found = await outcome(huge)
    assert (found.passed, huge.batches) == (True, [])
    assert "too large" in found.message


async def test_a_candidate_that_is_never_ready_was_not_asked(serve: Serve) -> None:
    with pytest.raises(NotRunError, match="did not become ready"):
        await outcome(await serve(ready_after=10**6))
