"""`nereid fetch` as the pod runs it: its exit status, and the one line that it leaves."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nereid.fetch.command import fetch

ARGUMENTS = ["--format=onnx", "--model-name=digits"]


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim" / "m.onnx").write_bytes(b"onnx")
    folders = {"destination": "models", "claim-mount": "claim", "termination-log": "log"}
    return [*ARGUMENTS, *(f"--{option}={tmp_path / name}" for option, name in folders.items())]


def test_success(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(fetch, ["--uri=pvc://models/m.onnx", *arguments])
    assert result.exit_code == 0
    assert result.stdout == f"Model digits is at {tmp_path}/models/digits\n"
    assert (tmp_path / "models" / "digits" / "1" / "model.onnx").read_bytes() == b"onnx"
    assert not (tmp_path / "log").exists()


def test_failure_leaves_one_line(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(fetch, ["--uri=pvc://models/n.onnx", *arguments])
    line = "ModelNotFound: pvc://models/n.onnx does not exist; pvc://models holds m.onnx: correct spec.model.uri\n"
    assert result.exit_code == 1
    assert (tmp_path / "log").read_text() == line
    assert result.stderr.endswith(line)


def test_failure_outside_a_pod(arguments: list[str], tmp_path: Path) -> None:
    log = tmp_path / "missing" / "log"
    result = CliRunner().invoke(fetch, ["--uri=pvc://models/n.onnx", *arguments, f"--termination-log={log}"])
    assert result.exit_code == 1
    assert "ModelNotFound" in result.stderr


def test_it_ends_when_the_pod_does(arguments: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"--uri=https://127.0.0.1:{silent.getsockname()[1]}/m.onnx"
        process = subprocess.Popen(
            [sys.executable, "-c", "from nereid.fetch.command import fetch; fetch()", uri, *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        silent.settimeout(30)
        silent.accept()  # it is now waiting for a handshake that never comes
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 128 + signal.SIGTERM
