"""The informer: what it missed it learns from a new list, and no single object blinds it."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.child_objects import service

from nereid.controller.shell.cluster import informer as informer_module
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import ApiError, Gone, NotFound, Rejected, Unavailable
from nereid.controller.shell.cluster.informer import Informer
from nereid.controller.shell.cluster.resources import SERVICE, Resource

Step = BaseException | tuple[str, dict[str, Any]]


class FakeClient(Client):
    """Answers with the prepared lists and watches, one after another; then the watch stays silent."""

    def __init__(self, lists: list[tuple[list[dict[str, Any]], str]], watches: list[list[Step]]) -> None:
        self._lists = lists
        self._watches = watches
        self.watched_from: list[str] = []
        self.watch_begun = asyncio.Semaphore(0)

    async def list_pages(self, *_: object) -> AsyncIterator[tuple[Sequence[dict[str, Any]], str]]:
        yield self._lists.pop(0)

    async def watch(
        self, resource: Resource, namespace: str | None, label_selector: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        del resource, namespace, label_selector
        self.watched_from.append(resource_version)
        self.watch_begun.release()
        if not self._watches:
            await asyncio.Event().wait()
        for step in self._watches.pop(0):
            if isinstance(step, BaseException):
                raise step
            yield step


class Recorder:
    """Takes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def observe(self, kind: str, raw: Mapping[str, Any]) -> None:
        if raw.get("spoilt"):
            raise ValueError("cannot be read")
        self.seen.append(f"{kind} {raw['metadata']['name']}")

    def remove(self, kind: str, raw: Mapping[str, Any]) -> None:
        self.seen.append(f"no {kind} {raw['metadata']['name']}")

    def retain(self, kind: str, namespace: str | None, listed: set[str], resource_version: int) -> None:
        del kind, namespace
        self.seen.append(f"only {sorted(listed)} at {resource_version}")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer_module, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(informer_module, "_PAUSE_BETWEEN_WATCHES", 0.001)


async def follow(client: FakeClient, watches: int) -> Recorder:
    """Run an informer until it has begun so many watches."""
    recorder = Recorder()
    informer = Informer(client, SERVICE, recorder, namespace=None, label_selector="a=b")
    task = asyncio.create_task(informer.run())
    async with asyncio.timeout(2):
        for _ in range(watches):
            await client.watch_begun.acquire()
    assert informer.synced.is_set()
    assert informer.silent_seconds < 1
    task.cancel()
    return recorder


async def test_list_then_events() -> None:
    bookmark = {"metadata": {"resourceVersion": "30"}}
    events: list[Step] = [
        ("ADDED", service("b", 20)),
        ("DELETED", service("a", 25)),
        ("BOOKMARK", bookmark),
    ]
    client = FakeClient([([service("a", 5)], "10")], [events])
    recorder = await follow(client, watches=2)
    assert recorder.seen == ["Service a", "only ['a-uid'] at 10", "Service b", "no Service a"]
    assert client.watched_from == ["10", "30"]


async def test_a_version_that_is_gone_leads_to_a_new_list() -> None:
    client = FakeClient([([service("a", 5)], "10"), ([], "50")], [[Gone("too old")]])
    recorder = await follow(client, watches=2)
    assert recorder.seen == ["Service a", "only ['a-uid'] at 10", "only [] at 50"]
    assert client.watched_from == ["10", "50"]


async def test_a_broken_watch_goes_on_where_it_was() -> None:
    client = FakeClient([([], "10")], [[("ADDED", service("a", 20)), Unavailable("reset")]])
    await follow(client, watches=2)
    assert client.watched_from == ["10", "20"]


async def test_an_object_that_cannot_be_read_blinds_nobody() -> None:
    events: list[Step] = [("ADDED", {**service("bad", 20), "spoilt": True}), ("ADDED", service("good", 21))]
    client = FakeClient([([], "10")], [events])
    recorder = await follow(client, watches=2)
    assert recorder.seen[-1] == "Service good"


@pytest.mark.parametrize("error", [Unavailable("no answer"), Rejected("forbidden"), NotFound("no such kind")])
async def test_a_server_that_refuses_does_not_make_the_watch_look_hung(
    error: ApiError, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = FakeClient([([], "10")], [[error], [error], [error]])
    clock = 0.0
    rests: list[tuple[float, float]] = []

    async def an_hour(pause: float) -> None:
        nonlocal clock
        rests.append((pause, informer.silent_seconds))
        clock += 3600

    monkeypatch.setattr(informer_module, "time", SimpleNamespace(monotonic=lambda: clock))
    informer = Informer(client, SERVICE, Recorder(), namespace=None, label_selector="a=b")
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    monkeypatch.setattr(asyncio, "sleep", an_hour)
    task = asyncio.create_task(informer.run())
    async with asyncio.timeout(2):
        for _ in range(4):
            await client.watch_begun.acquire()
    task.cancel()
    assert rests == [(0.001, 0), (0.002, 0), (0.004, 0)]
