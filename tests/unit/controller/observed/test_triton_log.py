"""A model writes what it likes into Triton's log: the log is read in time that grows with its length alone."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.growth import assert_linear
from tests.support.pods import container, crash_looping, pod

from nereid.contract.foreign_text import LOG_LINE_CHARACTERS
from nereid.controller.observed.pods import explained, pod_facts
from nereid.controller.observed.triton_log import load_failure

TABLE = "| m | 1 | UNAVAILABLE: a |\n"
HOSTILE: dict[str, Callable[[int], str]] = {
    "blanks of a continued row": lambda length: f"{TABLE}| | | {' ' * length}x\n",
    "blanks before a continued row's bars": lambda length: f"{TABLE}|{' ' * length}x|{' ' * length}x|\n",
    "blanks of a status": lambda length: f"| m | 1 | UNAVAILABLE: {' ' * length}x\n",
    "bars": lambda length: f"{TABLE}{'|' * length}x\n",
    "names that do not end": lambda length: "failed to load '" * (length // 16),
    "names without a version": lambda length: "failed to load '' version " * (length // 26),
    "models that do not end": lambda length: "failed to load model '" * (length // 22),
    "configurations": lambda length: "Error parsing text-format inference.ModelConfig: " * (length // 49),
    "carriage returns": lambda length: "\r" * length,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_four_times_the_log_takes_four_times_as_long(kind: str) -> None:
    assert_linear(load_failure, lambda length: HOSTILE[kind](length) * 20, LOG_LINE_CHARACTERS // 8)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_log_is_told_in_one_short_line(kind: str) -> None:
    crashed = pod_facts(pod(container("triton", **crash_looping(1))))
    problem = explained(crashed, HOSTILE[kind](LOG_LINE_CHARACTERS)).problem
    assert problem
    assert len(problem.message) <= 600
    assert problem.message.isprintable()


@given(
    st.lists(
        st.sampled_from(["|", " ", "'", ":", "1", "UNAVAILABLE: ", "failed to load '", "' version ", "\n", "\x1b[2J"])
    )
)
def test_any_log_can_be_read(parts: list[str]) -> None:
    assert load_failure("".join(parts)) != ""


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("E1 model_lifecycle.cc:1] \"failed to load 'a' version 1: Internal: no such file\"", "Internal: no such file"),
        ("\"failed to load 'a' version x: Internal\"", None),
        ("E1 x.cc:1] Poll failed for model directory 'a': bad", "Poll failed for model directory 'a': bad"),
        ("error: creating server: Internal - failed to load all models", "Internal - failed to load all models"),
        ("| a | 1 | READY |", None),
        ("| a | UNAVAILABLE: x |", None),
        ("| a | 1 | UNAVAILABLE: a | b |", "a | b"),
        (f"| a | 1 | UNAVAILABLE: why{' ' * LOG_LINE_CHARACTERS}|", "why"),
    ],
)
def test_what_a_line_says(line: str, cause: str | None) -> None:
    assert load_failure(line) == cause
