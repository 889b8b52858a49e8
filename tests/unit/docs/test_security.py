"""The page for platform engineers names each case of hostile input, and no case that there is not."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "docs" / "security.md"
CASES = REPOSITORY / "tests" / "e2e" / "test_hostile_tenant.py"
# The tuples of functions, each of which is a case.
LISTED = re.compile(r"^(?:HOSTILE|LONG): Final.*? = \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
# The last cell of a row.
SHOWN_BY = re.compile(r"^\|.*\|([^|]*)\|$", re.MULTILINE)
NAME = re.compile(r"`([\w-]+)`")


def cases() -> set[str]:
    names = [name for functions in LISTED.findall(CASES.read_text()) for name in re.findall(r"\w+", functions)]
    assert names
    return {name.replace("_", "-") for name in names}


def test_each_case_of_hostile_input_is_named_where_it_shows_something() -> None:
    named = {name for cell in SHOWN_BY.findall(PAGE.read_text()) for name in NAME.findall(cell)}
    assert named == cases()
