"""No regular expression reaches a proxy that would refuse it, and with it the routes of everybody."""

from typing import Any

import pytest
from tests.support.scenario import SETTINGS, URI, plan_of

from nereid.controller.plan.header_regex import MOST_INSTRUCTIONS, problem, program_size
from nereid.controller.plan.reading import InvalidSpecError, read_plan

# As RE2 itself compiles them.
SIZES = {
    r"\pL": 1200,
    r"[^\pL]{10}": 11984,
    r".{100}": 804,
    r"[^a]{100}": 804,
    r"\w{100}": 304,
    r"(?i)\w{20}": 164,
    r"\S{100}": 1004,
    r"日{100}": 304,
    r"(?i)[a-z]{100}": 604,
    r"(?i)k{100}": 404,
    r"(ab*c?|d+){100}": 1004,
    r"(?:a{0,100}){3}": 604,
    r"[\x{100}-\x{1FFFF}]{100}": 804,
    r"[àéîõü日本]{100}": 1104,
    r"(?:(?:a*){99}){10}": 1983,
    r"[^[:alpha:]]{100}": 904,
}
HARMLESS = (
    "b|c",
    "^beta-.*",
    "internal|beta",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"(?i)yes|true|1",
    r"v[0-9]+\.[0-9]+\.[0-9]+(-rc\.[0-9]+)?",
    r"\p{L}+",
    r"[^@]{1,64}@example\.com",
    r".*[02468]$",
    "|".join(f"user-{number}" for number in range(100)),
    "a{b",
    "[]a-]",
)


@pytest.mark.parametrize("expression", SIZES)
def test_size_is_never_told_too_small(expression: str) -> None:
    assert program_size(expression) >= SIZES[expression]


@pytest.mark.parametrize("expression", HARMLESS)
def test_what_people_write_is_accepted(expression: str) -> None:
    assert problem([("x-user", expression)]) is None


@pytest.mark.parametrize(
    "expression",
    [
        r"(?:\pL{100}|\pN{100})",
        ".{999}",
        r"((.{9}){9}){9}",
        r"(?:\pL\pN){2}",
        r"(?:(?:[^a]{1,20}){1,20})?",
    ],
)
def test_what_makes_a_large_program_is_refused_with_its_size(expression: str) -> None:
    found = problem([("x-user", expression)])
    assert found
    assert "header x-user" in found
    assert str(MOST_INSTRUCTIONS) in found


@pytest.mark.parametrize(
    "expression",
    [
        r"(?:\pL{1000}|\pN{1000}|\pS{1000}|\pP{1000})",
        "(?=a)b",
        "(?<!a)b",
        r"(a)\1",
        "(",
        "a)",
        "[a",
        "[b-a]",
        "*a",
        "a**",
        "a{2}{3}",
        "a{5,2}",
        r"\p{Klingon}",
        "(?i)*",
        "(?P<a>x)(?P<a>y)",
        "(" * 30 + ")" * 30,
        "((a{50}){50})",
        r"\x{110000}",
        "[[:letter:]]",
        "\\",
    ],
)
def test_what_re2_may_refuse_is_refused_and_named(expression: str) -> None:
    assert (problem([("x-user", expression)]) or "").startswith("the regular expression of header x-user ")


def test_several_count_together() -> None:
    third = ".{100}"
    assert problem([(f"x-{number}", third) for number in range(2)]) is None
    assert "header x-3" in (problem([(f"x-{number}", third) for number in range(8)]) or "")


def test_spec_with_it_is_refused() -> None:
    headers = [{"name": "x-user", "regex": r"(?:\pL{1000}|\pN{1000}|\pS{1000}|\pP{1000})"}]
    spec: dict[str, Any] = {"model": {"uri": URI}, "rollout": {"strategy": "ABTest", "abTest": {"headers": headers}}}
    with pytest.raises(InvalidSpecError, match=r"^spec\.rollout\.abTest: the regular expression of header x-user "):
        read_plan({"namespace": "models", "name": "digits", "uid": "u"}, spec, SETTINGS)
    assert plan_of({**spec, "rollout": {"strategy": "ABTest", "abTest": {"headers": [{"name": "a", "regex": "b|c"}]}}})
