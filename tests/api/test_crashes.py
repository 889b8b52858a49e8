"""Nothing is lost when the operator or the API server fails in the middle of a rollout."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.api.control_plane import ControlPlane
from tests.api.fault_proxy import FaultProxy
from tests.api.models import Models
from tests.api.operator_process import Operator
from tests.api.waiting import wait_until

ROLLOUT = {"steps": [{"weight": 50, "hold": "1s"}], "drain": "0s"}
MOST_LIVES = 60


class MortalOperator:
    """An operator that is killed after its first `writes` writes, and started again each time."""

    def __init__(self, control_plane: ControlPlane, folder: Path, namespace: str, writes: int) -> None:
        self._proxy = FaultProxy(control_plane, self._killed_by)
        self._operator = Operator(control_plane, folder, namespaces=namespace, server=self._proxy.url)
        self._writes_per_life = writes
        self._writes_left = 0
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
        self._writes_left -= 1
        if self._writes_left == 0:
            self.killed_at.append(f"{method} {path}")
            self._operator.kill()
        return self._writes_left <= 0


@pytest.fixture(params=[1, 2], ids=["each-write", "every-other-write"])
def mortal(
    request: pytest.FixtureRequest, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> Iterator[MortalOperator]:
    operator = MortalOperator(control_plane, tmp_path, namespace, request.param)
    operator.start()
    yield operator
    operator.stop()


def test_operator_killed_after(models: Models, mortal: MortalOperator) -> None:
    models.create(rollout=ROLLOUT)
    mortal.live_until(lambda: models.is_settled() and len(models.children()) == 6, "the first revision being ready")
    first = models.get()["status"]["stable"]["revision"]
    models.change(model={"uri": "pvc://models/digits/2"})
    mortal.live_until(models.is_settled, "the rollout of the second revision")
    status = models.get()["status"]
    second = status["stable"]["revision"]
    assert second != first
    assert status["rollout"]["state"] == "Completed"
    mortal.live_until(lambda: len(models.children()) == 6, "the first revision's children being gone")
    assert {name for _, name in models.children()} == {"digits", f"digits-{second}"}
    assert len(mortal.killed_at) > 5


def test_api_server_restarted_in_a_rollout(models: Models, operator: Operator, control_plane: ControlPlane) -> None:
    models.create(rollout=ROLLOUT)
    models.wait_settled()
    models.change(model={"uri": "pvc://models/digits/2"})
    wait_until(lambda: models.get()["status"].get("candidate"), seconds=10, what="a candidate")
    control_plane.stop_api_server()
    control_plane.start_api_server()
    models.wait_settled(seconds=60)
    wait_until(lambda: len(models.children()) == 6, seconds=20, what="the first revision's children being gone")
    assert operator.is_healthy()
