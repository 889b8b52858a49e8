import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from tests.support.activator.until import until
from tests.support.metrics.requests import SINCE, activity_request, analysis, query, sample_request
from tests.support.metrics.servers import FakePod, FakePrometheus, Respond, address, series, serving, success

from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import ERRORS, Activity, Comparison, Sample, SampleFailure
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics import istio, triton
from nereid.controller.shell.metrics import sampler as module
from nereid.controller.shell.metrics.sampler import (
    LONGEST_WINDOW_SECONDS,
    MAX_FETCHES,
    MAX_FETCHES_OF_ONE,
    MAX_WITH_QUERIES_OF_ONE,
    OLDEST_SECONDS,
    SETTLE_SECONDS,
    Sampler,
)

KEY = ("shop", "digits")
NO_PODS: dict[str, list[PodAddress]] = {}


class Bench:
    """A sampler with a clock that a test sets; waits for what it says is ready."""

    def __init__(self, url: str = "") -> None:
        self.now = SINCE + timedelta(seconds=60)
        self.ready: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.sampler = Sampler(Settings(prometheus_url=url), self.ready.put_nowait, lambda: self.now)

    async def sample(self, request: SampleRequest | None = None, pods: Any = NO_PODS) -> Sample | SampleFailure:
        return await self._awaited(lambda: self.sampler.sample(request or sample_request(), pods))

    async def _awaited(self, ask: Callable[[], Any]) -> Any:
        assert ask() is None
        assert await asyncio.wait_for(self.ready.get(), 5) == KEY
        return ask()


@asynccontextmanager
async def bench(respond: Respond | None = None) -> AsyncIterator[Bench]:
    async with serving(respond or FakePrometheus({}).respond) as server:
        made = Bench(str(server.make_url("/")))
        yield made
        await made.sampler.close()


def grown(revision: str, value: float) -> dict[str, Any]:
    base = SINCE.timestamp()
    name = f"digits-{revision}"
    return series(
        [(base - 5, 10), (base + 50, value)], pod="gateway", response_code="200", destination_service_name=name
    )


async def test_a_sample() -> None:
    fake = FakePrometheus(
        {
            "istio_requests_total": success("matrix", [grown("new", 30), grown("old", 110)]),
            "user": success("scalar", [0, "4"]),
        }
    )
    async with bench(fake.respond) as one:
        found = await one.sample(sample_request(analysis=analysis(queries=(query("user"),))))
    assert isinstance(found, Sample)
    assert found.until == SINCE + timedelta(seconds=60 - SETTLE_SECONDS)
    assert found.metrics[ERRORS] == Comparison(Counts(20), Counts(100))
    assert found.queries["errors"].candidate == 4
    assert found.triton is None
    assert {asked["time"] for asked in fake.asked} == {f"{found.until.timestamp():.3f}"}


async def test_the_end_of_a_window_is_a_whole_second_of_utc() -> None:
    async with bench() as one:
        one.now = one.now.replace(microsecond=999_999)
        found = await one.sample()
    assert isinstance(found, Sample)
    assert found.until == SINCE + timedelta(seconds=60 - SETTLE_SECONDS)
    assert found.until.tzinfo is UTC


async def test_the_same_request_is_fetched_once_and_its_answer_kept() -> None:
    fake = FakePrometheus({})
    async with bench(fake.respond) as one:
        assert one.sampler.sample(sample_request(), NO_PODS) is None
        assert one.sampler.sample(sample_request(), NO_PODS) is None
        await one.ready.get()
        first = one.sampler.sample(sample_request(), NO_PODS)
        one.now += timedelta(hours=1)
        assert one.sampler.sample(sample_request(), NO_PODS) is first
    # What callers and pods say, who else reports requests, as there are none, and Triton's own counters.
    assert len(fake.asked) == 4


async def test_another_attempt_is_another_request() -> None:
    async with bench() as one:
        await one.sample()
        assert isinstance(await one.sample(sample_request(attempt=1)), Sample)


async def test_a_request_that_is_overtaken_is_given_up() -> None:
    arrived, let_go = asyncio.Event(), asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        if not arrived.is_set():
            arrived.set()
            await let_go.wait()
        return await FakePrometheus({}).respond(request)

    async with bench(respond) as one:
        one.sampler.sample(sample_request(), NO_PODS)
        await arrived.wait()
        found = await one.sample(sample_request(attempt=1))
        assert isinstance(found, Sample)
        let_go.set()
        await until(lambda: not requests_under_way())
        assert one.ready.empty()


async def test_a_window_is_counted_when_it_is_over_and_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    async with bench() as one:

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            one.now += timedelta(seconds=seconds)

        one.now = SINCE + timedelta(seconds=10)
        monkeypatch.setattr(asyncio, "sleep", sleep)
        found = await one.sample()
    assert isinstance(found, Sample)
    assert found.until == SINCE + timedelta(seconds=30)
    assert round(slept[0]) == 30 + SETTLE_SECONDS - 10


async def test_since_in_the_future_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(_seconds: float) -> None:
        pass

    monkeypatch.setattr(asyncio, "sleep", sleep)
    async with bench() as one:
        found = await one.sample(sample_request(since=one.now + timedelta(hours=1)))
    assert isinstance(found, SampleFailure)
    assert "check the clocks" in found.message


@pytest.mark.parametrize(("interval", "span"), [(30, 300), (600, 600)])
async def test_what_was_missed_is_caught_up_look_by_look(interval: int, span: int) -> None:
    fake = FakePrometheus({})
    asked = sample_request(analysis=analysis(interval=interval))
    async with bench(fake.respond) as one:
        one.now = SINCE + timedelta(seconds=span + 310)
        first = await one.sample(asked)
        assert isinstance(first, Sample)
        assert first.until == SINCE + timedelta(seconds=span)
        assert {asked["time"] for asked in fake.asked} == {f"{first.until.timestamp():.3f}"}
        one.now += timedelta(seconds=interval)
        second = await one.sample(replace(asked, since=first.until))
    assert isinstance(second, Sample)
    assert second.until == min(one.now - timedelta(seconds=SETTLE_SECONDS), first.until + timedelta(seconds=span))


async def test_after_a_long_absence_the_oldest_is_left_out() -> None:
    fake = FakePrometheus({})
    async with bench(fake.respond) as one:
        one.now = SINCE + timedelta(days=3)
        found = await one.sample()
    assert isinstance(found, Sample)
    assert found.until == one.now - timedelta(seconds=SETTLE_SECONDS + OLDEST_SECONDS - LONGEST_WINDOW_SECONDS)
    assert "[600s]" in fake.asked[0]["query"]


class Mesh:
    """A Prometheus to which samples come late: a request a second, scraped each 15 seconds."""

    def __init__(self, late: float) -> None:
        self.late = late
        self.now = 0.0

    async def respond(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if "istio_requests_total" not in str(form["query"]):
            return web.json_response(success("matrix", []))
        at, seconds = float(str(form["time"])), int(str(form["query"]).rpartition("[")[2].removesuffix("s]"))
        begin, beginning = int(at) - seconds + 1, int(SINCE.timestamp()) - 3600
        times = [t for t in range(begin, int(at) + 1) if t % 15 == 3 and t + self.late <= self.now]
        found = [
            series(
                [(t, t - beginning) for t in times], pod="gateway", response_code="200", destination_service_name=name
            )
            for name in ("digits-new", "digits-old")
        ]
        return web.json_response(success("matrix", found if times else []))


@pytest.mark.parametrize("late", [0, 4, 12, 45, 170])
async def test_each_request_is_counted_once_however_late_its_sample_comes(late: float) -> None:
    mesh = Mesh(late)
    total, asked = Counts(), sample_request()
    async with bench(mesh.respond) as one:
        for _ in range(20):
            one.now = max(one.now, asked.since + timedelta(seconds=30 + SETTLE_SECONDS))
            mesh.now = one.now.timestamp()
            found = await one.sample(asked)
            assert isinstance(found, Sample)
            total, asked = total + found.metrics[ERRORS].candidate, replace(asked, since=found.until)
    begin, end = int(SINCE.timestamp()), int(mesh.now)
    newest = max(t for t in range(begin, end) if t % 15 == 3 and t + max(late, SETTLE_SECONDS) <= end)
    before = max(t for t in range(begin - 15, begin + 1) if t % 15 == 3)
    assert total == Counts(newest - before)


async def test_a_sample_that_is_asked_for_again_counts_the_same() -> None:
    mesh = Mesh(20)
    asked = sample_request()
    async with bench(mesh.respond) as one:
        mesh.now = one.now.timestamp()
        first = await one.sample(asked)
        assert isinstance(first, Sample)
        then = replace(asked, since=first.until)
        one.now += timedelta(seconds=30)
        mesh.now = one.now.timestamp()
        once = await one.sample(then)
        again = await one.sample(replace(then, analysis=analysis(alpha=0.05)))
    assert again == once


async def test_without_any_traffic_samples_go_on_and_count_nothing() -> None:
    asked = sample_request()
    async with bench() as one:
        for _ in range(5):
            found = await one.sample(asked)
            assert isinstance(found, Sample)
            assert found.metrics[ERRORS] == Comparison(Counts(), Counts())
            assert found.until == one.now - timedelta(seconds=SETTLE_SECONDS)
            asked, one.now = replace(asked, since=found.until), one.now + timedelta(seconds=30)


@pytest.mark.parametrize("provider", ["Prometheus", "Triton"])
async def test_a_clock_that_is_set_back_while_requests_are_counted(
    monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    async def backwards(*_: Any) -> None:
        one.now = SINCE - timedelta(seconds=10)

    monkeypatch.setattr(Sampler, "_reach", backwards)
    async with bench() as one:
        found = await asyncio.wait_for(one.sample(sample_request(analysis=analysis(provider=provider))), 5)
    assert isinstance(found, SampleFailure)
    assert "the clock was set back" in found.message


async def test_a_failure_is_told_in_a_sentence_of_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fault(*_: Any) -> None:
        raise ZeroDivisionError("z" * 2_000_000)

    monkeypatch.setattr(istio, "traffic", fault)
    async with bench() as one:
        found = await one.sample()
    assert isinstance(found, SampleFailure)
    assert len(found.message) <= 600


async def test_pods_whose_metrics_cannot_be_read_are_told_in_a_sentence() -> None:
    pod = FakePod(text=f'nv_inference_request_success{{model="{"x" * 1_000_000}"}} zz{"y" * 1_000_000}\n')
    async with serving(pod.respond) as server, bench() as one:
        pods = {"new": [address(server, "new-0")], "old": []}
        found = await one.sample(sample_request(analysis=analysis(provider="Triton")), pods)
    assert isinstance(found, SampleFailure)
    assert len(found.message) <= 600


async def test_a_failure_of_the_provider_is_told() -> None:
    async def respond(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="oops")

    async with bench(respond) as one:
        found = await one.sample()
    assert isinstance(found, SampleFailure)
    assert found.at == one.now
    assert "HTTP 500: oops" in found.message


async def test_a_second_view_that_fails_does_not_fail_the_sample() -> None:
    error = {"status": "error", "error": "too many samples"}
    async with bench(FakePrometheus({"nv_inference": error}).respond) as one:
        found = await one.sample()
    assert isinstance(found, Sample)
    assert found.triton is None


async def test_no_prometheus_is_told_with_what_to_change() -> None:
    one = Bench()
    found = await one.sample()
    await one.sampler.close()
    assert isinstance(found, SampleFailure)
    assert "set prometheus.url" in found.message


async def test_a_fault_of_our_own_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fault(*_: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(istio, "traffic", fault)
    async with bench() as one:
        found = await one.sample()
    assert isinstance(found, SampleFailure)
    assert "by zero" in found.message
    assert "shop/digits" in caplog.text


async def test_a_fetch_that_takes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(istio, "traffic", stuck)
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.05)
    async with bench() as one:
        found = await one.sample()
    assert isinstance(found, SampleFailure)
    assert "no sample within 0.05 s" in found.message


async def test_the_wait_for_others_counts_as_time_of_a_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that waits behind others is neither an answer nor a failure, and so must not last."""

    async def stuck(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(istio, "traffic", stuck)
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.5)
    requests = [sample_request(name=f"digits-{number}") for number in range(20 * MAX_FETCHES)]
    async with bench() as one:
        for request in requests:
            one.sampler.sample(request, NO_PODS)
        # One after another, they would take ten seconds.
        async with asyncio.timeout(5):
            for _ in requests:
                await one.ready.get()
        found = [one.sampler.sample(request, NO_PODS) for request in requests]
    assert all(isinstance(answer, SampleFailure) for answer in found)


async def test_only_so_many_fetches_at_a_time() -> None:
    most = running = 0
    full = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        nonlocal most, running
        running += 1
        most = max(most, running)
        if running == MAX_FETCHES:
            full.set()
        await full.wait()
        await asyncio.sleep(0.01)  # for one too many to arrive
        running -= 1
        return await FakePrometheus({}).respond(request)

    async with bench(respond) as one:
        for number in range(3 * MAX_FETCHES):
            namespace = ("shop", "bank")[number % 2]
            one.sampler.sample(sample_request(namespace=namespace, name=f"digits-{number}"), NO_PODS)
        for _ in range(3 * MAX_FETCHES):
            await asyncio.wait_for(one.ready.get(), 5)
    assert most == MAX_FETCHES


@pytest.mark.parametrize("queries", [(), (query("slow"),)])
async def test_fetches_of_one_namespace_that_never_end_hold_up_no_other(queries: tuple[Any, ...]) -> None:
    """One with queries holds up no other with queries, either."""
    asked: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        text = str((await request.post())["query"])
        asked.append(text)
        if 'namespace="crowd"' in text:
            await asyncio.sleep(3600)
        return await FakePrometheus({"slow": success("scalar", [0, "4"])}).respond(request)

    judged = analysis(queries=queries)
    async with bench(respond) as one:
        for number in range(3 * MAX_FETCHES):
            request = sample_request(namespace="crowd", name=f"digits-{number}", analysis=judged)
            one.sampler.sample(request, NO_PODS)
        most = MAX_WITH_QUERIES_OF_ONE if queries else MAX_FETCHES_OF_ONE
        await until(lambda: len(asked) == most)
        assert isinstance(await one.sample(sample_request(analysis=judged)), Sample)
        assert sum('namespace="crowd"' in text for text in asked) == most


async def test_queries_that_may_not_be_run_are_not_asked() -> None:
    fake = FakePrometheus({})
    async with bench(fake.respond) as one:
        found = await one.sample(sample_request(analysis=analysis(queries=(query("user"),), may_query=False)))
    assert isinstance(found, Sample)
    assert found.queries == {}
    assert not any(asked["query"] == "user" for asked in fake.asked)


async def test_triton_is_read_at_once_and_then_by_the_interval() -> None:
    pod = FakePod(100)
    asked = sample_request(analysis=analysis(provider="Triton"))
    async with serving(pod.respond) as server, bench() as one:
        pods = {"new": [address(server, "new-0")], "old": []}
        one.now = SINCE + timedelta(seconds=2)
        first = await one.sample(asked, pods)
        assert isinstance(first, Sample)
        assert first.until == one.now
        pod.success, one.now = 110, one.now + timedelta(seconds=31)
        second = await one.sample(replace(asked, since=first.until), pods)
    assert isinstance(second, Sample)
    assert second.metrics[ERRORS].candidate == Counts(10)


async def test_the_pods_that_were_seen_last_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = PodAddress("gone", "uid-gone", "127.0.0.1", 1, "/metrics")
    slept = asyncio.Event()
    real_sleep = asyncio.sleep

    async def sleep(_seconds: float) -> None:
        one.now += timedelta(seconds=5)
        await slept.wait()

    async with serving(FakePod(1).respond) as server, bench() as one:
        monkeypatch.setattr(asyncio, "sleep", sleep)
        asked = sample_request(analysis=analysis(provider="Triton"))
        assert one.sampler.sample(asked, {"new": [gone]}) is None
        await real_sleep(0)
        assert one.sampler.sample(asked, {"new": [address(server, "new-0")]}) is None
        slept.set()
        await asyncio.wait_for(one.ready.get(), 5)
        assert isinstance(one.sampler.sample(asked, {}), Sample)


async def test_activities_of_several_revisions_go_on_side_by_side() -> None:
    async with serving(FakePod(5, in_flight=1).respond) as server, bench() as one:
        pods = {"old": [address(server, "old-0")], "older": [address(server, "older-0")]}
        requests = [activity_request(), activity_request(revision="older")]
        assert [one.sampler.activity(request, pods) for request in requests] == [None, None]
        for _ in requests:
            await asyncio.wait_for(one.ready.get(), 5)
        assert [one.sampler.activity(request, pods) for request in requests] == [Activity(5, 1)] * 2
        assert one.sampler.activity(activity_request(last_look=one.now), pods) is None
        assert one.sampler.activity(requests[1], pods) == Activity(5, 1)


async def test_activities_of_revisions_that_are_gone_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_ACTIVITIES", 2)
    async with bench() as one:
        for number in range(5):
            one.sampler.activity(activity_request(revision=f"r{number}"), NO_PODS)
            await asyncio.wait_for(one.ready.get(), 5)
        assert [*one.sampler._activities[KEY]] == ["r3", "r4"]


async def test_a_fault_while_looking_at_activity_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fault(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(triton.Triton, "activity", fault)
    async with bench() as one:
        one.sampler.activity(activity_request(), NO_PODS)
        await asyncio.wait_for(one.ready.get(), 5)
        assert one.sampler.activity(activity_request(), NO_PODS) == Activity(None, None)


@pytest.mark.parametrize("provider", ["Prometheus", "Triton"])
async def test_what_is_forgotten_is_fetched_anew(provider: str) -> None:
    async with bench() as one:
        await one.sample(sample_request(analysis=analysis(provider=provider)))
        one.sampler.activity(activity_request(), NO_PODS)
        one.sampler.forget(*KEY)
        assert remembered(one.sampler) == set()
        assert isinstance(await one.sample(), Sample)


@pytest.mark.parametrize("provider", ["Prometheus", "Triton"])
async def test_nothing_stays_of_what_is_forgotten_while_it_is_fetched(provider: str) -> None:
    arrived, let_go = asyncio.Event(), asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await let_go.wait()
        return await (FakePod(3) if provider == "Triton" else FakePrometheus({})).respond(request)

    async with serving(respond) as server, bench(respond) as one:
        asked = sample_request(analysis=analysis(provider=provider))
        one.sampler.sample(asked, {"new": [address(server, "new-0")]})
        one.sampler.activity(activity_request(), {"old": [address(server, "old-0")]})
        await arrived.wait()
        let_go.set()
        one.sampler.forget(*KEY)
        await until(lambda: not requests_under_way())
        assert remembered(one.sampler) == set()
        assert one.ready.empty()


def requests_under_way() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "Request of" in task.get_name()]


def remembered(sampler: Sampler) -> set[tuple[str, str]]:
    counters = sampler._triton._last_samples._samples
    memories = (sampler._samples, sampler._activities, sampler._histories._by_key, counters)
    return {key for memory in memories for key in memory}


async def test_closing_ends_what_is_under_way() -> None:
    arrived = asyncio.Event()

    async def respond(_request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(5)
        return web.Response()

    async with bench(respond) as one:
        one.sampler.sample(sample_request(), NO_PODS)
        one.sampler.activity(activity_request(), NO_PODS)
        await arrived.wait()
        began = datetime.now(UTC)
        await one.sampler.close()
        assert datetime.now(UTC) - began < timedelta(seconds=4)
    assert requests_under_way() == []
