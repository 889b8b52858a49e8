"""Nothing is lost when the operator or the API server fails in the middle of a rollout."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.control_plane import ControlPlane
from tests.api.models import Models
from tests.api.mortal_operator import MortalOperator
from tests.api.operator_process import Operator
from tests.api.waiting import wait_until

ROLLOUT = {"steps": [{"weight": 50, "hold": "1s"}], "drain": "0s", "analysis": {"provider": "None"}}


@pytest.fixture(params=[1, 2], ids=["each-write", "every-other-write"])
def mortal(
    request: pytest.FixtureRequest, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> Iterator[MortalOperator]:
    operator = MortalOperator(control_plane, tmp_path, writes=request.param, namespaces=namespace)
    operator.start()
    yield operator
    operator.stop()


def test_operator_killed_after(models: Models, mortal: MortalOperator) -> None:
    models.create(rollout=ROLLOUT)
    mortal.live_until(lambda: models.is_settled() and len(models.children()) == 6, "the first revision being ready")
    first = models.stable()
    models.change(model={"uri": "pvc://models/digits/2"})
    mortal.live_until(models.is_settled, "the rollout of the second revision")
    second = models.stable()
    assert second != first
    assert models.rollout()["state"] == "Completed"
    mortal.live_until(lambda: len(models.children()) == 7, "the first revision's pods being gone")
    left = {key for key in models.children() if key[1] not in ("digits", f"digits-{second}")}
    assert left == {("ControllerRevision", f"digits-{first}")}
    assert len(mortal.killed_at) > 5


def test_api_server_restarted_in_a_rollout(models: Models, operator: Operator, control_plane: ControlPlane) -> None:
    models.create(rollout=ROLLOUT)
    models.wait_settled()
    models.change(model={"uri": "pvc://models/digits/2"})
    wait_until(models.candidate, seconds=10, what="a candidate")
    control_plane.stop_api_server()
    control_plane.start_api_server()
    models.wait_settled(seconds=60)
    wait_until(lambda: len(models.children()) == 7, seconds=20, what="the first revision's pods being gone")
    assert operator.is_healthy()
