"""`nereid check` as the Job runs it: its exit status, and the word that it leaves."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nereid.checks import run
from nereid.checks.command import check
from nereid.contract.check_job import ENV_WORK

REQUEST = {"body": {"inputs": []}, "expected": [{"name": "y", "data": [1]}]}
PROGRAM = "from nereid.checks.command import check; check()"


def work(host: str) -> str:
    checks = [{"name": "known", "requests": [REQUEST]}]
    return json.dumps({"candidate": host, "model": "digits", "requestTimeout": 5, "checks": checks})


async def test_results(tmp_path: Path, serve: Any) -> None:
    triton = await serve()
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, f"--termination-log={tmp_path}/log"),
        env={**os.environ, ENV_WORK: work(triton.host)},
        stderr=subprocess.PIPE,
    )
    _, errors = await program.communicate()
    assert program.returncode == 0, errors
    (result,) = json.loads((tmp_path / "log").read_text())["results"]
    assert (result["name"], result["passed"]) == ("known", False)
    assert errors.decode().startswith("known failed: 1 of 1 requests were not answered as expected; request 1:")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "the variable NEREID_CHECKS, which the operator sets, is not valid: "),
        (work("127.0.0.1:1"), "the candidate did not become ready at http://127.0.0.1:1 within 1 s"),
    ],
)
def test_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, sentence: str) -> None:
    monkeypatch.setattr(run.run_checks, "__defaults__", (0.6,))
    result = CliRunner().invoke(check, [f"--termination-log={tmp_path}/log"], env={ENV_WORK: value})
    assert result.exit_code == 1
    assert json.loads((tmp_path / "log").read_text())["failure"].startswith(sentence)
    assert sentence in result.stderr


def test_it_ends_when_the_pod_does(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, f"--termination-log={tmp_path}/log"],
            env={**os.environ, ENV_WORK: work(host)},
        )
        silent.settimeout(30)
        silent.accept()  # it now waits for an answer that never comes
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=10) == 128 + signal.SIGTERM
