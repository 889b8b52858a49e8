"""The pinned programs that tests of the chart's rules run."""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
CACHE = Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid")


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a pinned program; it fails, and never skips, where the program is missing."""
    path = CACHE / "bin" / program
    if not path.exists():
        pytest.fail(f"{path} is missing: run `make programs`")
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=120)
