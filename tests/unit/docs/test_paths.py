"""The pages for contributors name files and folders that exist, and `make` targets that exist."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PAGES = ("CONTRIBUTING.md", "docs/architecture.md")
FOLDERS = "operator|tests|charts|crds|docs|examples|local|bench"
PATH = re.compile(rf"(?<![\w./-])((?:{FOLDERS})/[\w./*-]*|[A-Z]+\.md|pyproject\.toml|requirements\.lock)")
LINK = re.compile(r"\]\(([^)#:]+)[^)]*\)")
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
