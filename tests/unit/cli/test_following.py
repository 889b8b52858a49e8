"""What is shown while a ModelDeployment is followed."""

import io

from rich.console import Console
from tests.support.cli import command_line, view

from nereid.cli.following import Lines, Screen
from nereid.cli.model_deployments import ConnectionLost


def test_lines_tell_what_is_new(capsys):
    with Lines() as lines:
        for seen in (
            view("unseen"),
            view("analyzing"),
            view("analyzing"),
            ConnectionLost("refused"),
            view("completed"),
        ):
            lines.show(seen)
    told = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert [line.partition(":")[0] for line in told] == [
        "the operator has not reported anything yet",
        "Progressing, Analyzing at 10%",
        "Connection lost, reconnecting",
        "Ready, Completed",
    ]


def drawn(*seen) -> str:
    written = io.StringIO()
    terminal = Console(file=written, force_terminal=True, width=200, height=60)
    with Screen(terminal, command_line) as screen:
        for one in seen:
            screen.show(one)
    return written.getvalue()


def test_the_screen_is_drawn_over():
    found = drawn(view("analyzing"), view("completed"))
    assert "3m48s" not in found.rpartition("\x1b[1mdigits")[2]
    assert "bbc4zt2p is stable" in found.rpartition("\x1b[1mdigits")[2]


def test_a_lost_connection_is_told_above_what_was_seen_last():
    last = drawn(view("analyzing"), ConnectionLost("connection refused")).rpartition("reconnecting")[2]
    assert last.startswith(": connection refused")
    assert "bbc4zt2p" in last


def test_the_connection_is_no_longer_lost_when_something_is_seen():
    assert "reconnecting" not in drawn(ConnectionLost("refused"), view("analyzing")).rpartition("\x1b[1mdigits")[2]
