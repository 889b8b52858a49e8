from typing import Any

import aiohttp
import pytest
from tests.support.metrics.requests import analysis, sample_request
from tests.support.metrics.servers import FakePrometheus, series, serving, success

from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, SLOW, Comparison
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics.errors import CountsDisagree, ProviderError
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.istio import traffic
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.reporters import Reporters

WINDOW = Window(1000, 1030)
BELIEVED = Reporters("shop", frozenset({"istio-ingress"}))
REQUESTS = "istio_requests_total{"
BUCKETS = "istio_request_duration_milliseconds_bucket{"
BOUNDS = "count by (le)"


def requests(grown: float | str, revision: str = "new", before: float = 10, **labels: str) -> dict[str, Any]:
    """Return a series that grew from `before` to a value within the window."""
    name = f"digits-{revision}"
    usual = {"pod": "gateway", "response_code": "200", "destination_service_name": name, "destination_workload": name}
    return series([(995, before), (1025, grown)], **{**usual, **labels})


async def measured(
    session: aiohttp.ClientSession, answers: dict[str, Any], request: SampleRequest
) -> tuple[dict[str, Comparison], FakePrometheus]:
    fake = FakePrometheus(answers)
    async with serving(fake.respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        return (await traffic(client, request, BELIEVED, WindowCount(WINDOW))).metrics, fake


def objective(milliseconds: int) -> SampleRequest:
    return sample_request(analysis=analysis(latency_objective=milliseconds))


async def test_both_revisions_are_counted_by_one_query(session: aiohttp.ClientSession) -> None:
    found = [
        requests(30),
        requests(13, response_code="500"),
        requests(12, response_code="404"),
        requests(110, "old"),
        requests(14, "old", grpc_response_status="14"),
    ]
    metrics, fake = await measured(session, {REQUESTS: success("matrix", found)}, sample_request())
    assert metrics == {
        ERRORS: Comparison(Counts(25, 3), Counts(104, 4)),
        REJECTIONS: Comparison(Counts(25, 2), Counts(104, 0)),
    }
    assert len(fake.asked) == 2  # and one for what the pods have counted themselves
    assert fake.asked[0]["query"] == (
        'istio_requests_total{reporter="source",destination_service_name=~"digits-new|digits-old",'
        'destination_service_namespace="shop",source_canonical_service!="digits-checks",'
        'namespace=~"istio-ingress|shop"}[330s]'
    )


async def test_mirrored_requests_are_counted_at_the_destination(session: aiohttp.ClientSession) -> None:
    request = sample_request(is_mirrored=True)
    metrics, fake = await measured(session, {REQUESTS: success("matrix", [requests(30), requests(30, "old")])}, request)
    assert metrics[ERRORS] == Comparison(Counts(20), Counts(20))
    assert fake.asked[0]["query"].startswith(
        'istio_requests_total{reporter="destination",destination_workload=~"digits-new|digits-old",'
        'destination_workload_namespace="shop",source_canonical_service!="digits-checks",namespace="shop"}'
    )


async def test_without_a_control_stable_is_not_counted(session: aiohttp.ClientSession) -> None:
    answers = {REQUESTS: success("matrix", [requests(30), requests(30, "old")])}
    metrics, _ = await measured(session, answers, sample_request(has_control=False))
    assert metrics[ERRORS] == Comparison(Counts(20), Counts())


async def test_no_requests_at_all_are_counts_of_zero(session: aiohttp.ClientSession) -> None:
    metrics, _ = await measured(session, {}, objective(250))
    assert metrics == dict.fromkeys((ERRORS, REJECTIONS, SLOW), Comparison(Counts(), Counts()))


@pytest.mark.parametrize("value", ["NaN", "-1", "1e+300", "+Inf", "10.5"])
async def test_an_implausible_value_is_an_error(session: aiohttp.ClientSession, value: str) -> None:
    with pytest.raises(ProviderError, match=r"returned samples that cannot be counted: .*gateway"):
        await measured(session, {REQUESTS: success("matrix", [requests(30), requests(value, "old")])}, sample_request())


async def test_a_restarted_proxy_counts_from_zero(session: aiohttp.ClientSession) -> None:
    metrics, _ = await measured(session, {REQUESTS: success("matrix", [requests(4)])}, sample_request())
    assert metrics[ERRORS].candidate == Counts(4)


@pytest.mark.parametrize("bound", ["250", "250.0"])
async def test_slow_requests_are_those_beyond_the_bucket(session: aiohttp.ClientSession, bound: str) -> None:
    found = [
        requests(30, le="+Inf"),
        requests(27, le=bound),
        requests(110, "old", le="+Inf"),
        requests(110, "old", le=bound),
    ]
    metrics, fake = await measured(session, {BUCKETS: success("matrix", found)}, objective(250))
    assert metrics[SLOW] == Comparison(Counts(20, 3), Counts(100, 0))
    assert r'le=~"250|250\\.0|2\\.5e\\+02|\\+Inf"}[330s]' in fake.asked[2]["query"]


@pytest.mark.parametrize(
    ("milliseconds", "spelling"),
    [(1_000_000, "1e\\\\+06"), (3_600_000, "3\\\\.6e\\\\+06"), (1_234_500, "1\\\\.2345e\\\\+06")],
)
async def test_large_bounds_are_written_with_an_exponent(
    session: aiohttp.ClientSession, milliseconds: int, spelling: str
) -> None:
    _, fake = await measured(session, {}, objective(milliseconds))
    assert f"|{spelling}|" in fake.asked[2]["query"]


async def test_an_objective_that_is_no_bound_is_told_with_its_neighbours(session: aiohttp.ClientSession) -> None:
    bounds = [{"metric": {"le": le}, "value": [1030, "1"]} for le in ("100", "250.0", "500", "1000", "+Inf")]
    answers = {BOUNDS: success("vector", bounds), BUCKETS: success("matrix", [requests(30, le="+Inf")])}
    with pytest.raises(ProviderError, match=r"latencyObjectiveMilliseconds 300 .* the nearest ones are 250 and 500$"):
        await measured(session, answers, objective(300))


async def test_buckets_that_contradict_each_other_are_an_error(session: aiohttp.ClientSession) -> None:
    found = [requests(30, le="+Inf"), requests(60, le="250")]
    with pytest.raises(ProviderError, match="cannot be counted"):
        await measured(session, {BUCKETS: success("matrix", found)}, objective(250))


async def test_a_series_that_grew_more_than_is_believed_fails_the_sample_and_is_named(
    session: aiohttp.ClientSession,
) -> None:
    found = [requests(30), requests(2e9, "old", pod="client-1", namespace="evil")]
    with pytest.raises(ProviderError, match=r"of evil/client-1: it grew by 2e\+09 in one interval"):
        await measured(session, {REQUESTS: success("matrix", found)}, sample_request())


async def test_so_do_series_that_together_grew_more_than_is_believed(session: aiohttp.ClientSession) -> None:
    found = [requests(9e8, pod=f"client-{number}") for number in range(2)]
    with pytest.raises(ProviderError, match="all series together"):
        await measured(session, {REQUESTS: success("matrix", found)}, sample_request())


async def test_callers_that_report_more_than_the_pods_have_counted_are_not_believed(
    session: aiohttp.ClientSession,
) -> None:
    answers = {
        'istio_requests_total{reporter="source"': success("matrix", [requests(1010), requests(30, "old")]),
        'istio_requests_total{reporter="destination"': success("matrix", [requests(110), requests(30, "old")]),
    }
    with pytest.raises(
        CountsDisagree, match="callers report 1000 requests to revision new in 90 s, and its own pods have counted 110"
    ):
        await measured(session, answers, sample_request())
