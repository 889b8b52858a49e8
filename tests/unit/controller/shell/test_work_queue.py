"""The work queue: one worker per key, repeats merged, failures retried later and later, wake-ups kept."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from nereid.controller.shell import work_queue
from nereid.controller.shell.cluster.errors import Unavailable
from nereid.controller.shell.work_queue import WorkQueue, work

Process = Callable[[str], Awaitable[float | None]]


@pytest.fixture
def queue() -> WorkQueue[str]:
    return WorkQueue()


@pytest.fixture
async def start(queue: WorkQueue[str]) -> AsyncIterator[Callable[[Process], None]]:
    """Start workers that are cancelled in the end."""
    tasks: list[asyncio.Task[None]] = []

    def starter(process: Process, workers: int = 2) -> None:
        tasks.extend(asyncio.create_task(work(queue, process)) for _ in range(workers))

    yield starter
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_keys_come_in_the_order_of_their_arrival(queue: WorkQueue[str]) -> None:
    for key in ("a", "b", "a", "c"):
        queue.add(key)
    assert [await queue.get() for _ in range(3)] == ["a", "b", "c"]


async def test_a_key_that_is_worked_on_is_not_given_out(queue: WorkQueue[str]) -> None:
    queue.add("a")
    await queue.get()
    queue.add("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.01)
    queue.done("a")
    assert await queue.get() == "a"


async def test_a_pass_cancels_the_wake_up_of_its_key(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 0.01)
    queue.add("a")
    await queue.get()
    queue.done("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.05)


async def test_the_latest_wake_up_counts(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 60)
    queue.add_after("a", 0.01)
    assert await asyncio.wait_for(queue.get(), 1) == "a"


async def test_what_process_returns_wakes_the_key(queue: WorkQueue[str], start: Callable[[Process], None]) -> None:
    passes: list[str] = []
    enough = asyncio.Event()

    async def process(key: str) -> float | None:
        passes.append(key)
        if len(passes) == 3:
            enough.set()
            return None
        return 0.0

    start(process)
    queue.add("a")
    await asyncio.wait_for(enough.wait(), 1)
    assert passes == ["a", "a", "a"]


async def test_failures_are_retried_and_stop_nobody_else(
    queue: WorkQueue[str], start: Callable[[Process], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "FIRST_PAUSE", 0.001)
    failures = {"faulty": [ValueError("a fault"), Unavailable("no answer", retry_after=0.01)]}
    succeeded: asyncio.Queue[str] = asyncio.Queue()

    async def process(key: str) -> float | None:
        if failures.get(key):
            raise failures[key].pop(0)
        succeeded.put_nowait(key)
        return None

    start(process)
    queue.add("faulty")
    queue.add("fine")
    assert await asyncio.wait_for(succeeded.get(), 1) == "fine"
    assert await asyncio.wait_for(succeeded.get(), 1) == "faulty"


async def test_retries_come_later_and_later_up_to_a_limit(
    queue: WorkQueue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(queue, "add_after", lambda _, seconds: pauses.append(seconds))
    for _ in range(12):
        queue.retry("a")
    ceilings = [min(work_queue.FIRST_PAUSE * 2**number, work_queue.LONGEST_PAUSE) for number in range(12)]
    assert all(ceiling / 2 <= pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True))
    queue.forget("a")
    queue.retry("a")
    assert pauses[-1] <= work_queue.FIRST_PAUSE


async def test_a_pass_that_asks_for_another_at_once_does_not_make_retries_come_sooner(
    queue: WorkQueue[str], start: Callable[[Process], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(random, "uniform", lambda _, highest: highest)
    pauses: list[float] = []
    add_after = queue.add_after

    def watched(key: str, seconds: float) -> None:
        pauses.append(seconds)
        add_after(key, seconds)

    monkeypatch.setattr(queue, "add_after", watched)
    fault = Unavailable("no answer")
    ends: list[float | Exception] = [fault, 0.0, fault, 0.0, fault, 0.02, fault, 0.03]

    enough = asyncio.Event()

    async def process(_: str) -> float | None:
        if not ends:
            enough.set()
            return None
        end = ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    start(process)
    queue.add("a")
    await asyncio.wait_for(enough.wait(), 5)
    assert pauses == [0.001, 0.0, 0.002, 0.0, 0.004, 0.02, 0.001, 0.03]


async def test_no_number_of_failures_is_too_large(queue: WorkQueue[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(queue, "add_after", lambda _, seconds: pauses.append(seconds))
    for _ in range(1100):
        queue.retry("a")
    assert work_queue.LONGEST_PAUSE / 2 <= pauses[-1] <= work_queue.LONGEST_PAUSE


async def test_a_hung_pass_shows(queue: WorkQueue[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert queue.longest_running_seconds == 0
    queue.add("a")
    await queue.get()
    begun = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun + 300)
    assert queue.longest_running_seconds >= 300
