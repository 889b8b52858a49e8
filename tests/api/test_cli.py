"""The commands for people, as programs against a real API server, on ModelDeployments whose status the test writes."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.api.control_plane import ADMIN_TOKEN, OPERATOR_TOKEN, ROOT, ControlPlane, free_port
from tests.support.api.kubernetes import Kubernetes, Object
from tests.support.api.models import Models
from tests.support.api.waiting import wait_until
from tests.support.documents import NEW, OLDER, STATES

PROMOTE = "nereid.dev/promote"
LINE_SECONDS = 60


class CommandLine:
    """The command line with a kubeconfig of its own, whose user's token comes from an exec plugin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "user.kubeconfig"
        self._running: list[subprocess.Popen[str]] = []

    def configure(self, server: str, certificate: Path, namespace: str, token: str = ADMIN_TOKEN) -> None:
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": token},
        }
        plugin = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "echo",
            "args": [json.dumps(credential)],
            "interactiveMode": "Never",
        }
        config = {
            "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": str(certificate)}}],
            "users": [{"name": "me", "user": {"exec": plugin}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "me", "namespace": namespace}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator"), "KUBECONFIG": str(self.kubeconfig)}
        # A test interrupts it: where the test run is a shell's job in the background, SIGINT would be ignored.
        command = ["env", "--default-signal=INT", sys.executable, "-u", "-m", "nereid", *arguments]
        output = subprocess.PIPE
        process = subprocess.Popen(command, env=environment, text=True, stdout=output, stderr=subprocess.STDOUT)
        self._running.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        """Return a command's exit code and its output."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=30)
        return process.returncode, output

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def nereid(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[CommandLine]:
    made = CommandLine(tmp_path)
    made.configure(control_plane.url, control_plane.certificate, namespace)
    yield made
    made.stop()


@pytest.fixture
def in_state(kubernetes: Kubernetes, namespace: str) -> Callable[[str], Object]:
    """Bring ModelDeployment digits into a state of `tests.unit.cli.documents`."""

    def bring(state: str) -> Object:
        found, collection = STATES[state], kubernetes.path("ModelDeployment", namespace)
        if kubernetes.find("ModelDeployment", namespace, "digits") is None:
            kubernetes.create(collection, {**found, "metadata": {"name": "digits"}, "status": {}})
        present = kubernetes.get("ModelDeployment", namespace, "digits")
        status = {**found["status"], "observedGeneration": 1}
        return kubernetes.request("PUT", f"{collection}/digits/status", {**present, "status": status})

    return bring


def annotations(kubernetes: Kubernetes, namespace: str) -> dict[str, str]:
    return kubernetes.get("ModelDeployment", namespace, "digits")["metadata"].get("annotations", {})


def line_that_says(process: subprocess.Popen[str], words: str) -> str:
    """Read a command's output until a line has these words; kill it if none has within the deadline."""
    assert process.stdout
    read = []
    deadline = threading.Timer(LINE_SECONDS, process.kill)
    deadline.start()
    try:
        for line in process.stdout:
            read.append(line)
            if words in line:
                return line
    finally:
        deadline.cancel()
    raise AssertionError(f"it ended with {process.wait()} and never said {words!r}, but: {read}")


def test_status_and_list_explain(nereid, in_state):
    in_state("paused-for-promotion")
    code, screen = nereid.run("status", "digits")
    assert code == 0
    assert re.search(r"candidate +bbc4zt2p +8 .* 50% +1/1 +pvc://models/digits/8.onnx", screen)
    assert "nereid promote digits" in screen
    code, table = nereid.run("list", "-A")
    assert code == 0
    assert re.search(r"digits +Paused +7 +8 +50% +Paused +AwaitingPromotion", table)


def test_status_prints_the_object(nereid, in_state):
    in_state("analyzing")
    code, printed = nereid.run("status", "digits", "-o", "json")
    found = json.loads(printed)
    assert (code, found["status"]["candidate"]["revision"]) == (0, NEW["revision"])
    assert "managedFields" not in found["metadata"]


def test_history_tells_what_served_on_a_day(nereid, in_state):
    in_state("analyzing")
    code, printed = nereid.run("history", "digits", "--at", "2026-11-10", "-o", "json")
    assert (code, [one["revision"] for one in json.loads(printed)]) == (0, [OLDER["revision"]])
    code, told = nereid.run("history", "digits", "--at", "2026-10-31")
    assert (code, "The history begins at 2026-11-01 08:00:00Z" in told) == (1, True)
    code, told = nereid.run("history", "digits", "--at", "someday")
    assert (code, "'someday' is not a valid day or time" in told) == (2, True)


def test_promote_sets_its_annotation_once_and_nothing_else(nereid, in_state, kubernetes, namespace):
    before = in_state("paused-for-promotion")
    code, said = nereid.run("promote", "digits")
    assert (code, said.splitlines()[0]) == (
        0,
        "Asked to promote bbc4zt2p (version 8): as soon as its pods are ready, it gets all traffic.",
    )
    after = kubernetes.get("ModelDeployment", namespace, "digits")
    assert after["metadata"]["annotations"] == {PROMOTE: "bbc4zt2p/1"}
    assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
    code, said = nereid.run("promote", "digits")
    assert (code, said.startswith("Already asked to promote")) == (0, True)
    again = kubernetes.get("ModelDeployment", namespace, "digits")
    assert again["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


def test_rollback_names_the_revision_and_the_number_of_the_rollback(nereid, in_state, kubernetes, namespace):
    in_state("failed-analysis")
    assert nereid.run("rollback", "digits", "--to", "6")[0] == 0
    assert annotations(kubernetes, namespace) == {"nereid.dev/rollback": f"{OLDER['revision']}/1"}


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["promote"], "nothing to promote: bbc4zt2p (version 8) is stable"),
        (["abort"], "nothing to abort"),
        (["retry"], "nothing to retry"),
        (["rollback", "--to", "5"], "5 is not a revision or version in the history of digits. It has: "),
    ],
)
def test_what_makes_no_sense_is_refused(nereid, in_state, command, sentence):
    before = in_state("completed")
    code, said = nereid.run(*command, "digits")
    assert (code, said.startswith("Error: "), sentence in said) == (1, True, True)
    assert in_state("completed")["metadata"].get("annotations") == before["metadata"].get("annotations")


def test_waiting_ends_with_the_outcome(nereid, in_state, kubernetes, namespace):
    in_state("paused-for-promotion")
    promotion = nereid.start("promote", "digits", "--wait", "--timeout", "1m")
    wait_until(lambda: PROMOTE in annotations(kubernetes, namespace), seconds=20, what="the annotation")
    in_state("promoting")
    line_that_says(promotion, "Promoting at 100%")
    in_state("completed")
    line_that_says(promotion, "bbc4zt2p (version 8) is stable and gets all traffic")
    assert promotion.wait(30) == 0


def test_waiting_has_an_end(nereid, in_state):
    in_state("paused-for-promotion")
    code, said = nereid.run("watch", "digits", "--until-done", "--timeout", "1s")
    assert (code, "timed out after 1s" in said) == (1, True)


def test_watch_until_done_fails_with_the_rollout(nereid, in_state):
    in_state("analyzing")
    watch = nereid.start("watch", "digits", "--until-done")
    line_that_says(watch, "Analyzing at 10%")
    in_state("failed-guard")
    line_that_says(watch, "bbc4zt2p has failed: GuardExceeded")
    assert watch.wait(30) == 1


def test_watch_survives_the_api_server(nereid, in_state, control_plane):
    in_state("analyzing")
    watch = nereid.start("watch", "digits")
    line_that_says(watch, "Analyzing at 10%")
    control_plane.stop_api_server()
    line_that_says(watch, "Connection lost")
    control_plane.start_api_server()
    in_state("paused-for-promotion")
    line_that_says(watch, "Paused at 50%")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(30) == 0


def test_watch_ends_with_the_object(nereid, in_state, kubernetes, namespace):
    in_state("analyzing")
    watch = nereid.start("watch", "digits")
    line_that_says(watch, "Analyzing at 10%")
    kubernetes.delete("ModelDeployment", namespace, "digits")
    line_that_says(watch, "digits was deleted")
    assert watch.wait(30) == 1


class TestFailuresAreASentence:
    def said(self, nereid: CommandLine, *arguments: str) -> str:
        code, said = nereid.run(*(arguments or ("status", "digits")))
        assert (code, said.count("\n"), "Traceback" in said) == (1, 1, False), said
        return said

    def test_no_such_object(self, nereid, namespace):
        assert f"there is no ModelDeployment digits in namespace {namespace}" in self.said(nereid)

    def test_not_allowed(self, nereid, in_state, control_plane, namespace):
        in_state("analyzing")
        nereid.configure(control_plane.url, control_plane.certificate, namespace, OPERATOR_TOKEN)
        assert "you are not allowed to do that: " in self.said(nereid, "promote", "digits")

    def test_not_known(self, nereid, control_plane, namespace):
        nereid.configure(control_plane.url, control_plane.certificate, namespace, "nobody")
        assert "the API server rejected your credentials" in self.said(nereid)

    def test_nobody_there(self, nereid, control_plane, namespace):
        nereid.configure(f"https://127.0.0.1:{free_port()}", control_plane.certificate, namespace)
        assert "the API server cannot be reached: " in self.said(nereid)

    def test_another_certificate(self, nereid, control_plane, namespace, tmp_path):
        other = tmp_path / "other.crt"
        names = ("-subj", "/CN=other", "-keyout", os.devnull, "-out", other)
        subprocess.run(
            ["openssl", "req", "-x509", "-noenc", "-newkey", "rsa:2048", *names], check=True, capture_output=True
        )
        nereid.configure(control_plane.url, other, namespace)
        assert "certificate" in self.said(nereid)

    @pytest.mark.parametrize("content", ["", "{", '{"contexts": []}', None], ids=["empty", "broken", "nothing", "none"])
    def test_no_kubeconfig(self, nereid, content):
        nereid.kubeconfig.unlink()
        if content is not None:
            nereid.kubeconfig.write_text(content)
        assert "no cluster is configured: " in self.said(nereid)

    def test_no_such_context(self, nereid):
        assert "elsewhere" in self.said(nereid, "status", "digits", "--context", "elsewhere")


def test_an_operator_carries_the_commands_out(operator, nereid, models: Models):  # noqa: ARG001 - the operator runs
    """A whole life: two revisions by steps, a promotion, and back by hand."""
    steps = {"strategy": "Canary", "steps": [{"weight": 50}], "drain": "0s", "analysis": {"provider": "None"}}
    models.create(rollout=steps)
    assert nereid.run("watch", "digits", "--until-done", "--timeout", "20s")[0] == 0
    first = models.get()["status"]["stable"]["revision"]
    models.change(model={"uri": "pvc://models/digits/2"})
    waits = {"phase": "Paused"}
    wait_until(lambda: waits.items() <= models.get()["status"].items(), seconds=20, what="the pause for a promotion")
    assert nereid.run("promote", "digits", "--wait", "--timeout", "20s")[0] == 0
    assert nereid.run("rollback", "digits", "--wait", "--timeout", "20s")[0] == 0
    assert models.get()["status"]["stable"]["revision"] == first
