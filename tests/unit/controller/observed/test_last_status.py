"""A status that this operator cannot read in full is read as far as possible: one bad field does not stop it."""

from copy import deepcopy
from typing import Any

import pytest
from tests.support.scenario import rollout

from nereid.controller.observed.last_status import last_status
from nereid.controller.report.status import to_json

STORED = to_json(rollout().stable("a").candidate("b", weight=20).served("a").holding(10).report())


def changed(*path: str | int, value: object) -> dict[str, Any]:
    status = deepcopy(STORED)
    place: Any = status
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return status


def test_one_that_can_be_read_is_read_whole():
    status, left_out = last_status(STORED)
    assert to_json(status) == STORED
    assert not left_out


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rollout", "stage"), "Melting"),
        (("scaling",), {"state": "Dreaming", "since": "2026-11-20T12:00:00Z"}),
        (("phase",), 7),
        (("rollout", "mirror"), -1),
        (("rollout", "floor"), -3),
        (("rollout", "rollbacks"), -2),
        (("conditions", 0, "lastTransitionTime"), "yesterday"),
        (("history", 0, "revision"), None),
    ],
    ids=lambda one: str(one)[:40],
)
def test_what_cannot_be_read_is_left_out_and_the_revisions_stay(path, value):
    status, left_out = last_status(changed(*path, value=value))
    assert (status.stable.revision, status.candidate.revision, status.rollout.attempt) == ("a", "b", 1)
    assert left_out


@pytest.mark.parametrize(
    ("path", "value"),
    [(("stable", "revision"), {}), (("stable", "weight"), {}), (("stable", "weight"), 900), (("stable", "weight"), -5)],
    ids=str,
)
def test_what_is_required_takes_along_what_it_belongs_to(path, value):
    status, left_out = last_status(changed(*path, value=value))
    assert status.stable is None
    assert status.candidate.revision == "b"
    assert left_out == ("stable", ".".join(path))


def test_junk_is_nothing():
    junk = {"stable": 5, "rollout": "on", "history": {"x": 1}, "conditions": 3}
    status, left_out = last_status(junk)
    assert (status.stable, left_out) == (None, tuple(sorted(junk)))


@pytest.mark.parametrize("number", [-7, -(2**40), 2**40])
@pytest.mark.parametrize("field", ["step", "attempt"])
def test_a_rollout_without_what_it_requires_is_no_rollout(field, number):
    status, left_out = last_status(changed("rollout", field, value=number))
    assert (status.rollout, left_out) == (None, ("rollout", f"rollout.{field}"))
