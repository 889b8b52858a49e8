"""Which hosts and Gateways a spec gets: what the installer allows, what Gateways accept, and what nobody else has."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support.scenario import NOW, SETTINGS, URI
from tests.support.situations import situation_of

from nereid.controller.observed.facts import GatewayFacts, Problem
from nereid.controller.observed.objects import gateway_facts
from nereid.controller.observed.situation import HostClaims, KeptHost, Rival
from nereid.controller.plan.host_policy import HostRule
from nereid.controller.plan.plan import Specified
from nereid.controller.plan.planning import plan

PUBLIC, OWN = "istio-ingress/public", "models/own"
HOST = "digits.models.example.com"


def gateway(*hosts: str, name: str = PUBLIC, port: int = 80, istio: str = "ingressgateway") -> GatewayFacts:
    servers = [{"port": {"number": port}, "hosts": list(hosts)}]
    spec = {"selector": {"istio": istio}, "servers": servers}
    return gateway_facts({"metadata": {"namespace": name.partition("/")[0]}, "spec": spec})


OPEN = {PUBLIC: gateway("*")}
TWO = {**OPEN, OWN: gateway("*", name=OWN, port=81)}


def planned(
    hosts: tuple[str, ...] = (HOST,),
    gateways: tuple[str, ...] = (PUBLIC,),
    rules: tuple[HostRule, ...] = (),
    rollout: Any = None,
    gateways_seen: Any = OPEN,
    **situation: Any,
) -> Specified:
    traffic = {"hosts": list(hosts), "gateways": list(gateways)}
    spec = {"model": {"uri": URI}, "traffic": traffic, **({"rollout": rollout} if rollout else {})}
    seen = situation_of(spec=spec, gateways=gateways_seen, **situation)
    found = plan(seen, SETTINGS.model_copy(update={"traffic_allowed": rules}), NOW)
    assert isinstance(found, Specified)
    return found


def only(found: Specified) -> Problem:
    [problem] = found.route_problems
    return problem


def serving(*hosts: str, gateway: str = PUBLIC) -> HostClaims:
    return HostClaims(own=frozenset((host, gateway) for host in hosts))


class TestRules:
    RULE = HostRule(namespaces=("mod*",), hosts=("*.{{namespace}}.example.com",), gateways=(PUBLIC,))

    def test_what_they_allow_is_had(self) -> None:
        found = planned(rules=(self.RULE,))
        assert (found.hosts, found.gateways, found.route_problems) == ((HOST,), (PUBLIC,), ())

    def test_any_other_host_is_refused_with_those_that_are_allowed(self) -> None:
        found = planned((HOST, "login.example.com"), rules=(self.RULE,))
        assert found.hosts == (HOST,)
        assert only(found).reason == "HostNotAllowed"
        assert "login.example.com" in only(found).message
        assert "*.models.example.com" in only(found).message
        assert "traffic.allowed" in only(found).message

    def test_they_hold_for_what_is_served_too(self) -> None:
        found = planned(("login.example.com",), rules=(self.RULE,), claims=serving("login.example.com"))
        assert (found.hosts, found.gateways, only(found).reason) == ((), (), "HostNotAllowed")

    def test_a_namespace_without_a_rule_gets_nothing(self) -> None:
        found = planned(rules=(self.RULE.model_copy(update={"namespaces": ("other",)}),))
        assert (found.hosts, found.gateways) == ((), ())
        assert found.route_problems[0].reason == "GatewayNotAllowed"

    def test_another_gateway_is_refused(self) -> None:
        found = planned(gateways=(PUBLIC, OWN), rules=(self.RULE,))
        assert (found.hosts, found.gateways, only(found).reason) == ((HOST,), (PUBLIC,), "GatewayNotAllowed")

    def test_they_may_give_what_lies_below_somebodys_wildcard(self) -> None:
        claims = HostClaims(below=frozenset({HOST}))
        assert planned(rules=(self.RULE,), claims=claims).hosts == (HOST,)
        assert planned(claims=claims).hosts == ()

    def test_previews_are_held_to_them(self) -> None:
        rollout = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["login.example.com"]}}
        found = planned(rules=(self.RULE,), rollout=rollout)
        assert (found.hosts, found.rollout.preview_hosts) == ((HOST,), ())


class TestGateways:
    @pytest.mark.parametrize(
        ("entry", "is_had"),
        [
            ("*", True),
            ("*.example.com", True),
            ("models/*.example.com", True),
            ("*/digits.models.example.com", True),
            ("other/*", False),
            ("./*", False),
            ("*.example.org", False),
        ],
    )
    def test_its_entries_count(self, entry: str, is_had: bool) -> None:  # noqa: FBT001
        found = planned(gateways=(PUBLIC,), gateways_seen={PUBLIC: gateway(entry)})
        assert bool(found.hosts) == is_had
        if not is_had:
            assert (found.gateways, only(found).reason) == ((), "GatewayNotFound")
            assert "models/HOST" in only(found).message

    def test_its_own_namespace_may_be_meant_by_a_dot(self) -> None:
        found = planned(gateways=(OWN,), gateways_seen={OWN: gateway("./*", name=OWN)})
        assert (found.hosts, found.route_problems) == ((HOST,), ())

    def test_one_that_refuses_says_no_more_than_one_that_does_not_exist(self) -> None:
        missing, refusing = (planned(gateways_seen=seen) for seen in ({}, {PUBLIC: gateway("other/*")}))
        egress = planned(gateways_seen={PUBLIC: gateway("*", istio="egressgateway")})
        assert missing.route_problems == refusing.route_problems == egress.route_problems
        assert missing.hosts == refusing.hosts == egress.hosts == ()

    def test_one_of_its_own_namespace_is_told_as_it_is(self) -> None:
        missing = planned(gateways=(OWN,), gateways_seen={})
        assert "create it" in only(missing).message

    def test_a_host_that_none_accepts_is_told_and_the_others_are_had(self) -> None:
        found = planned((HOST, "a.example.org"), gateways_seen={PUBLIC: gateway("*.example.com")})
        assert (found.hosts, only(found).reason) == ((HOST,), "HostNotAllowed")

    def test_what_one_of_them_accepts_is_had(self) -> None:
        seen = {PUBLIC: gateway("*.example.com"), OWN: gateway("*.example.org", name=OWN)}
        found = planned((HOST, "a.example.org"), gateways=(PUBLIC, OWN), gateways_seen=seen)
        assert (found.hosts, found.gateways, found.route_problems) == ((HOST, "a.example.org"), (PUBLIC, OWN), ())

    def test_what_is_served_stays_while_its_gateway_is_made_again(self) -> None:
        found = planned(gateways_seen={}, claims=serving(HOST))
        assert (found.hosts, found.gateways, only(found).reason) == ((HOST,), (PUBLIC,), "GatewayNotFound")

    def test_an_egress_gateway_is_had_by_name_or_if_it_was(self) -> None:
        seen = {PUBLIC: gateway("*", istio="egressgateway")}
        rule = HostRule(namespaces=("models",), hosts=("*",), gateways=(PUBLIC,))
        assert planned(gateways_seen=seen, rules=(rule,)).hosts == (HOST,)
        assert planned(gateways_seen=seen, rules=(rule.model_copy(update={"gateways": ("*",)}),)).hosts == ()
        assert planned(gateways_seen=seen, claims=serving(HOST)).hosts == (HOST,)

    def test_two_on_the_same_port_of_the_same_pods_are_one_door(self) -> None:
        one = gateway("*")
        assert one.is_same_door(gateway("*.example.com", name=OWN))
        assert not one.is_same_door(gateway("*", port=8080))
        assert not one.is_same_door(gateway("*", istio="partners"))
        assert one.is_same_door(replace(one, selector=one.selector | {("app", "x")}))


class TestOthers:
    @pytest.mark.parametrize(
        ("claims", "reason"),
        [
            (HostClaims(taken=frozenset({HOST})), "HostConflict"),
            (HostClaims(below=frozenset({HOST})), "HostNotAllowed"),
        ],
    )
    def test_a_virtual_service_of_another_namespace_keeps_its_hosts(self, claims: HostClaims, reason: str) -> None:
        found = planned(claims=claims)
        assert (found.hosts, found.gateways, only(found).reason) == ((), (), reason)
        served = planned(claims=replace(claims, own=serving(HOST).own))
        assert (served.hosts, served.route_problems) == ((HOST,), ())

    def test_the_one_that_serves_comes_before_the_older_one(self) -> None:
        waiting = Rival("thief/old", frozenset({HOST}), is_older=True)
        assert planned(rivals=[waiting], claims=serving(HOST)).hosts == (HOST,)
        rival = Rival("owner/young", frozenset({HOST}), is_older=False, serves=frozenset({HOST}))
        found = planned(rivals=[rival])
        assert (found.hosts, only(found).reason) == ((), "HostConflict")

    def test_of_two_that_serve_the_older_one_keeps_it(self) -> None:
        older = Rival("a/old", frozenset({HOST}), is_older=True, serves=frozenset({HOST}))
        assert planned(rivals=[older], claims=serving(HOST)).hosts == ()
        assert planned(rivals=[replace(older, is_older=False)], claims=serving(HOST)).hosts == (HOST,)

    def test_a_host_that_was_left_is_kept_for_its_namespace(self) -> None:
        kept = HostClaims(kept={HOST: KeptHost("owner", 42.0)})
        found = planned(claims=kept)
        assert (found.hosts, only(found).reason, found.hosts_after) == ((), "HostConflict", 42.0)
        waiting = Rival("thief/old", frozenset({HOST}), is_older=True)
        own = HostClaims(kept={HOST: KeptHost("models", 42.0)})
        assert planned(rivals=[waiting], claims=own).hosts == (HOST,)

    def test_a_host_is_not_kept_for_a_namespace_that_may_not_have_it(self) -> None:
        rule = HostRule(namespaces=("models",), hosts=("*",))
        kept = HostClaims(kept={HOST: KeptHost("owner", 42.0)})
        assert planned(claims=kept, rules=(rule,)).hosts == (HOST,)

    def test_nothing_of_another_namespace_is_named(self) -> None:
        away = Rival("secret/plans", frozenset({HOST}), is_older=True)
        assert "secret" not in only(planned(rivals=[away])).message
        assert "plans" not in only(planned(rivals=[away])).message
        assert "models/plans" in only(planned(rivals=[replace(away, name="models/plans")])).message

    def test_hosts_with_the_same_cause_are_told_in_one_sentence(self) -> None:
        away = Rival("a/b", frozenset({HOST, "b.example.com"}), is_older=True)
        assert f"b.example.com, {HOST}" in only(planned((HOST, "b.example.com"), rivals=[away])).message


class TestAddedGateways:
    """A Gateway that is added takes no host from those at which it is served."""

    @pytest.mark.parametrize(
        "seen",
        [
            {"claims": replace(serving(HOST), below=frozenset({HOST}))},
            {"claims": replace(serving(HOST), taken=frozenset({HOST}))},
            {"claims": replace(serving(HOST), kept={HOST: KeptHost("other", 60.0)})},
            {
                "claims": serving(HOST),
                "rivals": (Rival("other/own", frozenset({HOST}), is_older=True, serves=frozenset({HOST})),),
            },
            {
                "claims": serving(HOST),
                "rules": (HostRule(namespaces=("models",), hosts=("*",), gateways=(PUBLIC,)),
                          HostRule(namespaces=("models",), hosts=("x.*",), gateways=(OWN,))),
            },
        ],
    )  # fmt: skip
    def test_what_is_served_stays_and_the_gateway_is_left_out(self, seen: Any) -> None:
        found = planned(gateways=(PUBLIC, OWN), gateways_seen=TWO, **seen)
        assert (found.hosts, found.gateways) == ((HOST,), (PUBLIC,))
        assert f"{OWN} is left out" in only(found).message
        assert HOST in only(found).message

    def test_one_that_a_rule_refuses_costs_nothing_either(self) -> None:
        rule = HostRule(namespaces=("models",), hosts=("*",), gateways=(PUBLIC,))
        claims = replace(serving(HOST), taken=frozenset({HOST}))
        found = planned(gateways=(PUBLIC, OWN), gateways_seen=TWO, rules=(rule,), claims=claims)
        assert (found.hosts, found.gateways, only(found).reason) == ((HOST,), (PUBLIC,), "GatewayNotAllowed")

    def test_a_host_that_the_rules_no_longer_allow_goes(self) -> None:
        rule = HostRule(namespaces=("models",), hosts=("x.*",))
        found = planned(gateways=(PUBLIC, OWN), gateways_seen=TWO, rules=(rule,), claims=serving(HOST))
        assert (found.hosts, found.gateways, only(found).reason) == ((), (), "HostNotAllowed")

    def test_one_at_which_nobody_has_the_host_is_had(self) -> None:
        found = planned(gateways=(PUBLIC, OWN), gateways_seen=TWO, claims=serving(HOST))
        assert (found.hosts, found.gateways, found.route_problems) == ((HOST,), (PUBLIC, OWN), ())
