"""Callers and pods count the same requests at different moments; whoever reports more than the pods is not believed."""

from random import Random

import pytest

from nereid.controller.shell.metrics.agreement import disagreement
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.tracks import SeriesGroup, single

END = 1_000_000.0


def proxy(
    rate: float, *, offset: float = 0, every: float = 15, since: float = 3600, until: float = 0, **labels: str
) -> SeriesGroup:
    """Return the samples of a proxy that counts so many requests a second, from `since` to `until` before the end."""
    times = [END - offset - every * number for number in range(int(330 // every) + 1)]
    counts = [(time, float(int(rate * (min(time, END - until) - END + since)))) for time in reversed(times)]
    usual = {"namespace": "shop", "pod": "gateway", "response_code": "200"}
    return single({**usual, **labels}, [(time, count) for time, count in counts if count > 0])


def said(callers: list[SeriesGroup], own: list[SeriesGroup], seconds: float = 30) -> str | None:
    return disagreement("new", callers, own, Window(END - seconds, END))


@pytest.mark.parametrize("every", [5, 15, 30, 60])
@pytest.mark.parametrize("since", [10, 20, 30, 45, 70, 120, 3600])
@pytest.mark.parametrize("rate", [0.5, 10, 1000])
def test_scrapes_at_different_moments_are_no_disagreement(rate: float, since: float, every: float) -> None:
    random = Random(f"{rate} {since} {every}")
    for _ in range(20):
        offsets = random.uniform(0, every), random.uniform(0, every)
        callers = proxy(rate, offset=offsets[0], every=every, since=since)
        # The caller's proxy was there before; the pod's has no series before its first request.
        known = proxy(0.1, offset=offsets[0], every=every, response_code="404")
        own = [proxy(rate, offset=offsets[1], every=every, since=since, pod="new-1")]
        assert said([known, callers], [*own, proxy(0.1, offset=offsets[1], every=every, pod="new-2")]) is None
        assert said([known, callers], [group for group in own if group.samples]) is None


def test_requests_that_another_namespace_makes_up_are_told_with_both_figures() -> None:
    honest, own = proxy(10), proxy(10, offset=4, pod="new-1")
    forged = proxy(10, namespace="evil", pod="tool", response_code="500")
    assert said([honest], [own]) is None
    told = said([honest, forged], [own])
    assert told is not None
    assert "callers report 900 requests to revision new in 45 s, and its own pods have counted 600 in 60 s" in told


def test_so_are_failures_that_no_pod_has_answered() -> None:
    forged = proxy(4, namespace="evil", pod="tool", response_code="500")
    told = said([proxy(10), forged], [proxy(10, offset=4, pod="new-1")])
    assert told is not None
    assert "callers report 180 failed requests to revision new in 45 s, and its own pods have counted 0" in told


def test_failures_that_the_pods_have_answered_are_believed() -> None:
    callers = [proxy(10), proxy(4, response_code="500")]
    assert said(callers, [proxy(10, pod="new-1"), proxy(4, pod="new-1", response_code="500")]) is None


def test_requests_that_never_reached_a_pod_are_the_candidates_failures() -> None:
    unreached = proxy(4, response_code="503", response_flags="UF")
    assert said([proxy(10), unreached], [proxy(10, pod="new-1")]) is None


def test_a_proxy_that_is_counted_twice_is_told_of() -> None:
    assert said([proxy(10), proxy(10, pod="gateway-again")], [proxy(10, pod="new-1")]) is not None


def test_callers_that_nobody_scrapes_are_no_disagreement() -> None:
    assert said([proxy(1)], [proxy(100, pod="new-1")]) is None


def test_nothing_is_said_where_the_pods_are_not_scraped() -> None:
    assert said([proxy(10)], []) is None
