"""What the status screen says in each state.

`NEREID_UPDATE_GOLDENS=1 pytest tests/unit/cli` writes the screens anew.
"""

import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.support.cli import command_line
from tests.support.documents import STATES

from nereid.cli.screen import screen
from nereid.cli.terminal import show
from nereid.cli.view import read

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SCREENS = Path(__file__).parent / "screens"


def drawn(found: dict[str, Any], **options: Any) -> str:
    written = io.StringIO()
    output = Console(file=written, **{"width": 1000, "highlight": False, "markup": False, **options})
    show(output, screen(read(found), NOW, command_line))
    return written.getvalue()


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_explained(state):
    golden, found = SCREENS / f"{state}.txt", drawn(STATES[state])
    if os.environ.get("NEREID_UPDATE_GOLDENS"):
        golden.write_text(found)
    assert found == golden.read_text()


def test_no_screen_is_left_of_a_state_that_is_gone():
    assert {path.stem for path in SCREENS.glob("*.txt")} == set(STATES)
