"""`nereid fetch` as the pod runs it: its exit status, and the one line that it leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nereid.models.fetch.command import fetch

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
    assert json.loads((tmp_path / "log").read_text()) == {"digest": None, "bytes": 4, "files": 1, "cached": False}


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


def test_what_nobody_foresaw_is_told_without_its_text(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cret"

    def fail(_: object) -> None:
        raise ValueError(f"Invalid header value b'Bearer {secret}'")

    monkeypatch.setattr("nereid.models.fetch.command.fetch_model", fail)
    result = CliRunner().invoke(fetch, ["--uri=pvc://models/m.onnx", *arguments])
    assert result.exit_code == 1
    told = (tmp_path / "log").read_text()
    assert told.startswith("ModelFetchFailed: Nereid came upon what it does not expect (ValueError at test_command.py:")
    assert secret not in told + result.output
    assert ", in fail" in result.stderr


def test_it_ends_when_the_pod_does(arguments: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"--uri=https://127.0.0.1:{silent.getsockname()[1]}/m.onnx"
        process = subprocess.Popen(
            [sys.executable, "-c", "from nereid.models.fetch.command import fetch; fetch()", uri, *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        silent.settimeout(30)
        silent.accept()  # it is now waiting for a handshake that never comes
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 128 + signal.SIGTERM


def test_options_reach_the_request(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "image" / "sub").mkdir(parents=True)
    (tmp_path / "image" / "sub" / "m.onnx").write_bytes(b"image")
    options = ["--uri=oci://r.example.com/m:1", f"--image-mount={tmp_path / 'image'}", "--path=sub"]
    result = CliRunner().invoke(fetch, [*options, "--config", '{"maxBatchSize": 4}', *arguments])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "models" / "digits" / "1" / "model.onnx").resolve() == tmp_path / "image" / "sub" / "m.onnx"
    assert "max_batch_size: 4" in (tmp_path / "models" / "digits" / "config.pbtxt").read_text()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--path=../x", "leads out of the source"),
        ("--config=[]", "no JSON object"),
        ("--config={", "no JSON"),
        ("--cache-limit=0", "x>=1"),
    ],
)
def test_a_wrong_option_is_told(arguments: list[str], option: str, sentence: str) -> None:
    result = CliRunner().invoke(fetch, ["--uri=pvc://models/m.onnx", *arguments, option])
    assert result.exit_code == 2
    assert sentence in result.stderr
