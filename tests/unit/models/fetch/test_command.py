"""`nereid fetch` as the pod runs it: its exit status, and the one line that it leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nereid.api.model import Format
from nereid.contract.fetch_job import ENV_WORK, FetchWork
from nereid.contract.work import as_json
from nereid.models.fetch.command import fetch


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Run the command with this test's folders; keywords change its work."""
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim" / "m.onnx").write_bytes(b"onnx")

    def invoke(uri: str = "pvc://models/m.onnx", log: Path = tmp_path / "log", **changes: Any) -> Result:
        runner = CliRunner(env={ENV_WORK: json.dumps({**work(uri, tmp_path), **changes})})
        return runner.invoke(fetch, [f"--termination-log={log}"])

    return invoke


def work(uri: str, folder: Path) -> dict[str, Any]:
    asked = FetchWork(
        uri,
        format=Format.ONNX,
        model_name="digits",
        destination=folder / "models",
        claim_mount=folder / "claim",
    )
    found: dict[str, Any] = json.loads(as_json(asked))
    return found


def test_success(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run()
    assert result.exit_code == 0
    assert result.stdout == f"Model digits is at {tmp_path}/models/digits\n"
    assert (tmp_path / "models" / "digits" / "1" / "model.onnx").read_bytes() == b"onnx"
    assert json.loads((tmp_path / "log").read_text()) == {"digest": None, "bytes": 4, "files": 1, "cached": False}


def test_failure_leaves_one_line(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("pvc://models/n.onnx")
    line = "ModelNotFound: pvc://models/n.onnx does not exist; pvc://models holds m.onnx: correct spec.model.uri\n"
    assert result.exit_code == 1
    assert (tmp_path / "log").read_text() == line
    assert result.stderr.endswith(line)


def test_failure_outside_a_pod(run: Callable[..., Result], tmp_path: Path) -> None:
    log = tmp_path / "missing" / "log"
    result = run("pvc://models/n.onnx", log)
    assert result.exit_code == 1
    assert "ModelNotFound" in result.stderr


def test_what_nobody_foresaw_is_told_without_its_text(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cret"

    def fail(_: object) -> None:
        raise ValueError(f"Invalid header value b'Bearer {secret}'")

    monkeypatch.setattr("nereid.models.fetch.command.fetch_model", fail)
    result = run()
    assert result.exit_code == 1
    told = (tmp_path / "log").read_text()
    assert told.startswith("ModelFetchFailed: internal error of Nereid (ValueError at test_command.py:")
    assert secret not in told + result.output
    assert ", in fail" in result.stderr


def test_it_ends_when_the_pod_does(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"https://127.0.0.1:{silent.getsockname()[1]}/m.onnx"
        process = subprocess.Popen(
            [sys.executable, "-c", "from nereid.models.fetch.command import fetch; fetch()"],
            env={**os.environ, "PYTHONUNBUFFERED": "1", ENV_WORK: json.dumps(work(uri, tmp_path))},
        )
        silent.settimeout(30)
        silent.accept()  # it is now waiting for a handshake that never comes
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 128 + signal.SIGTERM


def test_the_work_reaches_the_fetch(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "image" / "sub").mkdir(parents=True)
    (tmp_path / "image" / "sub" / "m.onnx").write_bytes(b"image")
    changes = {"mounted": str(tmp_path / "image"), "path": "sub", "config": {"maxBatchSize": 4}}
    result = run("oci://r.example.com/m:1", **changes)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "models" / "digits" / "1" / "model.onnx").resolve() == tmp_path / "image" / "sub" / "m.onnx"
    assert "max_batch_size: 4" in (tmp_path / "models" / "digits" / "config.pbtxt").read_text()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"path": "../x"}, "path: Value error, it points outside the source"),
        ({"path": "/x"}, "path: Value error, it points outside the source"),
        ({"config": []}, "config: Input should be an object"),
        ({"cache_limit": 0}, "cache_limit: Input should be greater than"),
        ({"format": "pickle"}, "format: Input should be 'onnx'"),
    ],
)
def test_work_that_is_not_valid_is_told(
    run: Callable[..., Result], tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    assert run(**changes).exit_code == 1
    told = (tmp_path / "log").read_text()
    assert told.startswith("ModelInvalid: the variable NEREID_FETCH, which the operator sets, is not valid: ")
    assert sentence in told


def test_no_work_at_all(tmp_path: Path) -> None:
    result = CliRunner().invoke(fetch, [f"--termination-log={tmp_path / 'log'}"])
    assert result.exit_code == 1
    assert "NEREID_FETCH" in (tmp_path / "log").read_text()
