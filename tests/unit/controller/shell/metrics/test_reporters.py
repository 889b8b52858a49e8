"""Whose series count: of a page that anybody can print, only where it was scraped is certain."""

from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from tests.support.metrics.requests import analysis, sample_request
from tests.support.metrics.servers import MatchingPrometheus, series, serving

from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, SLOW, Comparison, RoutedRequests
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.istio import Traffic, traffic
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.reporters import reporters

Held = dict[str, Any]
BELIEVED = Settings(prometheus_reporters="istio-ingress")
REQUESTS, BUCKETS = "istio_requests_total", "istio_request_duration_milliseconds_bucket"


def caller(namespace: str, grown: int, revision: str = "new", code: str = "200", **labels: str) -> Held:
    """Return what the proxy of a caller in a namespace reports, as its scrape shows it."""
    told = {
        "__name__": REQUESTS,
        "reporter": "source",
        "pod": f"{namespace}-1",
        "namespace": namespace,
        "source_workload": "front",
        "source_workload_namespace": namespace,
        "destination_service_name": f"digits-{revision}",
        "destination_service_namespace": "shop",
        "response_code": code,
        "response_flags": "-",
    }
    return series([(995, 0), (1025, grown)], **(told | labels))


def pod(source: str, grown: int, revision: str = "new", code: str = "200", **labels: str) -> Held:
    """Return what the sidecar of a revision's pod reports of callers in a namespace."""
    told = {
        "__name__": REQUESTS,
        "reporter": "destination",
        "pod": f"digits-{revision}-1",
        "namespace": "shop",
        "source_workload": "front",
        "source_workload_namespace": source,
        "destination_workload": f"digits-{revision}",
        "destination_workload_namespace": "shop",
        "response_code": code,
        "response_flags": "-",
    }
    return series([(995, 0), (1025, grown)], **(told | labels))


# As it was seen on a cluster: the labels of the page, and those that the scrape set.
FORGED = {"source_workload": "x", "source_workload_namespace": "unknown", "pod": "liar-7c9", "job": "istio-proxies"}


async def counted(
    session: aiohttp.ClientSession,
    *held: Held,
    request: SampleRequest | None = None,
    settings: Settings = BELIEVED,
    count: WindowCount | None = None,
) -> Traffic:
    asked = request or sample_request()
    async with serving(MatchingPrometheus(held).respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        believed = reporters(settings, asked.namespace, asked.gateways)
        return await traffic(client, asked, believed, count or WindowCount(Window(1000, 1030)))


HONEST = (
    caller("istio-ingress", 100),
    caller("istio-ingress", 400, "old"),
    pod("istio-ingress", 100),
    pod("istio-ingress", 400, "old"),
)


@pytest.mark.parametrize("code", ["500", "404", "200"])
@pytest.mark.parametrize("flags", ["-", "UF"])
@pytest.mark.parametrize("told", ["unknown", "shop", "istio-ingress"])
async def test_what_a_pod_of_another_namespace_prints_about_a_revision_counts_nothing(
    session: aiohttp.ClientSession, code: str, flags: str, told: str
) -> None:
    lies = FORGED | {"source_workload_namespace": told, "response_flags": flags}
    of_pods = {"namespace": "tenant-a", "pod": "liar-7c9"}
    found = await counted(
        session,
        *HONEST,
        caller("tenant-a", 1500, code=code, **lies),
        caller("tenant-a", 1500, "old", code, **lies),
        pod("shop-front", 1500, code=code, **of_pods),
    )
    assert found.metrics == dict.fromkeys((ERRORS, REJECTIONS), Comparison(Counts(100), Counts(400)))
    assert found.routed == RoutedRequests(100, 400)
    assert found.left_out is None


async def test_a_callers_own_namespace_and_its_gateways_are_believed(session: aiohttp.ClientSession) -> None:
    found = await counted(
        session,
        caller("shop", 30, code="503", response_flags="UF"),
        caller("edge", 20),
        request=sample_request(gateways=("edge",)),
    )
    assert found.metrics[ERRORS].candidate == Counts(50, 30)


async def test_requests_of_other_namespaces_count_as_the_pods_have_answered_them(
    session: aiohttp.ClientSession,
) -> None:
    found = await counted(
        session,
        *HONEST,
        caller("basket", 900, code="500"),
        pod("basket", 50),
        pod("basket", 7, code="500"),
        pod("basket", 200, "old"),
        pod("unknown", 60, "old"),
    )
    assert found.metrics[ERRORS] == Comparison(Counts(157, 7), Counts(600))
    assert found.routed == RoutedRequests(157, 600)


async def test_slow_requests_by_the_same_rule(session: aiohttp.ClientSession) -> None:
    def timed(one: Held, fast: int) -> list[Held]:
        def bucket(bound: str, count: int) -> Held:
            labels = one["metric"] | {"__name__": BUCKETS, "le": bound}
            return series([(995, 0), (1025, count)], **labels)

        total = int(one["values"][-1][1])
        return [one, bucket("250", fast), bucket("+Inf", total)]

    found = await counted(
        session,
        *timed(caller("istio-ingress", 100), 90),
        *timed(pod("istio-ingress", 100), 95),
        *timed(pod("basket", 50), 20),
        *timed(caller("tenant-a", 900, **FORGED), 0),
        request=sample_request(analysis=analysis(latency_objective=250)),
    )
    assert found.metrics[SLOW].candidate == Counts(150, 40)


async def test_series_without_a_namespace_are_told_of(session: aiohttp.ClientSession) -> None:
    found = await counted(session, caller("", 100), caller("", 400, "old"))
    assert found.metrics[ERRORS] == Comparison(Counts(), Counts())
    assert found.left_out
    assert found.left_out.reason == "SeriesWithoutNamespace"
    assert "set the labels namespace and pod of each target" in found.left_out.message


async def test_callers_of_other_namespaces_are_told_of_where_the_pods_are_not_scraped(
    session: aiohttp.ClientSession,
) -> None:
    found = await counted(session, *(caller(name, 100) for name in ("basket", "cart", "desk", "east")))
    assert found.left_out
    assert found.left_out.reason == "CallersNotBelieved"
    assert "callers in basket, cart, desk, … report some" in found.left_out.message


async def test_an_installer_may_believe_everybody(session: aiohttp.ClientSession) -> None:
    everybody = Settings(prometheus_reporters="*")
    found = await counted(session, caller("", 10), caller("basket", 100), pod("basket", 90), settings=everybody)
    assert found.metrics[ERRORS].candidate == Counts(110)
    assert found.left_out is None


async def test_nothing_is_told_where_nobody_asks(session: aiohttp.ClientSession) -> None:
    assert (await counted(session)).left_out is None


SPLIT = replace(sample_request(), share=20, is_settled=True)


async def test_requests_straight_to_the_candidates_service_decide_nothing_and_are_told_of(
    session: aiohttp.ClientSession,
) -> None:
    direct = {"source_workload": "hammer", "source_principal": "spiffe://cluster.local/ns/tenant-a/sa/hammer"}
    found = await counted(
        session, *HONEST, pod("tenant-a", 500, code="404", **direct), pod("basket", 30), pod("basket", 110, "old"),
        request=SPLIT,
    )  # fmt: skip
    assert found.metrics[REJECTIONS] == Comparison(Counts(130), Counts(510))
    assert found.routed == RoutedRequests(130, 510)
    assert found.left_out
    assert found.left_out.reason == "NotByTheRoute"
    assert "hammer in namespace tenant-a sent 500 of 500 to candidate new" in found.left_out.message


async def test_nor_do_few_of_them_before_it_is_certain(session: aiohttp.ClientSession) -> None:
    found = await counted(session, *HONEST, pod("tenant-a", 3, code="404"), request=SPLIT)
    assert found.metrics[REJECTIONS] == Comparison(Counts(100), Counts(400))
    assert found.left_out is None


async def test_requests_straight_to_stables_service_do_not_make_it_look_bad(session: aiohttp.ClientSession) -> None:
    found = await counted(session, *HONEST, pod("tenant-a", 900, "old", "500"), request=SPLIT)
    assert found.metrics[ERRORS] == Comparison(Counts(100), Counts(400))
    assert found.routed == RoutedRequests(100, 400)


async def test_a_caller_of_the_own_namespace_that_goes_past_the_route_still_shows_that_it_has_no_effect(
    session: aiohttp.ClientSession,
) -> None:
    found = await counted(session, caller("shop", 900, "old"), pod("shop", 900, "old"), request=SPLIT)
    assert found.metrics[ERRORS] == Comparison(Counts(), Counts())
    assert found.routed == RoutedRequests(0, 900)


async def test_what_the_gateway_got_always_counts(session: aiohttp.ClientSession) -> None:
    found = await counted(session, caller("istio-ingress", 900, "old"), caller("istio-ingress", 9), request=SPLIT)
    assert found.metrics[ERRORS] == Comparison(Counts(9), Counts(900))
    assert found.left_out is None


async def test_in_a_shadow_whoever_asks_one_revision_only_does_not_count(session: aiohttp.ClientSession) -> None:
    shadow = replace(SPLIT, is_mirrored=True, share=50)
    both = [pod("istio-ingress", 300), pod("istio-ingress", 300, "old")]
    found = await counted(session, *both, pod("tenant-a", 500, code="500"), request=shadow)
    assert found.metrics[ERRORS] == Comparison(Counts(300), Counts(300))
