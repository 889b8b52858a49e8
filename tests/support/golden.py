"""Golden files: what the code makes now, compared with a file that holds what it should make."""

from difflib import unified_diff
from itertools import islice
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAX_LINES = 80


def compare(got: str, golden: Path, *, update: bool) -> None:
    """Fail with the difference as a person reads it; with `update`, write what is made now as what is expected."""
    name = golden.relative_to(REPOSITORY)
    if update:
        golden.write_text(got)
    elif got != golden.read_text():
        pytest.fail(
            f"{name} differs:\n\n{difference(golden.read_text(), got)}\n\n"
            f"If all of it is meant: .venv/bin/pytest {name.parent} --update-golden",
            pytrace=False,
        )


def difference(expected: str, got: str) -> str:
    """Return the unified diff of two texts, or its first lines."""
    lines = unified_diff(expected.splitlines(), got.splitlines(), "expected", "got", lineterm="")
    shown = list(islice(lines, MAX_LINES))
    more = sum(1 for _ in lines)
    return "\n".join([*shown, f"… and {more} more lines"] if more else shown)
