"""All kinds of checks against servers that speak Triton's protocol, those that misbehave among them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from nereid.checks.dataset import Folders
from nereid.checks.errors import NotRunError
from nereid.checks.run import run_checks
from nereid.contract.check_job import CheckOutcome, CheckWork

Tensors = dict[str, np.ndarray[Any, Any]]
Run = Callable[..., Any]
ROWS = 100


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run one check on a data set: a and b are what the model gets, larger tells which of the two is."""
    (tmp_path / "data").mkdir()
    rows = [{"a": row % 7, "b": row % 5, "larger": int(row % 5 > row % 7)} for row in range(ROWS)]
    (tmp_path / "data" / "x.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    dataset = {"uri": "pvc://data/x.jsonl", "inputs": [{"name": "x", "columns": ["a", "b"]}]}

    async def one(candidate: Any, stable: Any = None, within: float = 5, **check: Any) -> CheckOutcome:
        spec = {"name": "c", **({} if "requests" in check else {"dataset": dataset}), **check}
        work = CheckWork.model_validate(
            {
                "candidate": candidate.host,
                "stable": stable.host if stable else None,
                "model": "digits",
                "requestTimeout": within,
                "checks": [spec],
            }
        )
        (outcome,) = await run_checks(CheckWork.model_validate_json(work.as_json()), Folders(claims=tmp_path), 2)
        return outcome

    return one


def told(outcome: CheckOutcome) -> tuple[bool, str]:
    return outcome.passed, outcome.message


def accuracy(percent: float = 95, label: str = "larger") -> dict[str, Any]:
    return {"accuracy": {"label": label, "output": "y", "minimumPercent": percent}}


def comparison(kind: str, **limits: float) -> dict[str, Any]:
    return {"comparison": {"kind": kind, "output": "y", **limits}}


def undefined_in(count: int) -> Callable[[Tensors], Tensors]:
    """A model that is right, except that its first `count` answers are NaN."""
    left = count

    def model(inputs: Tensors) -> Tensors:
        nonlocal left
        output = inputs["x"].copy()
        output[:left] = np.nan
        left = max(0, left - len(output))
        return {"y": output}

    return model


async def test_accuracy(run: Run, serve: Run) -> None:
    triton = await serve()
    assert told(await run(triton, **accuracy(100))) == (
        True,
        "100.0% of 100 labels are right, at least 100% are required",
    )
    assert triton.batches == [32, 32, 32, 4]


async def test_accuracy_without_the_argmax(run: Run, serve: Run) -> None:
    def half_right(inputs: Tensors) -> Tensors:
        larger = np.argmax(inputs["x"], axis=1)
        larger[: len(larger) // 2] = 9
        return {"y": larger.astype(np.int64)}

    triton = await serve(model=half_right, outputs={"y": ("INT64", [-1])})
    assert told(await run(triton, **accuracy(50.5))) == (
        False,
        "50.0% of 100 labels are right, at least 50.5% are required",
    )


async def test_accuracy_of_strings(run: Run, serve: Run) -> None:
    def spoken(inputs: Tensors) -> Tensors:
        return {"y": np.array([[str(one).encode()] for one in np.argmax(inputs["x"], axis=1)], dtype=object)}

    triton = await serve(model=spoken, outputs={"y": ("BYTES", [-1, 1])})
    assert (await run(triton, **accuracy(100))).passed


async def test_nan_is_never_right(run: Run, serve: Run) -> None:
    triton = await serve(model=undefined_in(40))
    assert told(await run(triton, **accuracy(95)))[1].startswith("60.0% of 100 labels are right")


@pytest.mark.parametrize(
    ("settings", "batches"),
    [
        ({"max_batch_size": 4}, [4] * 25),
        ({"max_batch_size": None}, [32, 32, 32, 4]),
        ({"inputs": {"x": ("FP32", [2])}, "outputs": {"y": ("FP32", [2])}}, [2] * 100),
    ],
    ids=["told", "not told", "no batches"],
)
async def test_batches(run: Run, serve: Run, settings: dict[str, Any], batches: list[int]) -> None:
    triton = await serve(**settings)
    assert (await run(triton, **accuracy(100))).passed
    assert triton.batches == batches


async def test_batches_that_are_turned_down_become_smaller(run: Run, serve: Run) -> None:
    triton = await serve()

    def too_many() -> web.Response:
        raise web.HTTPBadRequest(text=json.dumps({"error": "batch-size must be <= 5"}))

    def model(inputs: Tensors) -> Tensors:
        if len(inputs["x"]) > 5:
            too_many()
        return {"y": inputs["x"]}

    triton.model = model
    assert (await run(triton, **accuracy(100))).passed
    assert triton.batches == [32, 16, 8, 4, *[4] * 24]


async def test_latency(run: Run, serve: Run) -> None:
    triton = await serve()
    passed, message = told(await run(triton, latency={"maximumMilliseconds": 5000}))
    assert passed
    assert message.startswith("95% of 100 requests were answered within ")
    assert triton.batches == [1] * 110


async def test_latency_that_is_too_high(run: Run, serve: Run) -> None:
    triton = await serve(delay=0.003)
    assert not (await run(triton, latency={"percentile": 50, "maximumMilliseconds": 1})).passed


async def test_comparison_of_classes(run: Run, serve: Run) -> None:
    candidate, stable = await serve(model=undefined_in(18)), await serve()
    assert told(await run(candidate, stable, **comparison("Classes"))) == (
        False,
        "82 of 100 answers agree with stable's (82.0%), at least 95% are required",
    )
    assert (await run(await serve(max_batch_size=3), stable, **comparison("Classes"))).passed


async def test_two_undefined_answers_do_not_agree(run: Run, serve: Run) -> None:
    for kind in ("Classes", "Values"):
        both = await serve(model=undefined_in(50)), await serve(model=undefined_in(50))
        assert told(await run(*both, **comparison(kind, minAgreementPercent=50)))[1].startswith("50 of 100")


@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        ({}, False),
        ({"relativeTolerance": 0.1}, True),
        ({"absoluteTolerance": 0.6}, True),
        ({"relativeTolerance": 0}, False),
    ],
)
async def test_comparison_of_values(run: Run, serve: Run, limits: dict[str, float], passed: object) -> None:
    candidate = await serve(model=lambda inputs: {"y": inputs["x"] * np.float32(1.08)})
    assert (await run(candidate, await serve(), **comparison("Values", **limits))).passed is passed


async def test_comparison_of_scores(run: Run, serve: Run) -> None:
    shifted = await serve(model=lambda inputs: {"y": inputs["x"] + np.array([0, 3], np.float32)})
    stable = await serve()
    assert told(await run(shifted, stable, **comparison("Scores"))) == (
        False,
        "the scores' distributions over 100 rows are 0.6 apart (column 2 of 2), at most 0.1 is allowed",
    )
    assert (await run(shifted, stable, **comparison("Scores", maxDistance=0.6))).passed
    reversed_rows = await serve(model=lambda inputs: {"y": inputs["x"][::-1].copy()})
    assert (await run(reversed_rows, stable, **comparison("Scores", maxDistance=0))).passed
    undefined = await serve(model=undefined_in(3))
    assert (
        told(await run(undefined, stable, **comparison("Scores")))[1] == "3 of the candidate's 100 answers contain NaN"
    )


async def test_comparison_without_stable(run: Run, serve: Run) -> None:
    outcome = await run(await serve(), None, **comparison("Classes"))
    assert told(outcome) == (True, "there is no stable revision to compare with")


@pytest.mark.parametrize("kind", ["Values", "Scores"])
async def test_outputs_that_cannot_be_compared(run: Run, serve: Run, kind: str) -> None:
    wide = await serve(model=lambda inputs: {"y": np.repeat(inputs["x"], 2, axis=1)})
    words = await serve(
        model=lambda inputs: {"y": np.full((len(inputs["x"]), 1), b"a", dtype=object)},
        outputs={"y": ("BYTES", [-1, 1])},
    )
    stable = await serve()
    assert told(await run(wide, stable, **comparison(kind))) == (
        False,
        "the candidate answered with 4 values per row in y, but stable with 2",
    )
    assert "strings in y" in (await run(words, stable, **comparison(kind))).message


def examples(*expected: dict[str, Any]) -> dict[str, Any]:
    body = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.1, 2]}]}
    return {"requests": [{"body": body, "expected": [one]} for one in expected]}


async def test_examples(run: Run, serve: Run) -> None:
    right = {"name": "y", "data": [[0.1, 2]]}
    assert told(await run(await serve(), **examples(right, right))) == (
        True,
        "2 of 2 answers are as expected",
    )
    assert (await run(await serve(), **examples({"name": "y", "data": [0.15, 1.95], "tolerance": 0.06}))).passed


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        ({"name": "y", "data": [0.1, 3]}, "value 2 of output y is 2.0, but 3 is expected"),
        ({"name": "y", "data": [0.1, 3], "tolerance": 0.5}, "value 2 of output y is 2.0, but 3 ± 0.5 is expected"),
        ({"name": "y", "data": [0.1, "2"]}, "value 2 of output y is 2.0, but '2' is expected"),
        ({"name": "y", "data": [0.1, True]}, "value 2 of output y is 2.0, but True is expected"),
        ({"name": "y", "data": [0.1]}, "output y has 2 values, but 1 are expected"),
        ({"name": "z", "data": [1]}, "the answer has no output z"),
    ],
)
async def test_examples_that_differ(run: Run, serve: Run, expected: dict[str, Any], difference: str) -> None:
    outcome = await run(await serve(), **examples({"name": "y", "data": [0.1, 2]}, expected))
    assert told(outcome) == (False, f"1 of 2 requests were not answered as expected; request 2: {difference}")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: web.json_response({"error": "out of\nmemory"}, status=500), "answered with status 500: out of memory"),
        (lambda: web.Response(status=503, text="upstream connect error"), "answered with status 503: "),
        (lambda: web.json_response({"error": "bad"}, status=400), "answered with status 400: bad"),
        (lambda: web.Response(text="hello"), "answered with something other than"),
        (lambda: web.json_response([]), "answered with something other than an inference response"),
        (lambda: web.json_response({"outputs": []}), "the output y"),
    ],
    ids=["500", "503", "400", "no JSON", "no object", "no outputs"],
)
async def test_whatever_the_candidate_answers_is_a_failed_check(
    run: Run, serve: Run, answer: Callable[[], web.Response], sentence: str
) -> None:
    triton, stable = await serve(answer=answer), await serve()
    checks = [
        examples({"name": "y", "data": [1]}),
        accuracy(),
        comparison("Classes"),
        comparison("Scores"),
        *([{"latency": {"maximumMilliseconds": 1}}] if "500" in sentence else []),
    ]
    for check in checks:
        outcome = await run(triton, stable, **check)
        assert not outcome.passed
        assert sentence in outcome.message.replace("has no output y", "without the output y")


async def test_a_refused_row_is_named(run: Run, serve: Run) -> None:
    triton = await serve(answer=lambda: web.json_response({"error": "no"}, status=422))
    assert (await run(triton, **accuracy())).message == (
        "the candidate answered with status 422: no (for row 1 of the data set)"
    )


async def test_a_failing_batch_is_named(run: Run, serve: Run) -> None:
    triton = await serve(answer=lambda: web.json_response({"error": "no"}, status=500))
    assert (await run(triton, **accuracy())).message.endswith("status 500: no (for rows 1 to 32 of the data set)")
    assert triton.batches == [32]


async def test_answers_of_the_wrong_shape(run: Run, serve: Run) -> None:
    triton = await serve(model=lambda _: {"y": np.zeros(7, np.float32)})
    assert (await run(triton, **accuracy())).message == "the candidate answered one row with y of shape [7]"


async def test_a_candidate_that_does_not_answer_in_time(run: Run, serve: Run) -> None:
    triton = await serve(delay=3)
    assert (await run(triton, within=1, **accuracy())).message == (
        "the candidate did not answer within 1 s (for rows 1 to 32 of the data set)"
    )
    assert "did not answer within 1 s" in (await run(triton, within=1, **examples({"name": "y", "data": [1]}))).message


async def test_an_output_that_the_model_does_not_have(run: Run, serve: Run) -> None:
    triton = await serve(outputs={"z": ("FP32", [-1, 2])})
    assert told(await run(triton, **accuracy())) == (False, "the candidate has no output y; its outputs are z")


async def not_run(running: Any) -> str:
    with pytest.raises(NotRunError) as raised:
        await running
    return str(raised.value)


async def test_stable_that_fails_is_no_fault_of_the_candidate(run: Run, serve: Run) -> None:
    stable = await serve(answer=lambda: web.json_response({"error": "no"}, status=500))
    assert await not_run(run(await serve(), stable, **comparison("Classes"))) == (
        "check c: stable answered with status 500: no (for rows 1 to 32 of the data set), "
        "so there is nothing to compare with: see the log of stable's pods"
    )
    other = await serve(outputs={"z": ("FP32", [-1, 2])})
    assert "stable has no output y; its outputs are z" in await not_run(
        run(await serve(), other, **comparison("Classes"))
    )


async def test_a_service_is_waited_for(run: Run, serve: Run) -> None:
    assert (await run(await serve(ready_after=1), **accuracy())).passed


async def test_a_service_that_never_becomes_ready(run: Run, serve: Run) -> None:
    triton = await serve(ready_after=1000)
    sentence = await not_run(run(triton, **accuracy()))
    assert sentence.startswith(f"the candidate did not become ready at http://{triton.host} within 2 s: check its")


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (accuracy(label="none"), "it has no column none; its columns are a, b, larger"),
        (
            {**accuracy(), "dataset": {"uri": "pvc://data/x.jsonl", "inputs": [{"name": "z", "columns": ["a"]}]}},
            "check c: the model has no input z; its inputs are x",
        ),
        (
            {**accuracy(), "dataset": {"uri": "pvc://data/x.jsonl", "inputs": [{"name": "x", "columns": ["a"]}]}},
            "check c: input x takes [2] values per row, but its columns hold one",
        ),
        (
            {**accuracy(), "dataset": {"uri": "pvc://data/y.csv", "inputs": [{"name": "x", "columns": ["a"]}]}},
            "check c: pvc://data/y.csv is not a file; pvc://data holds x.jsonl",
        ),
    ],
    ids=["no label", "no input", "too few columns", "no file"],
)
async def test_checks_that_cannot_be_run(run: Run, serve: Run, check: dict[str, Any], sentence: str) -> None:
    assert sentence in await not_run(run(await serve(), **check))


async def test_labels_that_are_no_numbers(run: Run, serve: Run, tmp_path: Path) -> None:
    (tmp_path / "data" / "x.jsonl").write_text('{"a": 1, "b": 2, "larger": "b"}\n')
    assert "row 1 of the data set has the label 'b', but the output holds numbers" in await not_run(
        run(await serve(), **accuracy())
    )
    (tmp_path / "data" / "x.jsonl").write_text('{"a": 1, "b": 2, "larger": null}\n')
    assert "row 1 of the data set has no single label" in await not_run(run(await serve(), **accuracy()))


async def test_vectors_of_different_lengths(run: Run, serve: Run, tmp_path: Path) -> None:
    (tmp_path / "data" / "x.jsonl").write_text('{"v": [1, 5], "larger": 1}\n{"v": [7, 1, 2], "larger": 0}\n')
    dataset = {"uri": "pvc://data/x.jsonl", "inputs": [{"name": "x", "columns": ["v"]}]}
    triton = await serve(
        model=lambda inputs: {"y": inputs["x"].argmax(axis=1)},
        inputs={"x": ("INT32", [-1, -1])},
        outputs={"y": ("INT64", [-1])},
    )
    assert (await run(triton, **accuracy(100), dataset=dataset)).passed
    assert triton.batches == [1, 1]
