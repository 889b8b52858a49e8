"""What passes is small: written out without counts, an expression has few characters and classes to match."""

from contextlib import suppress
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from nereid.controller.plan.header_regex import MOST_INSTRUCTIONS, problem, program_size


@dataclass(frozen=True)
class Written:
    """An expression, and how many instructions it takes at least, each repetition written out."""

    text: str
    least: int


# Beside what RE2 makes of each: of a class as many as it has ranges of bytes.
ATOMS = [
    Written("a", 1),
    Written("é", 2),
    Written("日", 3),
    Written("[a-z]", 1),
    Written(".", 8),
    Written("[^a]", 8),
    Written(r"\d", 1),
    Written(r"\pL", 1196),
    Written(r"[\pL-]", 1196),
    Written(r"\S", 10),
    Written(r"\.", 1),
]


def repeated(inner: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    counts = st.integers(0, 1000)
    return st.one_of(
        st.builds(lambda one, count: Written(f"(?:{one.text}){{{count}}}", one.least * count), inner, counts),
        st.builds(lambda one, count: Written(f"({one.text}){{0,{count}}}", one.least * count), inner, counts),
        st.builds(lambda one: Written(f"(?:{one.text})*", one.least), inner),
        st.builds(lambda one, two: Written(f"{one.text}{two.text}", one.least + two.least), inner, inner),
        st.builds(lambda one, two: Written(f"(?:{one.text}|{two.text})", one.least + two.least), inner, inner),
    )


EXPRESSIONS = st.recursive(st.sampled_from(ATOMS), repeated, max_leaves=12)


@given(st.lists(EXPRESSIONS, min_size=1, max_size=8))
def test_whatever_passes_is_small_in_all(headers: list[Written]) -> None:
    if problem([(f"x-{number}", one.text) for number, one in enumerate(headers)]) is None:
        assert sum(one.least for one in headers) <= MOST_INSTRUCTIONS


@given(st.text(max_size=200) | st.text(r"\pLQE[](){}^-:?*+|1,9x.", max_size=60))
def test_any_text_has_a_size_or_a_sentence(text: str) -> None:
    with suppress(ValueError):
        assert program_size(text) > 0
