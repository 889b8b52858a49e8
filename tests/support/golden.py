"""Golden files: what the code makes now, compared with a file that holds what it should make.

With `--update-golden`, the file is written instead.
"""

from difflib import unified_diff
from itertools import islice
from pathlib import Path

import pytest
import yaml

from nereid.cli.yaml_documents import PlainDumper

REPOSITORY = Path(__file__).parents[2]
MAX_LINES = 80


def as_yaml(manifest: object) -> str:
    """Return a manifest as a golden file holds it."""
    return yaml.dump(manifest, Dumper=PlainDumper, sort_keys=False, width=110)


def compare(got: str, golden: Path, request: pytest.FixtureRequest) -> None:
    """Fail with the difference as a person reads it, unless the run is to write what is made now as expected."""
    if request.config.getoption("--update-golden"):
        golden.write_text(got)
    elif got != golden.read_text():
        pytest.fail(
            f"{golden.relative_to(REPOSITORY)} differs:\n\n{difference(golden.read_text(), got)}\n\n"
            f"If all of it is meant: .venv/bin/pytest '{request.node.nodeid}' --update-golden",
            pytrace=False,
        )


def difference(expected: str, got: str) -> str:
    """Return the unified diff of two texts, or its first lines."""
    lines = unified_diff(expected.splitlines(), got.splitlines(), "expected", "got", lineterm="")
    shown = list(islice(lines, MAX_LINES))
    more = sum(1 for _ in lines)
    return "\n".join([*shown, f"… and {more} more lines"] if more else shown)
