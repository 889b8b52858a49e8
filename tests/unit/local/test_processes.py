import json
from pathlib import Path

import pytest
from cluster import processes
from cluster.errors import ClusterError
from cluster.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_start_time_is_read_behind_a_name_with_brackets() -> None:
    fields = ["S", *("0" for _ in range(18)), "4711", "0"]
    assert processes.start_ticks(f"12 (a (b) c) {' '.join(fields)}") == 4711


def test_a_zombie_has_ended() -> None:
    assert processes.start_ticks("12 (x) Z " + "0 " * 30) is None


def test_ensure_starts_once_and_restarts_for_another_command(paths: Paths) -> None:
    assert processes.ensure(paths, "job", ["sleep", "60"])
    first = processes.running(paths, "job")
    assert not processes.ensure(paths, "job", ["sleep", "60"])
    assert processes.ensure(paths, "job", ["sleep", "61"])
    second = processes.running(paths, "job")
    assert first
    assert second
    assert first.pid != second.pid
    assert processes.stop(paths, "job")
    assert processes.running(paths, "job") is None


def test_a_recycled_process_id_is_left_alone(paths: Paths) -> None:
    processes.ensure(paths, "bystander", ["sleep", "60"])
    record = processes.running(paths, "bystander")
    assert record
    stale = {"pid": record.pid, "start_ticks": record.start_ticks - 1, "command": ["sleep", "60"]}
    (paths.run / "job.json").write_text(json.dumps(stale))
    assert not processes.stop(paths, "job")
    assert processes.running(paths, "bystander")
    processes.stop(paths, "bystander")


def test_a_process_that_ended_is_reported_with_its_last_words(paths: Paths) -> None:
    processes.ensure(paths, "job", ["sh", "-c", "echo no such luck; sleep 60"])
    while "luck" not in (paths.logs / "job.log").read_text():
        processes.require_running(paths, "job")
    processes.stop(paths, "job")
    with pytest.raises(ClusterError, match="no such luck"):
        processes.require_running(paths, "job")
