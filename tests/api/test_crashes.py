"""Nothing is lost when the operator or the API server fails in the middle of a rollout."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.api.control_plane import ControlPlane
from tests.support.api.jobs import Ending, Jobs, resolved
from tests.support.api.models import Models
from tests.support.api.mortal_operator import MortalOperator
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until

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
    mortal.live_until(lambda: models.is_settled() and len(models.children()) == 7, "the first revision being ready")
    first = models.stable()
    models.change(model={"uri": "pvc://models/digits/2"})
    mortal.live_until(models.is_settled, "the rollout of the second revision")
    second = models.stable()
    assert second != first
    assert models.rollout()["state"] == "Completed"
    mortal.live_until(lambda: len(models.children()) == 8, "the first revision's pods being gone")
    left = {key for key in models.children() if key[1] not in ("digits", f"digits-{second}")}
    assert left == {("ControllerRevision", f"digits-{first}")}
    assert len(mortal.killed_at) > 5


def test_operator_killed_while_it_speaks_to_a_registry(models: Models, jobs: Jobs, mortal: MortalOperator) -> None:
    jobs.endings["tag-model"] = Ending(0, {})
    jobs.ending = resolved("models:/digits/7")
    models.create(model={"uri": "models:/digits@champion", "tagRegistry": True})
    mortal.live_until(lambda: is_told_of(models, "models:/digits/7"), "the first version being told of")
    jobs.ending = resolved("models:/digits/8")
    models.change(model={"uri": "models:/digits@challenger"})
    mortal.live_until(lambda: is_told_of(models, "models:/digits/8"), "the second version being told of")
    # A question is asked once, and a word is said once, whatever happens between the answer and what comes of it.
    assert set(Counter(jobs.seen).values()) == {1}
    assert len(jobs.seen) == 5


def is_told_of(models: Models, uri: str) -> bool:
    """Whether a version serves, the registry knows it, and no Job is left."""
    status = models.status()
    stable, asked = status.get("stable", {}), status.get("resolution", {})
    is_known = stable.get("modelUri") == uri and asked.get("tagged") == stable["revision"]
    return is_known and models.is_settled() and not models.kubernetes.list("Job", models.namespace)


def test_api_server_restarted_in_a_rollout(models: Models, operator: Operator, control_plane: ControlPlane) -> None:
    models.create(rollout=ROLLOUT)
    models.wait_settled()
    models.change(model={"uri": "pvc://models/digits/2"})
    wait_until(models.candidate, seconds=10, what="a candidate")
    control_plane.stop_api_server()
    control_plane.start_api_server()
    models.wait_settled(seconds=60)
    wait_until(lambda: len(models.children()) == 8, seconds=20, what="the first revision's pods being gone")
    assert operator.is_healthy()
