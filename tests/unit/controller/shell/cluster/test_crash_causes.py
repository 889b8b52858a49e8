"""Crash logs: read together, each for a short time, and never asked for in vain again and again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.child_objects import OWNER, service
from tests.support.pods import container, crash_looping, pod

from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster import crash_causes
from nereid.controller.shell.cluster.children import Child, Children, child_of
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.crash_causes import PODS_IN_A_PASS, CrashCauses
from nereid.controller.shell.cluster.errors import Unavailable
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.gather import Gatherer, Stores
from nereid.controller.shell.metrics.sampler import Sampler
from nereid.controller.shell.turns import Places

LOG = "E1120 12:00:00.000000 1 model_lifecycle.cc:654] \"failed to load 'digits' version 1: Internal: no such file\"\n"


class FakeClient(Client):
    """Gives each log once as many as `together` are asked for at the same time; fails while `failure` is set."""

    def __init__(self, together: int = 1, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked: list[str] = []
        self._together = together
        self._complete = asyncio.Event()

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        del namespace, container, previous
        self.asked.append(pod)
        if self.failure:
            raise self.failure
        if len(self.asked) >= self._together:
            self._complete.set()
        await self._complete.wait()
        return LOG


def crashed(name: str) -> dict[str, Any]:
    labels = {"nereid.dev/model-deployment": "digits", "nereid.dev/revision": "x7k2m9qd"}
    raw = pod(container("triton", **crash_looping(1)))
    return {**raw, "metadata": service(name, labels=labels)["metadata"]}


def child(name: str) -> Child:
    return child_of("Pod", crashed(name))


def reason(causes: CrashCauses, of: Child) -> str:
    return causes.facts(of).problem.reason


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the subject sees, to be set by the test; the event loop keeps its own."""
    now = [1000.0]
    monkeypatch.setattr(crash_causes, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


async def test_the_logs_of_a_model_deployment_are_read_at_the_same_time() -> None:
    client = FakeClient(together=3)
    children = Children(on_change=lambda _: None)
    for name in ("a", "b", "c"):
        children.observe("Pod", crashed(name))
    # Nothing is measured here, so that nothing has to measure.
    sampler = Sampler(Settings(), on_ready=lambda _: None, clock=lambda: datetime.now(UTC))
    gatherer = Gatherer(client, Stores(ModelDeployments(), children, None), sampler)
    observed = await asyncio.wait_for(gatherer.observe(OWNER), 1)
    assert [one.problem.reason for one in observed.of("x7k2m9qd").pods] == ["ModelLoadFailed"] * 3


async def test_a_pass_reads_the_logs_of_a_few_pods() -> None:
    client = FakeClient()
    children = [child(f"p{number}") for number in range(3 * PODS_IN_A_PASS)]
    causes = CrashCauses(client)
    for passes in (1, 2, 3, 3):
        await causes.read(children)
        assert len(client.asked) == min(passes, 3) * PODS_IN_A_PASS


async def test_a_log_is_read_once() -> None:
    client = FakeClient()
    causes = CrashCauses(client)
    for _ in range(2):
        await causes.read([child("a")])
    assert (client.asked, reason(causes, child("a"))) == (["a"], "ModelLoadFailed")


async def test_a_log_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_causes, "READ_SECONDS", 0.01)
    client = FakeClient(together=100)
    causes = CrashCauses(client)
    for _ in range(2):
        await asyncio.wait_for(causes.read([child("a")]), 1)
    assert (client.asked, reason(causes, child("a"))) == (["a"], "ContainerCrashed")


async def test_a_log_that_cannot_be_read_is_not_asked_for_again_at_once(clock: list[float]) -> None:
    client = FakeClient(failure=Unavailable("no answer"))
    causes = CrashCauses(client)
    await causes.read([child("a")])
    clock[0] += 59
    await causes.read([child("a")])
    assert (client.asked, causes.facts(child("a"))) == (["a"], child("a").facts)
    client.failure = None
    clock[0] += 1
    await causes.read([child("a")])
    assert (client.asked, reason(causes, child("a"))) == (["a", "a"], "ModelLoadFailed")


@pytest.mark.parametrize("failure", [None, Unavailable("no answer")])
async def test_what_is_remembered_is_bounded(failure: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_causes, "_REMEMBERED", 2)
    client = FakeClient(failure=failure)
    causes = CrashCauses(client)
    for name in ("a", "b", "c", "c", "a"):
        await causes.read([child(name)])
    assert client.asked == ["a", "b", "c", "a"]


class SilentNamespace(FakeClient):
    """Answers for all namespaces but one, whose kubelets are lost."""

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        if namespace == "silent":
            await asyncio.Event().wait()
        return await super().log_tail(namespace, pod, container, previous=previous)


async def test_kubelets_that_do_not_answer_keep_nobody_elses_log_from_being_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crash_causes, "READ_SECONDS", 0.2)
    causes = CrashCauses(SilentNamespace())
    async with asyncio.TaskGroup() as passes:
        for number in range(8):
            silent = [replace(child(f"s{number}-{pod}"), namespace="silent") for pod in range(PODS_IN_A_PASS)]
            passes.create_task(causes.read(silent))
        await asyncio.sleep(0)
        passes.create_task(causes.read([child("victim")]))
    assert reason(causes, child("victim")) == "ModelLoadFailed"


async def test_a_log_that_had_to_wait_is_asked_for_by_the_next_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_causes, "READ_SECONDS", 0.01)
    monkeypatch.setattr(crash_causes, "_MOST_OF_A_NAMESPACE", 0)
    client = FakeClient()
    causes = CrashCauses(client)
    await causes.read([child("a")])
    assert client.asked == []
    monkeypatch.undo()
    causes._places = Places(1, 1)
    await causes.read([child("a")])
    assert (client.asked, reason(causes, child("a"))) == (["a"], "ModelLoadFailed")
