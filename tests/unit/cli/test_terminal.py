"""A terminal shows what others have written, and obeys nothing of it."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from rich.text import Text
from tests.support.cli import command_line
from tests.support.documents import STATES
from tests.support.growth import assert_linear

from nereid.cli.group import main
from nereid.cli.screen import screen
from nereid.cli.terminal import PrintingConsole, as_json, show
from nereid.cli.view import read
from nereid.cli.yaml_documents import TooLargeError, read_documents

HOSTILE = "\x1b]0;owned\x07\x1b[2Jgone\x9b1m\x07"


def spoilt(value: Any) -> Any:
    """Return a document whose every free text ends with control characters."""
    if isinstance(value, dict):
        return {
            key: f"{inner}{HOSTILE}" if key in {"message", "version"} else spoilt(inner) for key, inner in value.items()
        }
    return [spoilt(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("state", STATES)
def test_a_screen_has_no_escape_sequence_of_others(state: str) -> None:
    written = io.StringIO()
    output = PrintingConsole(file=written, width=1000, force_terminal=False)
    show(output, screen(read(spoilt(STATES[state])), datetime(2026, 11, 20, tzinfo=UTC), command_line))
    shown = written.getvalue()
    assert "gone" in shown or state == "unseen"
    assert [letter for letter in shown if not letter.isprintable() and letter != "\n"] == []


def test_a_screens_own_colours_stay() -> None:
    written = io.StringIO()
    output = PrintingConsole(file=written, force_terminal=True, color_system="standard", highlight=False)
    output.print(Text("\x1b[2Jgone", style="red"))
    assert written.getvalue() == "\x1b[31mgone\x1b[0m\n"


def test_json_is_valid_and_holds_no_control_characters() -> None:
    shown = as_json({"message": f"schön {HOSTILE}"})
    assert json.loads(shown) == {"message": f"schön {HOSTILE}"}
    assert "schön" in shown
    assert [letter for letter in shown if not letter.isprintable() and letter != "\n"] == []


def bomb(levels: int) -> str:
    """Return a document of one line for each level, each of which is ten times the one before it."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, levels)]
    return "\n".join(lines)


def merged(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 10)}]}}" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text", [bomb(7), bomb(100), merged(7), merged(100), "a: &a [*a]", "a: &a {b: *a}", "[" * 5000, "- " * 500]
)
def test_yaml_that_grows_beyond_reason_is_not_read(text: str, tmp_path: Path) -> None:
    with pytest.raises(TooLargeError):
        read_documents(text)
    file = tmp_path / "x.yaml"
    file.write_text(text)
    for command in ("convert", "render"):
        result = CliRunner().invoke(main, [command, str(file)])
        assert (result.exit_code, type(result.exception)) == (1, SystemExit)
        assert "YAML" in result.output


def test_aliases_are_read_as_kubectl_reads_them() -> None:
    assert read_documents("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}") == [
        {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}
    ]


def test_four_times_the_aliases_take_four_times_as_long() -> None:
    def read_all(text: str) -> None:
        with pytest.raises(yaml.YAMLError):
            read_documents(text)

    assert_linear(read_all, bomb, 20)
