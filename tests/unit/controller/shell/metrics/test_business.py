"""Outcomes of business metrics: counted exactly, by revision, from the counters that the user selects."""

from typing import Any

import aiohttp
import pytest
from tests.support.metrics.requests import SINCE, analysis, sample_request
from tests.support.metrics.servers import FakePrometheus, series, serving, success

from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import Comparison
from nereid.controller.plan.plan import BusinessMetric
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics.business import outcomes
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.prometheus import Prometheus

BEGIN = SINCE.timestamp()
ORDERS = BusinessMetric("orders", 'abandoned_total{v="{{revision}}"}', 'orders_total{v="{{revision}}"}')


def counter(name: str, *values: float, pod: str = "shop-1") -> dict[str, Any]:
    """Return a counter that was scraped before the window, and then in it."""
    times = [BEGIN - 10 + 15 * number for number in range(len(values))]
    return series(list(zip(times, values, strict=True)), __name__=name, pod=pod)


async def counted(
    session: aiohttp.ClientSession, answers: dict[str, Any], **fields: Any
) -> tuple[dict[str, Comparison], list[str]]:
    fake = FakePrometheus({part: success("matrix", found) for part, found in answers.items()})
    request = sample_request(analysis=analysis(business=(ORDERS,)), **fields)
    async with serving(fake.respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        found = await outcomes(client, request, WindowCount(Window(BEGIN, BEGIN + 30)))
    return found, [asked["query"] for asked in fake.asked]


ANSWERS = {
    'abandoned_total{v="new"}': [counter("abandoned_total", 7, 9, 10)],
    'orders_total{v="new"}': [counter("orders_total", 50, 70, 90)],
    'abandoned_total{v="old"}': [counter("abandoned_total", 0, 1, 1)],
    'orders_total{v="old"}': [counter("orders_total", 500, 600, 3)],
}


async def test_of_both_revisions_are_what_the_counters_grew_by(session: aiohttp.ClientSession) -> None:
    found, asked = await counted(session, ANSWERS)
    # Stable's process began anew: 100 before that, 3 since.
    assert found == {"orders": Comparison(Counts(40, 3), Counts(103, 1))}
    assert len(asked) == 4
    assert all(query.endswith("[330s]") for query in asked)


async def test_the_first_bad_one_of_a_known_process_counts(session: aiohttp.ClientSession) -> None:
    late = series([(BEGIN + 20, 2)], __name__="abandoned_total", pod="shop-1")
    found, _ = await counted(session, {**ANSWERS, 'abandoned_total{v="new"}': [late]})
    assert found["orders"].candidate == Counts(40, 2)


@pytest.mark.parametrize(
    ("control", "others", "is_counted"), [(True, False, True), (False, True, True), (False, False, False)]
)
async def test_are_counted_while_stable_gets_traffic_too(
    session: aiohttp.ClientSession, *, control: bool, others: bool, is_counted: bool
) -> None:
    found, _ = await counted(session, ANSWERS, has_control=control, has_other_clients=others)
    assert bool(found) is is_counted


async def test_an_outcome_that_arrives_between_the_two_questions_is_bad_as_well(session: aiohttp.ClientSession) -> None:
    """Both select its counter, and `total` is asked last."""
    abandoned = ("abandoned", {"__name__": "orders_total", "outcome": "abandoned", "pod": "shop-1"})
    samples = [(BEGIN - 10, 7), (BEGIN + 5, 9), (BEGIN + 20, 12), (BEGIN + 35, 13)]
    metric = BusinessMetric("orders", 'orders_total{outcome="abandoned"}', "orders_total{}")
    request = sample_request(analysis=analysis(business=(metric,)))
    earlier, found = None, []
    for until, of_bad, of_all in ((30, 2, 3), (60, 4, 4)):
        answers = {
            abandoned[0]: success("matrix", [series(samples[:of_bad], **abandoned[1])]),
            "orders_total{}": success("matrix", [series(samples[:of_all], **abandoned[1])]),
        }
        async with serving(FakePrometheus(answers).respond) as server:
            client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
            count = WindowCount(Window(BEGIN + until - 30, BEGIN + until), earlier)
            found.append((await outcomes(client, request, count))["orders"].candidate)
            earlier = count.later
    assert found == [Counts(5, 5), Counts(1, 1)]


async def test_more_bad_ones_than_there_are_is_an_error_that_says_what_to_change(
    session: aiohttp.ClientSession,
) -> None:
    wrong = {**ANSWERS, 'abandoned_total{v="new"}': [counter("abandoned_total", 0, 500, 500)]}
    with pytest.raises(ProviderError, match=r"query orders: .* bad must select a part of what total selects"):
        await counted(session, wrong)


async def test_an_expression_is_an_error_that_names_the_query(session: aiohttp.ClientSession) -> None:
    rejected = {"status": "error", "error": "parse error: ranges only allowed for vector selectors"}
    fake = FakePrometheus({"total": rejected})
    async with serving(fake.respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        request = sample_request(analysis=analysis(business=(ORDERS,)))
        with pytest.raises(ProviderError, match=r"query orders: .* must be selectors of counters"):
            await outcomes(client, request, WindowCount(Window(BEGIN, BEGIN + 30)))
