"""The operator as users run it, `nereid run`, as a process that can be stopped and killed."""

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.api.control_plane import ROOT, ControlPlane, Process, free_port
from tests.support.api.waiting import wait_until


class Operator:
    """One operator process for some namespaces (none given: all), reaching the API server at `server`."""

    def __init__(
        self,
        control_plane: ControlPlane,
        folder: Path,
        *,
        namespaces: str = "",
        server: str | None = None,
        **settings: str,
    ) -> None:
        self.folder = folder
        self.health_port = free_port()
        self._kubeconfig = control_plane.kubeconfig(folder / "kubeconfig", server)
        self._settings = {
            "NEREID_WATCH_NAMESPACES": namespaces,
            "NEREID_HEALTH_PORT": str(self.health_port),
            "NEREID_METRICS_PORT": "0",
            "NEREID_ALLOW_QUERIES": "true",
            "NEREID_SHORTEST_QUERY_INTERVAL": "5",
            "NEREID_SHORTEST_REFRESH": "10",
            "NEREID_PROPAGATION_SECONDS": "0",
            "NEREID_MIN_READY_SECONDS": "0",
            **settings,
        }
        self.process: Process | None = None

    @property
    def log(self) -> Path:
        return self.folder / "operator.log"

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.popen.pid

    @property
    def peak_mebibytes(self) -> int:
        """The most memory that the present process has had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) >> 10

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.popen.poll() is None

    def launch(self) -> None:
        """Start the process without waiting for anything."""
        environment = {
            **os.environ,
            **self._settings,
            "PYTHONPATH": str(ROOT / "operator"),
            "KUBECONFIG": str(self._kubeconfig),
        }
        command = [sys.executable, "-m", "nereid", "run", "--log-format=plain"]
        self.process = Process.start(command, self.log, environment)

    def start(self) -> None:
        """Start the process and wait until it answers the liveness probe."""
        self.launch()
        wait_until(self.is_healthy, seconds=30, what=f"the operator's health (see {self.log})")

    def is_healthy(self) -> bool:
        assert self.is_running, f"the operator has ended: see {self.log}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """Stop it as Kubernetes does; return its exit status."""
        assert self.process
        return self.process.end()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
