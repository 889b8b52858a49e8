"""Renders the chart with the pinned Helm, as an installation would."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
CACHE = Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid")

Document = dict[str, Any]


@pytest.fixture(scope="session")
def chart() -> Path:
    return REPOSITORY / "charts" / "nereid"


@pytest.fixture(scope="session")
def helm() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Helm; it fails, and never skips, where Helm is missing."""
    program = CACHE / "bin" / "helm"
    if not program.exists():
        pytest.fail(f"{program} is missing: run `make programs`")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture(scope="session")
def render(chart: Path, helm: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., list[Document]]:
    """Return the objects of a release named nereid in namespace nereid-system."""

    def documents(*arguments: str | Path) -> list[Document]:
        result = helm("template", "nereid", chart, "--namespace", "nereid-system", *arguments)
        assert result.returncode == 0, result.stderr
        return [document for document in yaml.safe_load_all(result.stdout) if document]

    return documents
