"""The pages for contributors name files and folders that exist, and `make` targets that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PAGES = ("CONTRIBUTING.md", "docs/architecture.md", "docs/security.md")
FOLDERS = "operator|tests|charts|crds|docs|examples|local|bench"
PATH = re.compile(rf"(?<![\w./-])((?:{FOLDERS})/[\w./*-]*|[A-Z]+\.md|pyproject\.toml|requirements\.lock)")
LINK = re.compile(r"\]\(([^)#:]+)[^)]*\)")
# The table that leads from a field to its modules and tests: cells name modules below the controller, or whole paths.
TABLE = re.compile(r"## Where do I look\n.*?\n(\|.*?)\n\n", re.DOTALL)
CONTROLLER = "operator/nereid/controller"
NAMED = re.compile(r"`([^`\s]*(?:/|\.py)[^`\s]*)`")
TARGET = re.compile(r"(?:`|^)make ([a-z][a-z0-9-]*)", re.MULTILINE)


def found(pattern: re.Pattern[str], page: str) -> list[str]:
    names = pattern.findall((REPOSITORY / page).read_text())
    assert names, f"nothing found in {page}"
    return names


@pytest.mark.parametrize("page", PAGES)
def test_paths_exist(page: str) -> None:
    paths = {path.rstrip(".") for path in found(PATH, page)}
    assert [path for path in sorted(paths) if not list(REPOSITORY.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = (REPOSITORY / page).parent
    assert [link for link in found(LINK, page) if not (folder / link).exists()] == []


def test_targets_of_make_exist() -> None:
    targets = re.findall(r"^([a-z][a-z0-9-]*):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(found(TARGET, "CONTRIBUTING.md")) <= set(targets)


def places() -> list[str]:
    """Return what the table names behind the fields, but for its head."""
    [table] = found(TABLE, "docs/architecture.md")
    cells = [row.partition("|")[2] for row in (line.strip("|") for line in table.splitlines()[2:])]
    return sorted({name for row in cells for name in NAMED.findall(row)})


def test_modules_of_fields_exist() -> None:
    assert [
        name for name in places() if not any((REPOSITORY / root / name).exists() for root in ("", CONTROLLER))
    ] == []


def test_pytest_takes_the_tests_of_fields_as_they_are_named() -> None:
    tests = [name for name in places() if name.startswith("tests/")]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *tests]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    # The folder of a golden case stands for one test of a file beside it.
    collected = re.sub(r"/test_manifests\.py::test_manifests\[([\w-]+)\]", r"/\1::", run.stdout)
    assert [name for name in tests if f"\n{name}" not in f"\n{collected}"] == []
