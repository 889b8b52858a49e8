"""Which requests an A/B test's routes pick, where previews lead, what status.url says; whole objects: tests/golden."""

import re

import pytest
from tests.support.scenario import plan_of

from nereid.controller.build.routing import url, virtual_services
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.plan.plan import Exposure

GRPC = {"content-type": {"prefix": "application/grpc"}}
TEAM = {"name": "x-team", "exact": "research"}
COOKIE = {"name": "beta", "value": "v2.0"}
BLUE_GREEN = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["preview.example.com"]}}


def built(rollout, **exposures):
    traffic = {"hosts": ["digits.example.com"], "gateways": ["mesh/public"]}
    plan = plan_of({"model": {"uri": "pvc://models/digits/1"}, "traffic": traffic, "rollout": rollout})
    live = [LiveRevision(revision, 1, exposure) for revision, exposure in exposures.items()]
    return {one["metadata"]["name"]: one["spec"] for one in virtual_services(plan, live)}


def ab_test(**asked):
    return built({"strategy": "ABTest", "abTest": asked}, a=Exposure(100), b=Exposure(matched=True))


def matches(specs):
    """Return the headers of each alternative, by the route's name, which are the same inside and outside."""
    inside, outside = (specs[name]["http"] for name in ("digits", "digits.gateways"))
    assert inside == outside
    return {route["name"]: [one["headers"] for one in route.get("match", [])] for route in inside}


class TestMatch:
    def test_all_headers_are_one_alternative_and_the_cookie_is_another(self):
        found = matches(ab_test(headers=[TEAM, {"name": "x-tier", "prefix": "gold"}], cookie=COOKIE))
        assert list(found) == ["matched-grpc", "matched-http", "grpc", "http"]
        headers, cookie = found["matched-http"]
        assert headers == {"x-team": {"exact": "research"}, "x-tier": {"prefix": "gold"}}
        assert list(cookie) == ["cookie"]
        assert found["matched-grpc"] == [headers | GRPC, cookie | GRPC]
        assert (found["grpc"], found["http"]) == ([GRPC], [])

    def test_either_alone(self):
        assert matches(ab_test(headers=[TEAM]))["matched-http"] == [{"x-team": {"exact": "research"}}]
        assert [list(one) for one in matches(ab_test(cookie=COOKIE))["matched-http"]] == [["cookie"]]

    def test_nothing_is_matched_before_the_candidate_may_be(self):
        specs = built({"strategy": "ABTest", "abTest": {"headers": [TEAM]}}, a=Exposure(100), b=Exposure())
        assert list(matches(specs)) == ["grpc", "http"]

    @pytest.mark.parametrize(
        ("header", "found"),
        [
            ("beta=v2.0", True),
            ("beta=v2.0; theme=dark", True),
            ("theme=dark; beta=v2.0", True),
            ("theme=dark;beta=v2.0;", True),
            ("a=1; beta=v2.0; b=2", True),
            ("beta=v1.0; beta=v2.0", True),
            ("beta=v2.01", False),
            ("beta=v2x0", False),
            ("alphabeta=v2.0", False),
            ("theme=dark; alphabeta=v2.0", False),
            ("theme=beta=v2.0", False),
            ("beta=v1.0", False),
            ("", False),
        ],
    )
    def test_the_cookie_is_found_among_others(self, header, found):
        [match] = matches(ab_test(cookie=COOKIE))["matched-http"]
        assert bool(re.fullmatch(match["cookie"]["regex"], header)) == found


class TestPreview:
    @pytest.mark.parametrize(
        ("exposures", "shown"),
        [
            ({"a": Exposure(100)}, "a"),
            ({"a": Exposure(100), "b": Exposure()}, "a"),
            ({"a": Exposure(100), "b": Exposure(preview=True)}, "b"),
            ({"a": Exposure(), "b": Exposure(100)}, "b"),
            ({"a": Exposure(40), "b": Exposure(60)}, "a"),
        ],
    )
    def test_leads_to_the_candidate_while_it_is_to_be_seen(self, exposures, shown):
        spec = built(BLUE_GREEN, **exposures)["digits.preview"]
        assert (spec["hosts"], spec["gateways"]) == (["preview.example.com"], ["mesh/public"])
        destinations = [one for route in spec["http"] for one in route["route"]]
        host = f"digits-{shown}.models.svc.cluster.local"
        assert destinations == [{"destination": {"host": host, "port": {"number": port}}} for port in (8001, 8000)]

    def test_is_there_only_where_it_was_asked_for(self):
        assert "digits.preview" not in built({"strategy": "BlueGreen"}, a=Exposure(100), b=Exposure(preview=True))


class TestUrl:
    @pytest.mark.parametrize(("tls", "scheme"), [(False, "http"), (True, "https")])
    def test_clients_outside_the_mesh_use_the_first_host(self, tls, scheme):
        traffic = {"hosts": ["one.example.com", "two.example.com"], "gateways": ["mesh/public"]}
        plan = plan_of({"model": {"uri": "pvc://models/digits/1"}, "traffic": traffic})
        assert url(plan, tls=tls) == f"{scheme}://one.example.com"

    def test_without_hosts_it_is_the_service_in_the_mesh(self):
        assert url(plan_of(), tls=False) == "http://digits.models.svc.cluster.local:8000"
