"""The plan of a pass: which revision it is for if the spec is rejected, or does not say which one it asks for."""

from typing import Any

import pytest
from tests.support.scenario import NOW, SETTINGS, URI, plan_of, rollout
from tests.support.situations import situation_of

from nereid.controller.build.revision import new_record
from nereid.controller.observed.facts import GatewayFacts, Observed, RevisionObserved
from nereid.controller.observed.situation import Rival
from nereid.controller.plan.plan import Held, Specified
from nereid.controller.plan.planning import Invalid, Unresolved, plan
from nereid.controller.plan.resolution import request_of

ALIAS = "models:/digits@champion"
REFUSED: dict[str, Any] = {"model": {"uri": URI, "config": {"maxBatchSizes": 8}}, "scaling": {"minReplicas": 3}}
SERVING = rollout().stable("a").served("a")
GATEWAY = "istio-system/public"
EXPOSED = {
    "model": {"uri": URI},
    "traffic": {"hosts": ["one.example.com", "two.example.com"], "gateways": [GATEWAY]},
}


def test_what_the_spec_asks_for() -> None:
    assert plan(situation_of(spec={"model": {"uri": URI}}), SETTINGS, NOW) == plan_of()


def test_nothing_where_nothing_was_asked_for_before() -> None:
    found = plan(situation_of(spec=REFUSED), SETTINGS, NOW)
    assert isinstance(found, Invalid)
    assert "maxBatchSizes" in found.message


def test_nothing_of_a_spec_that_cannot_be_read_whatever_serves() -> None:
    assert isinstance(plan(situation_of(SERVING.report(), spec={"model": {}}), SETTINGS, NOW), Invalid)


def test_a_model_or_pods_that_are_rejected_hold_what_was_asked_for_before() -> None:
    found = plan(situation_of(SERVING.report(), spec=REFUSED), SETTINGS, NOW)
    assert isinstance(found, Held)
    assert (found.revision, found.replicas) == ("a", 3)
    assert "maxBatchSizes" in (found.rejection or "")


@pytest.mark.parametrize(
    ("scenario", "revision"),
    [
        (SERVING, "a"),
        (SERVING.candidate("b", weight=20), "b"),
        (SERVING.failed("b"), "b"),
        (SERVING.wanting("c").pinned("a", instead_of="c"), "c"),
    ],
)
def test_what_was_asked_for_last_is_held(scenario: Any, revision: str) -> None:
    found = plan(situation_of(scenario.report(), spec={"model": {"uri": ALIAS}}), SETTINGS, NOW)
    assert isinstance(found, Held)
    assert (found.revision, found.rejection) == (revision, None)


def test_a_first_model_is_waited_for() -> None:
    found = plan(situation_of(spec={"model": {"uri": ALIAS}}), SETTINGS, NOW)
    assert isinstance(found, Unresolved)
    assert found.request == request_of(plan_of({"model": {"uri": ALIAS}}).source)


@pytest.mark.parametrize(("name", "served_as"), [(None, "digits"), ("kept", "kept")])
def test_what_is_held_has_the_name_that_it_was_made_with(name: str | None, served_as: str) -> None:
    made = new_record(plan_of({"model": {"uri": URI, **({"name": name} if name else {})}}))
    spec = {"model": {**REFUSED["model"], "name": "other"}}
    seen = Observed({"a": RevisionObserved(record=made)})
    found = plan(situation_of(SERVING.report(), spec=spec, observed=seen), SETTINGS, NOW)
    assert isinstance(found, Held)
    assert found.model_name == served_as


def test_hosts_of_an_older_rival_are_left_to_it() -> None:
    rivals = [
        Rival("a/young", frozenset({"one.example.com"}), is_older=False),
        Rival("b/old", frozenset({"two.example.com", "elsewhere.example.com"}), is_older=True),
    ]
    found = plan(situation_of(spec=EXPOSED, rivals=rivals), SETTINGS, NOW)
    assert isinstance(found, Specified)
    assert (found.hosts, found.gateways) == (("one.example.com",), (GATEWAY,))
    [problem] = found.route_problems
    assert (problem.reason, "b/old" in problem.message) == ("HostConflict", False)
    assert "elsewhere" not in problem.message


def test_without_any_host_left_no_gateway_is_needed() -> None:
    taken = Rival("b/old", frozenset({"one.example.com", "two.example.com"}), is_older=True)
    found = plan(situation_of(spec=EXPOSED, rivals=[taken], gateways={}), SETTINGS, NOW)
    assert isinstance(found, Specified)
    assert (found.hosts, found.gateways) == ((), ())
    assert [one.reason for one in found.route_problems] == ["HostConflict"]


@pytest.mark.parametrize(
    ("gateways", "reasons"), [({}, ["GatewayNotFound"]), ({GATEWAY: GatewayFacts(())}, []), (None, [])]
)
def test_a_gateway_that_lacks_is_told_where_it_can_be_seen(gateways: Any, reasons: list[str]) -> None:
    found = plan(situation_of(spec=EXPOSED, gateways=gateways), SETTINGS, NOW)
    assert isinstance(found, Specified)
    assert [one.reason for one in found.route_problems] == reasons
