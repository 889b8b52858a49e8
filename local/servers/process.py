"""A server as a process of the test session: started on an address, ready by condition, stopped with the session."""

import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from servers.ports import free_ports

ANYWHERE = "198.51.100.1"
"""An address of documentation: what leads there is the default route."""


class ServerError(Exception):
    """A server that is not installed, does not start or does not stop; the message says what to do."""


def installed(program: str) -> Path:
    """Return the path of an installed program, given below the servers' folder in the cache."""
    cache = Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid")
    path = cache / "servers" / program
    if not path.exists():
        raise ServerError(f"{path} is missing: run `make servers`")
    return path


def host_address() -> str:
    """Return this machine's address on the interface with the default route, where the local cluster's pods find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((ANYWHERE, 9))  # of a datagram socket: it picks an interface and sends nothing
        address: str = probe.getsockname()[0]
        return address


def wait_for(what: str, condition: Callable[[], bool], *, seconds: float, hint: str) -> None:
    """Return once the condition holds; raise ServerError with the hint at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(f"{what} did not happen within {seconds:.0f} s: {hint}")
        time.sleep(0.05)


class Server(ABC):
    """A server with a folder for its data, configuration and log, at an address and a port that stay the same.

    A context manager: entering starts it and returns when it answers, leaving stops it. `start` and `stop` do the same,
    any number of times; the data stay in the folder. The process ends with the thread that started it, at the latest.
    """

    NAME: ClassVar[str]
    PORTS: ClassVar[int] = 1
    START_SECONDS: ClassVar[float] = 60
    STOP_SECONDS: ClassVar[float] = 10

    def __init__(self, folder: Path, *, address: str | None = None) -> None:
        self.folder = folder
        self.address = address or host_address()
        self.ports = free_ports(self.address, self.PORTS)
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def port(self) -> int:
        """The port at which clients find it."""
        return self.ports[0]

    @property
    def log(self) -> Path:
        """What the process said, of all its runs."""
        return self.folder / "log"

    def start(self) -> Self:
        """Start the process unless it runs, and return when it is ready; ServerError has its last words if not."""
        if self._process is None:
            self.prepare()
            self._process = self._launch()
            try:
                wait_for(f"start of {self.NAME}", self._is_up, seconds=self.START_SECONDS, hint=f"see {self.log}")
            except BaseException:
                self.stop()
                raise
        return self

    def stop(self) -> None:
        """End the process if it runs, by SIGKILL if it does not end in time."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.STOP_SECONDS)
        with suppress(ProcessLookupError):  # of the group of processes that it leads; usually none is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return the command that becomes the server."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether it answers."""

    @abstractmethod
    def prepare(self) -> None:
        """Write what the command reads."""

    def environment(self) -> dict[str, str]:
        """Return the process's environment: none of the session's credentials, proxies and settings."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}

    def _launch(self) -> subprocess.Popen[bytes]:
        words = ["setpriv", "--pdeathsig", "TERM", *self.command()]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                words,
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _is_up(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            words = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise ServerError(f"{self.NAME} has ended with {self._process.returncode}; the end of {self.log}:\n{words}")
        return self.is_ready()
