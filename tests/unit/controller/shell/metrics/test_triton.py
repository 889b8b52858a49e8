import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from tests.support.metrics.requests import SINCE, activity_request, sample_request
from tests.support.metrics.servers import FakePod, address, serving

from nereid.controller.observed.counters import Counts
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import ERRORS, Activity, Comparison
from nereid.controller.shell.metrics import pod_metrics
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.pod_metrics import PodMetrics
from nereid.controller.shell.metrics.triton import PODS_AT_A_TIME, Triton

GONE = PodAddress("gone", "uid-gone", "127.0.0.1", 1, "/metrics")
THEN = SINCE + timedelta(seconds=30)
LATER = THEN + timedelta(seconds=30)


@dataclass
class Fleet:
    """A candidate's pod, stable's two, and where they are."""

    new: FakePod
    old: tuple[FakePod, FakePod]
    pods: dict[str, list[PodAddress]]
    triton: Triton

    async def sample(self, since: object = SINCE, now: object = THEN) -> Comparison:
        request = sample_request(since=since)
        assert hasattr(now, "tzinfo")
        sample = await self.triton.sample(request, self.pods, now)  # type: ignore[arg-type]
        assert sample.until == now
        return sample.metrics[ERRORS]


@pytest.fixture
async def fleet(session: aiohttp.ClientSession) -> AsyncIterator[Fleet]:
    new, old = FakePod(100), (FakePod(500), FakePod(700))
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(pod.respond)) for pod in (new, *old)]
        pods = {
            "new": [address(servers[0], "new-0")],
            "old": [address(servers[1], "old-0"), address(servers[2], "old-1")],
        }
        yield Fleet(new, old, pods, Triton(session))


async def test_the_first_sample_is_where_counting_starts(fleet: Fleet) -> None:
    assert await fleet.sample() == Comparison(Counts(), Counts())
    fleet.new.success, fleet.new.failures = 107, {"BACKEND": 3, "CANCELED": 2, "OTHER": 0}
    fleet.old[0].success = 540
    assert await fleet.sample(THEN, LATER) == Comparison(Counts(12, 3), Counts(40))


async def test_what_lies_between_two_windows_is_not_counted(fleet: Fleet) -> None:
    await fleet.sample()
    fleet.new.success = 1000
    assert await fleet.sample(THEN + timedelta(seconds=1), LATER) == Comparison(Counts(), Counts())


async def test_a_restarted_triton_counts_from_zero(fleet: Fleet) -> None:
    await fleet.sample()
    fleet.new.success = 4
    assert (await fleet.sample(THEN, LATER)).candidate == Counts(4)


async def test_a_pod_that_is_new_since_the_last_look_counts_from_zero(fleet: Fleet) -> None:
    moved = fleet.pods["old"].pop()
    await fleet.sample()
    fleet.pods["old"].append(moved)
    fleet.old[0].success, fleet.old[1].success = 510, 3
    assert (await fleet.sample(THEN, LATER)).stable == Counts(13)


async def test_a_new_pod_that_cannot_be_read_at_once_counts_from_zero(fleet: Fleet) -> None:
    moved = fleet.pods["old"].pop()
    await fleet.sample()
    fleet.pods["old"].append(moved)
    fleet.old[1].status = 503
    assert (await fleet.sample(THEN, LATER)).stable == Counts()
    fleet.old[1].status, fleet.old[1].success = 200, 4
    assert (await fleet.sample(LATER, LATER + timedelta(seconds=30))).stable == Counts(4)


async def test_a_pod_that_was_there_and_could_not_be_read_counts_from_its_first_reading(fleet: Fleet) -> None:
    fleet.old[1].status = 500
    await fleet.sample()
    fleet.old[1].status = 200
    assert (await fleet.sample(THEN, LATER)).stable == Counts()


async def test_what_was_counted_while_there_was_no_control_is_left_out(fleet: Fleet) -> None:
    await fleet.sample()
    await fleet.triton.sample(sample_request(since=THEN, has_control=False), fleet.pods, LATER)
    fleet.old[0].success = 600
    assert (await fleet.sample(LATER, LATER + timedelta(seconds=30))).stable == Counts()


async def test_pods_that_are_gone_for_two_looks_are_forgotten(fleet: Fleet) -> None:
    await fleet.sample()
    gone = fleet.pods["old"].pop()
    for number in range(2):
        await fleet.sample(THEN + number * timedelta(seconds=30), LATER + number * timedelta(seconds=30))
        last_sample = fleet.triton._last_samples.get(("shop", "digits"))
        assert last_sample is not None
        remembered = last_sample.revisions["old"].by_pod
        assert (gone.uid in remembered) is (number == 0)


async def test_a_pod_that_cannot_be_read_for_a_while_counts_on(fleet: Fleet) -> None:
    await fleet.sample()
    fleet.old[1].status, fleet.old[0].success, fleet.old[1].success = 500, 510, 720
    assert (await fleet.sample(THEN, LATER)).stable == Counts(10)
    fleet.old[1].status = 200
    assert (await fleet.sample(LATER, LATER + timedelta(seconds=30))).stable == Counts(20)


async def test_none_of_a_revisions_pods_can_be_read(fleet: Fleet) -> None:
    await fleet.sample()
    fleet.new.success, fleet.old[0].status, fleet.old[1].status = 110, 500, 500
    with pytest.raises(ProviderError, match="none of the pods of revision old can be read: pod old-0 answered"):
        await fleet.sample(THEN, LATER)
    fleet.old[0].status = fleet.old[1].status = 200
    fleet.old[0].success = 501
    assert await fleet.sample(THEN, LATER) == Comparison(Counts(10), Counts(1))


async def test_a_revision_without_pods_has_counted_nothing(fleet: Fleet) -> None:
    fleet.pods["new"] = []
    assert (await fleet.sample()).candidate == Counts()


@pytest.mark.parametrize("text", ["nv_inference_request_success{} NaN", "nv_inference_request_success{} -3"])
async def test_implausible_values(fleet: Fleet, text: str) -> None:
    fleet.new.text = text
    with pytest.raises(ProviderError, match="Triton reported values that cannot be counted"):
        await fleet.sample()


async def test_without_a_control_stable_is_not_read(fleet: Fleet) -> None:
    fleet.pods["old"] = [GONE]
    sample = await fleet.triton.sample(sample_request(has_control=False), fleet.pods, THEN)
    assert sample.metrics[ERRORS] == Comparison(Counts(), Counts())


async def test_what_is_forgotten_counts_anew(fleet: Fleet) -> None:
    await fleet.sample()
    fleet.triton.forget(("shop", "digits"))
    assert not fleet.triton.remembers(sample_request(since=THEN))


async def test_activity(fleet: Fleet) -> None:
    fleet.old[0].in_flight, fleet.old[1].in_flight = 2, 1
    fleet.old[0].failures = {"CANCELED": 5}
    assert await fleet.triton.activity(activity_request(), fleet.pods) == Activity(1205, 3)


async def test_requests_in_flight_are_unknown_unless_every_pod_tells(fleet: Fleet) -> None:
    fleet.old[0].in_flight = 2
    assert await fleet.triton.activity(activity_request(), fleet.pods) == Activity(1200, None)


@pytest.mark.parametrize("text", ["nv_inference_request_success{} NaN\n", "nv_inference_request_success{} 1.5\n"])
async def test_requests_that_cannot_be_are_unknown(fleet: Fleet, text: str) -> None:
    fleet.old[0].text = text
    assert (await fleet.triton.activity(activity_request(), fleet.pods)).requests is None


async def test_activity_is_unknown_unless_every_pod_answers(fleet: Fleet) -> None:
    fleet.pods["old"].append(replace(GONE))
    assert await fleet.triton.activity(activity_request(), fleet.pods) == Activity(None, None)


async def test_pods_are_read_a_few_at_a_time(session: aiohttp.ClientSession) -> None:
    running, most = 0, 0

    async def respond(_request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.01)
        running -= 1
        return web.Response(text=FakePod(5, in_flight=1).page())

    async with serving(respond) as server:
        pods = {"old": [address(server, f"old-{number}") for number in range(3 * PODS_AT_A_TIME)]}
        found = await Triton(session).activity(activity_request(), pods)
    assert found == Activity(5 * 3 * PODS_AT_A_TIME, 3 * PODS_AT_A_TIME)
    assert most <= PODS_AT_A_TIME


class Series(dict[str, float | None]):
    """A pod's counters, which can be told when they are gone."""


async def test_of_the_activity_of_many_pods_the_sums_are_kept(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: weakref.WeakValueDictionary[str, Series] = weakref.WeakValueDictionary()
    most = 0

    async def read(_session: aiohttp.ClientSession, pod: PodAddress, _model: str) -> PodMetrics:
        nonlocal most
        kept[pod.uid] = series = Series({"a": 2.0, "b": 3.0})
        most = max(most, len(kept))
        return PodMetrics(series, {}, 1)

    monkeypatch.setattr(pod_metrics, "read", read)
    pods = {"old": [replace(GONE, uid=f"uid-{number}") for number in range(20 * PODS_AT_A_TIME)]}
    found = await Triton(session).activity(activity_request(), pods)
    assert found == Activity(5 * 20 * PODS_AT_A_TIME, 20 * PODS_AT_A_TIME)
    # Those that are read, and those that were read before.
    assert most <= 2 * PODS_AT_A_TIME + 1


async def test_a_revision_that_counts_in_too_many_series_is_named(session: aiohttp.ClientSession) -> None:
    page = "".join(f'nv_inference_request_success{{model="{number:0100}"}} 1\n' for number in range(1500))
    async with serving(FakePod(text=page).respond) as server:
        pods = {"new": [address(server, f"new-{number}") for number in range(20)]}
        with pytest.raises(ProviderError, match="the 20 pods of revision new count requests in too many series"):
            await Triton(session).sample(sample_request(has_control=False), pods, THEN)
