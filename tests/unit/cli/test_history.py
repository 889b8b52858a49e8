"""What served on Tuesday, and from which data?"""

import io

import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.support.documents import HISTORY, OLD, document
from tests.support.scenario import NOW

from nereid.cli.history import cut_note, history, history_table, origin, served_at
from nereid.cli.moments import time_span
from nereid.cli.terminal import show
from nereid.cli.view import View, read

MADE = {
    "repository": "https://git.example.com/digits",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dataset": "mnist",
    "datasetVersion": "3",
    "run": "b1f7",
    "signature": "x: FP32[-1,784] -> y: INT64[-1]",
    "digest": f"sha256:{'ab' * 32}",
    "resolvedUri": "models:/digits/7",
    "appliedBy": "argocd",
    "appliedAt": "2026-11-19T07:55:00Z",
}


def view() -> View:
    return read(document(history=[{**HISTORY[0], "provenance": MADE}, HISTORY[1]]))


def drawn(renderable) -> str:
    written = io.StringIO()
    output = Console(file=written, width=200)
    show(output, renderable)
    return written.getvalue()


def test_table_tells_data_set_commit_and_digest():
    line = drawn(history_table(view())).splitlines()[1]
    assert line.split()[-5:] == ["mnist", "3", "0123456789ab", "abababababab", OLD["modelUri"]]


def test_at_a_day_tells_all_that_is_known():
    [one] = served_at(view().status.history, time_span("2026-11-19T12:00", NOW))
    assert drawn(origin(one)) == (
        "\n"
        "x7k2m9qd (version 7) served from 2026-11-19 08:00:00Z until now\n"
        "  model       pvc://models/digits/7.onnx\n"
        "  data set    mnist 3\n"
        "  commit      0123456789abcdef0123456789abcdef01234567\n"
        "  repository  https://git.example.com/digits\n"
        "  run         b1f7\n"
        "  signature   x: FP32[-1,784] -> y: INT64[-1]\n"
        f"  digest      sha256:{'ab' * 32}\n"
        "  applied by  argocd at 2026-11-19T07:55:00Z\n"
    )


def test_a_day_with_a_rollout_has_two():
    found = served_at(view().status.history, time_span("2026-11-19", NOW))
    assert [one.revision for one in found] == ["x7k2m9qd", "w2w2w2w2"]
    assert "data set    not known" in drawn(origin(found[1]))


def test_what_is_older_than_the_history_is_said_to_be():
    assert cut_note(view(), time_span("2026-11-02", NOW)) == ""
    assert cut_note(view(), time_span("2026-10-31", NOW)).startswith("The history begins at 2026-11-01 08:00:00Z.")
    assert served_at(view().status.history, time_span("2026-10-31", NOW)) == []


@pytest.mark.parametrize(
    ("moment", "sentence"), [("2999-01-01", "is in the future"), ("soon", "is not a valid day or time")]
)
def test_a_wrong_time_is_told_before_the_cluster_is_asked(moment, sentence):
    result = CliRunner().invoke(history, ["digits", "--at", moment, "--kubeconfig", "/nowhere/config"])
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
