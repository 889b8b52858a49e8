"""What evictions may take of a revision: what was asked for, but never so little that a node cannot be drained."""

from typing import Any

import pytest
from tests.support.scenario import plan_of

from nereid.api import names
from nereid.api.runtime import DisruptionBudget
from nereid.controller.build.disruption import disruption_budget
from nereid.controller.build.manifests import manifests
from nereid.controller.build.metadata import Manifest
from nereid.controller.build.revision import new_record
from nereid.controller.decide.orders import LiveRevision, Scale
from nereid.controller.plan.plan import Exposure

PLAN = plan_of()
ONE_AT_A_TIME = {"maxUnavailable": 1}


def budget(asked: dict[str, Any], pods: int, **live: Any) -> Manifest:
    revision = LiveRevision(PLAN.revision, pods, **live)
    return disruption_budget(PLAN.owner, new_record(PLAN), revision, DisruptionBudget.model_validate(asked))


def limit(asked: dict[str, Any], pods: int, **live: Any) -> dict[str, Any]:
    return {key: value for key, value in budget(asked, pods, **live)["spec"].items() if key.endswith("vailable")}


@pytest.mark.parametrize(
    ("asked", "pods"),
    [(2, 3), (1, 2), (0, 1), (0, 0), ("50%", 2), ("50%", 3), ("66%", 3), ("99%", 100), ("90%", 10), ("0%", 1)],
)
def test_what_lets_a_pod_go_is_as_asked(asked: int | str, pods: int) -> None:
    assert limit({"minAvailable": asked}, pods) == {"minAvailable": asked}


@pytest.mark.parametrize(
    ("asked", "pods"),
    [(1, 1), (2, 1), (2, 2), (5, 3), (1, 0), ("50%", 1), ("1%", 1), ("50%", 0), ("67%", 3), ("90%", 5), ("100%", 40)],
)
def test_what_lets_none_go_lets_one_go_at_a_time(asked: int | str, pods: int) -> None:
    assert limit({"minAvailable": asked}, pods) == ONE_AT_A_TIME


@pytest.mark.parametrize("asked", [0, 1, 2, "0%", "25%", "100%"])
def test_max_unavailable_is_as_asked_even_if_it_lets_none_go(asked: int | str) -> None:
    assert limit({"maxUnavailable": asked}, 1) == {"maxUnavailable": asked}


def test_by_default_one_goes_at_a_time() -> None:
    assert limit({}, 8) == ONE_AT_A_TIME


def test_the_fewest_pods_count_of_what_is_scaled() -> None:
    # With more of them, one at a time keeps more than what was asked for.
    scale = Scale(maximum=8, sleeps=False, in_charge=True)
    assert limit({"minAvailable": 2}, 2, scale=scale) == ONE_AT_A_TIME
    assert limit({"minAvailable": 2}, 3, scale=scale) == {"minAvailable": 2}


def test_the_manifest_changes_with_what_it_says_alone() -> None:
    def stamp(pods: int) -> str:
        return str(budget({"minAvailable": "50%"}, pods)["metadata"]["annotations"][names.ANNOTATION_DESIRED_HASH])

    assert stamp(2) == stamp(3) == stamp(8)
    assert stamp(0) == stamp(1) != stamp(2)


def test_each_live_revision_has_the_budget_of_its_own_pods() -> None:
    stable, retiring = plan_of(), plan_of({"model": {"uri": "pvc://models/digits/0"}})
    asked = {"model": {"uri": "pvc://models/digits/2"}, "runtime": {"disruptionBudget": {"minAvailable": "50%"}}}
    candidate = plan_of(asked)
    live = (
        LiveRevision(stable.revision, 4, Exposure(90)),
        LiveRevision(candidate.revision, 1, Exposure(10)),
        LiveRevision(retiring.revision, 1),
    )
    records = {one.revision: new_record(one) for one in (stable, candidate, retiring)}
    found = {
        manifest["metadata"]["labels"][names.LABEL_REVISION]: manifest["spec"]
        for manifest in manifests(candidate, live, records)[1]
        if manifest["kind"] == "PodDisruptionBudget"
    }
    assert found[stable.revision]["minAvailable"] == "50%"
    assert found[candidate.revision]["maxUnavailable"] == found[retiring.revision]["maxUnavailable"] == 1
