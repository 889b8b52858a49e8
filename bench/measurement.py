"""Creates ModelDeployments on a fresh API server and measures the operator.

Two cores run etcd, the API server, the operator and this client, which keeps 16 requests in flight and marks each new
Deployment as available. Requests are counted from the audit log. Differences of wall-clock below 15% are noise.
"""

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.api.audit import AuditLog
from tests.support.api.control_plane import ControlPlane
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until
from tests.support.api.workloads import Workloads

from bench.presence import Presence

IN_FLIGHT = 16
NAMESPACE = "default"
IDLE_SHARE = 0.03
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured with `objects` ModelDeployments."""

    objects: int
    all_present_seconds: float
    single_p50_ms: float
    single_p99_ms: float
    requests_per_object: float
    cpu_ms_per_object: float
    rss_before_mib: float
    rss_after_mib: float
    api_server_cpu_seconds: float
    restart_seconds: float
    restart_requests: int
    restart_writes: int


def measure(folder: Path, objects: int, singles: int) -> Figures:
    """Return what `objects` at once cost, what `singles` more one at a time take, and what a restart costs."""
    control_plane = ControlPlane(folder)
    operator = Operator(control_plane, folder)
    try:
        control_plane.start()
        workloads = Workloads(control_plane.admin())
        workloads.start()
        operator.start()
        return _Bench(control_plane, operator).run(objects, singles)
    finally:
        operator.kill()
        control_plane.stop()


class _Bench:
    def __init__(self, control_plane: ControlPlane, operator: Operator) -> None:
        self._control_plane = control_plane
        self._operator = operator
        self._models = Models(control_plane.admin(), NAMESPACE)
        self._presence = Presence(control_plane.admin())
        self._audit = AuditLog(control_plane.audit_log)

    def run(self, objects: int, singles: int) -> Figures:
        self._presence.start()
        _wait_idle(self._operator.pid)
        rss_before = _rss_mib(self._operator.pid)
        cpu, server_cpu = _cpu_seconds(self._operator.pid), _cpu_seconds(self._control_plane.api_server_pid)
        self._audit.clear()
        all_present = self._create_at_once(objects)
        _wait_idle(self._operator.pid)
        cpu = _cpu_seconds(self._operator.pid) - cpu
        server_cpu = _cpu_seconds(self._control_plane.api_server_pid) - server_cpu
        requests = len(self._audit.requests())
        rss_after = _rss_mib(self._operator.pid)
        latencies = [self._create_one(number) for number in range(singles)]
        restart_seconds, restart_requests, restart_writes = self._restart()
        return Figures(
            objects=objects,
            all_present_seconds=all_present,
            single_p50_ms=statistics.median(latencies) * 1000,
            single_p99_ms=statistics.quantiles(latencies, n=100, method="inclusive")[98] * 1000,
            requests_per_object=requests / objects,
            cpu_ms_per_object=cpu / objects * 1000,
            rss_before_mib=rss_before,
            rss_after_mib=rss_after,
            api_server_cpu_seconds=server_cpu,
            restart_seconds=restart_seconds,
            restart_requests=restart_requests,
            restart_writes=restart_writes,
        )

    def _create_at_once(self, objects: int) -> float:
        begin = time.monotonic()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(lambda number: self._models.create(f"model-{number}"), range(objects)))
        self._presence.wait(objects, seconds=600)
        return time.monotonic() - begin

    def _create_one(self, number: int) -> float:
        name = f"single-{number}"
        before = len(self._presence.complete)
        begin = time.monotonic()
        self._models.create(name)
        self._presence.wait(before + 1, seconds=30)
        self._models.wait_settled(name)
        return self._presence.complete[name] - begin

    def _restart(self) -> tuple[float, int, int]:
        _wait_idle(self._operator.pid)
        self._operator.stop()
        self._audit.clear()
        begin = time.monotonic()
        self._operator.start()
        idle_for = _wait_idle(self._operator.pid)
        seconds = time.monotonic() - begin - idle_for
        requests = self._audit.requests()
        return seconds, len(requests), sum(request.is_write for request in requests)


def _wait_idle(pid: int, seconds: float = 1.0) -> float:
    """Wait until a process has hardly used the CPU for so many seconds; return how many."""
    window = _sampled(lambda: _cpu_seconds(pid), seconds)
    wait_until(lambda: window() < IDLE_SHARE * seconds, seconds=300, what=f"process {pid} being idle", interval=0.05)
    return seconds


def _sampled(read: Callable[[], float], seconds: float) -> Callable[[], float]:
    """Return a function that gives by how much a reading has grown within the last `seconds`."""
    samples: list[tuple[float, float]] = []

    def growth() -> float:
        now = time.monotonic()
        samples.append((now, read()))
        while len(samples) > 1 and samples[1][0] <= now - seconds:
            samples.pop(0)
        return samples[-1][1] - samples[0][1] if samples[0][0] <= now - seconds else float("inf")

    return growth


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
