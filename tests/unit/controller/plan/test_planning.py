"""The plan of a pass: which revision it is for if the spec is rejected, or does not say which one it asks for."""

from typing import Any, ClassVar

import pytest
from tests.support.scenario import NOW, SETTINGS, URI, plan_of, rollout
from tests.support.situations import situation_of

from nereid.api.runtime import RuntimeSpec
from nereid.controller.build.revision import new_record
from nereid.controller.observed.facts import DeploymentFacts, GatewayFacts, Observed, RevisionObserved
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


class TestPodsThatThePolicyRefuses:
    """The operator was upgraded, or the installer allows less than before."""

    SPEC: ClassVar[dict[str, Any]] = {
        "model": {"uri": URI},
        "runtime": {"podTemplate": {"spec": {"hostNetwork": True}}},
        "scaling": {"replicas": 3},
    }
    ALLOWING = SETTINGS.model_copy(update={"pod_security": "privileged"})

    def seen(self, *, with_deployment: bool = True) -> tuple[Specified, Observed]:
        wanted = plan(situation_of(spec=self.SPEC), self.ALLOWING, NOW)
        assert isinstance(wanted, Specified)
        deployment = DeploymentFacts(replicas=3, ready=3, available=3, problem=None) if with_deployment else None
        return wanted, Observed({wanted.revision: RevisionObserved(record=new_record(wanted), deployment=deployment)})

    def test_a_first_revision_is_not_made(self) -> None:
        found = plan(situation_of(spec=self.SPEC), SETTINGS, NOW)
        assert isinstance(found, Invalid)
        assert found.reason == "PolicyViolation"
        assert "spec.hostNetwork" in found.message
        assert "models.podSecurity" in found.message

    def test_what_serves_goes_on_in_its_place_and_jobs_get_nothing_of_it(self) -> None:
        spec = {**self.SPEC, "runtime": {**self.SPEC["runtime"], "serviceAccountName": "admin"}}
        found = plan(situation_of(SERVING.report(), spec=spec), SETTINGS, NOW)
        assert isinstance(found, Held)
        assert (found.revision, found.replicas, found.reason) == ("a", 3, "PolicyViolation")
        assert found.source.runtime == RuntimeSpec()

    def test_a_revision_that_runs_already_goes_on_as_it_is(self) -> None:
        wanted, observed = self.seen()
        found = plan(situation_of(SERVING.report(), spec=self.SPEC, observed=observed), SETTINGS, NOW)
        assert isinstance(found, Specified)
        assert found.revision == wanted.revision
        assert "spec.hostNetwork" in (found.tolerated or "")

    def test_a_former_revision_without_pods_is_not_made_again(self) -> None:
        _, observed = self.seen(with_deployment=False)
        found = plan(situation_of(SERVING.report(), spec=self.SPEC, observed=observed), SETTINGS, NOW)
        assert isinstance(found, Held)

    def test_no_job_asks_for_a_model_that_is_not_to_be_served(self) -> None:
        spec = {**self.SPEC, "model": {"uri": ALIAS}}
        assert isinstance(plan(situation_of(spec=spec), SETTINGS, NOW), Invalid)


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
