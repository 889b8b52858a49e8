"""The tables of history and list."""

import io

from rich.console import Console
from tests.support.documents import OLDER, STATES

from nereid.cli.history import history_table
from nereid.cli.listing import listing
from nereid.cli.terminal import show
from nereid.cli.view import read


def drawn(renderable) -> list[list[str]]:
    written = io.StringIO()
    output = Console(file=written, width=200)
    show(output, renderable)
    return [line.split() for line in written.getvalue().splitlines()]


def test_history_tells_who_served_and_when():
    assert drawn(history_table(read(STATES["analyzing"])))[1:] == [
        ["x7k2m9qd", "7", "2026-11-19", "08:00:00Z", "now", "-", "-", "-", "-", "pvc://models/digits/7.onnx"],
        ["w2w2w2w2", "6", "2026-11-01", "08:00:00Z", "2026-11-19", "08:00:00Z", "-", "-", "-", "-", OLDER["modelUri"]],
    ]


def test_history_tells_why_each_was_left():
    found = STATES["analyzing"]
    entries = [dict(entry) for entry in found["status"]["history"]]
    entries[-1] |= {"leftReason": "RolledBackByHand", "leftMessage": "rolled back by hand to revision x7k2m9qd"}
    seen = read({**found, "status": {**found["status"], "history": entries}})
    assert "RolledBackByHand" in drawn(history_table(seen))[2]


def test_list_has_a_line_for_each():
    views = [read(STATES[state]) for state in ("analyzing", "completed", "unseen")]
    assert drawn(listing(views, everywhere=False))[1:] == [
        ["digits", "Progressing", "7", "8", "10%", "Analyzing", "CollectingEvidence"],
        ["digits", "Ready", "8", "-", "Completed", "Promoted"],
        ["digits", "Unknown", "-", "-"],
    ]


def test_list_of_all_namespaces_names_them():
    assert drawn(listing([read(STATES["analyzing"])], everywhere=True))[1][0] == "models"
