"""Long-running host processes: started detached, known by process id and start time, stopped by id.

A process id alone may belong to another program by the time it is used. Its start time tells the two apart, and a pidfd
keeps the process from being replaced between the check and the signal.
"""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.paths import Paths


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a started process."""

    pid: int
    start_ticks: int
    command: tuple[str, ...]

    @property
    def age_seconds(self) -> float:
        """How long ago the process started."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_ticks / os.sysconf("SC_CLK_TCK")


def start_ticks(stat: str) -> int | None:
    """Read the start time in a line of /proc/PID/stat, or None for a process that has ended already.

    The program's name may hold spaces and brackets, so fields count from the last closing one.
    """
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def running(paths: Paths, name: str) -> Record | None:
    """Return the record of the process `name` if it is alive."""
    try:
        data = json.loads((paths.run / f"{name}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    record = Record(data["pid"], data["start_ticks"], tuple(data["command"]))
    return record if _is_alive(record) else None


def ensure(paths: Paths, name: str, command: Sequence[str | Path]) -> bool:
    """Make `name` run as `command`; return whether it had to be started."""
    words = tuple(str(word) for word in command)
    record = running(paths, name)
    if record and record.command == words:
        return False
    if record:
        stop(paths, name)
    _start(paths, name, words)
    return True


def require_running(paths: Paths, name: str) -> None:
    """Raise ClusterError with the end of its log if the process is not alive."""
    if not running(paths, name):
        log = paths.logs / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
        raise ClusterError("\n".join([f"{name} has ended; the last lines of {log}:", *lines]))


def stop(paths: Paths, name: str, *, seconds: float = 15) -> bool:
    """End the process and forget it; return whether it was alive. SIGKILL follows SIGTERM after `seconds`."""
    record = running(paths, name)
    stopped = bool(record) and _end(record, seconds) if record else False
    (paths.run / f"{name}.json").unlink(missing_ok=True)
    return stopped


def _start(paths: Paths, name: str, words: tuple[str, ...]) -> None:
    paths.run.mkdir(parents=True, exist_ok=True)
    paths.logs.mkdir(parents=True, exist_ok=True)

    def record_self() -> None:
        # In the child, before it becomes the program: so there is never a process without its record.
        data = {"pid": os.getpid(), "start_ticks": start_ticks(Path("/proc/self/stat").read_text()), "command": words}
        temporary = paths.run / f"{name}.json.new"
        temporary.write_text(json.dumps(data))
        temporary.rename(paths.run / f"{name}.json")

    with (paths.logs / f"{name}.log").open("ab") as log:
        try:
            subprocess.Popen(
                words,
                env=paths.environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=record_self,  # noqa: PLW1509 - this program has a single thread
            )
        except FileNotFoundError as error:
            raise ClusterError(f"{words[0]} is missing: run `build` first") from error


def _is_alive(record: Record) -> bool:
    try:
        return start_ticks(Path(f"/proc/{record.pid}/stat").read_text()) == record.start_ticks
    except (FileNotFoundError, ProcessLookupError):
        return False


def _end(record: Record, seconds: float) -> bool:
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return False
    try:
        if not _is_alive(record):
            return False
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 10.0)):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], patience)[0]:
                return True
    finally:
        os.close(handle)
    raise ClusterError(f"process {record.pid} ({record.command[0]}) does not end, not even by SIGKILL")
