"""What the status screen says in each state.

`.venv/bin/pytest tests/unit/cli --update-golden` writes the screens anew.
"""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.support.cli import command_line
from tests.support.documents import STATES
from tests.support.golden import compare

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
def test_each_state_is_explained(state, request):
    compare(drawn(STATES[state]), SCREENS / f"{state}.txt", request)


def test_no_screen_is_left_of_a_state_that_is_gone():
    assert {path.stem for path in SCREENS.glob("*.txt")} == set(STATES)
