"""The group of commands: what it imports, and what it says where a library is missing."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from nereid.cli import main


def test_help_tells_of_each_command():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in main.list_commands(click.Context(main)):
        assert f"\n  {name} " in result.output


def test_an_unknown_command_is_refused():
    result = CliRunner().invoke(main, ["deploy"])
    assert (result.exit_code, "No such command 'deploy'" in result.output) == (2, True)


PROGRAM = """
import sys
{before}
from nereid.cli import main
try:
    main({arguments!r}, prog_name="nereid")
except SystemExit as ended:
    code = ended.code
print(code, *(name for name in ("kubernetes", "rich", "kopf") if name in sys.modules))
"""


def program(arguments: list[str], before: str = "") -> str:
    source = PROGRAM.format(arguments=arguments, before=before)
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("command", ["run", "fetch", "crd"])
def test_the_operator_and_its_containers_need_no_client_for_people(command):
    assert program([command, "--help"]).endswith("\n0\n")


def test_people_need_no_operator():
    assert program(["status", "--help"]).endswith("\n0 kubernetes rich\n")


@pytest.mark.parametrize("missing", ["kubernetes", "rich"])
@pytest.mark.parametrize("arguments", [["status", "digits", "-n", "models"], ["promote", "digits", "--wait"]])
def test_a_missing_library_is_named(missing, arguments):
    said = program(arguments, f"sys.modules[{missing!r}] = None")
    assert "Error: this command needs more libraries: install Nereid with its extra" in said
    assert said.splitlines()[0].startswith("1")


def test_help_is_given_without_the_operators_libraries():
    said = program(["--help"], "sys.modules['numpy'] = None")
    assert "\n  check " in said
    assert "pip install '.[checks]'" in program(["check", "--help"], "sys.modules['numpy'] = None")
