"""An operator that is killed again and again, each time after a write that the API server has carried out."""

from collections.abc import Callable
from pathlib import Path

from tests.support.api.control_plane import ControlPlane
from tests.support.api.fault_proxy import FaultProxy
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until

MOST_LIVES = 60


def any_write(_method: str, _path: str) -> bool:
    return True


def status_write(_method: str, path: str) -> bool:
    return path.endswith("/status")


class MortalOperator:
    """An operator that is killed after the first `writes` of the writes that count, and started again each time."""

    def __init__(
        self,
        control_plane: ControlPlane,
        folder: Path,
        *,
        writes: int = 1,
        counts: Callable[[str, str], bool] = any_write,
        **settings: str,
    ) -> None:
        self._proxy = FaultProxy(control_plane, self._killed_by)
        self._operator = Operator(control_plane, folder, server=self._proxy.url, **settings)
        self._writes_per_life = writes
        self._writes_left = 0
        self._counts = counts
        self.killed_at: list[str] = []

    def start(self) -> None:
        self._proxy.start()

    def live_until(self, condition: Callable[[], bool], what: str) -> None:
        """Let it live, die and live again until the condition holds."""
        for _ in range(MOST_LIVES):
            if not self._operator.is_running:
                self._writes_left = self._writes_per_life
                self._operator.launch()
            wait_until(lambda: condition() or not self._operator.is_running, seconds=30, what=what)
            if condition():
                return
        raise AssertionError(f"{what} did not come about in {MOST_LIVES} lives: {self.killed_at}")

    def stop(self) -> None:
        self._operator.kill()
        self._proxy.stop()

    def _killed_by(self, method: str, path: str) -> bool:
        if self._writes_left > 0 and self._counts(method, path):
            self._writes_left -= 1
            if self._writes_left == 0:
                self.killed_at.append(f"{method} {path}")
                self._operator.kill()
        return self._writes_left <= 0
