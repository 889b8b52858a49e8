"""What callers see is asked by one query for all ModelDeployments, and told when it changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.documents import Document, conditions
from tests.support.scenario import NOW

from nereid.controller.observed.model_deployment import Key
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.metrics.callers import Callers
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.prometheus import Prometheus

KEY: Key = ("models", "digits")
Rows = list[tuple[Mapping[str, str], float]]


class Answers(Prometheus):
    """A Prometheus that answers with these rows."""

    def __init__(self) -> None:
        self.answer: Rows | ProviderError = []
        self.queries: list[str] = []

    async def rows(self, query: str, at: float) -> Rows:  # noqa: ARG002
        self.queries.append(query)
        if isinstance(self.answer, ProviderError):
            raise self.answer
        return self.answer


class World:
    """An operator's looks, thirty seconds apart."""

    def __init__(self, ready: tuple[str, str] = ("Serving", "")) -> None:
        self.prometheus, self.model_deployments = Answers(), ModelDeployments()
        self.now: datetime = NOW
        self.changed: list[Key] = []
        self.put("digits", ready)
        self.callers = Callers(
            self.prometheus,
            self.model_deployments,
            self.changed.append,
            lambda: self.now,
            Settings(activator_service="nereid-activator.nereid-system"),
        )

    def put(
        self,
        name: str,
        ready: tuple[str, str] = ("Serving", ""),
        revision: str = "a",
        version: int = 1,
        forged: Document | None = None,
        spec: Document | None = None,
    ) -> None:
        reason, message = ready
        metadata = {"namespace": "models", "name": name, "uid": name, "generation": 1, "creationTimestamp": ""}
        status = {
            "stable": {"revision": revision},
            "conditions": conditions(("Ready", "False", reason, message)),
        }
        raw = {
            "metadata": {**metadata, "resourceVersion": str(version)},
            "spec": spec or {},
            "status": forged or status,
        }
        self.model_deployments.put(raw)

    async def look(self, *rows: tuple[Mapping[str, str], float], times: int = 1) -> str | None:
        """Look some times, and return the reason that is known in the end."""
        self.prometheus.answer = list(rows)
        for _ in range(times):
            await self.callers.look()
            self.now += timedelta(seconds=30)
        return self.reason

    @property
    def reason(self) -> str | None:
        subject = self.model_deployments.get(KEY)
        assert subject
        problem = self.callers.problem(subject)
        return problem.reason if problem else None


def row(code: str, service: str = "digits-a", count: float = 10, **labels: Any) -> tuple[dict[str, str], float]:
    return {
        "namespace": "models",
        "destination_service_namespace": "models",
        "destination_service_name": service,
        "response_code": code,
        "response_flags": "-",
        **labels,
    }, count


@pytest.mark.parametrize(
    "failed",
    [
        row("503"),
        row("403"),
        row("200", grpc_response_status="7"),
        row("200", grpc_response_status="13"),
        row("0"),
        row("404", response_flags="NR"),
        row("503", "digits"),
    ],
    ids=["error", "denied", "grpc-denied", "grpc-error", "no-answer", "no-route", "root-service"],
)
async def test_callers_that_are_not_answered(failed: tuple[dict[str, str], float]) -> None:
    world = World()
    assert await world.look(failed, times=4) is None
    assert await world.look(failed) == "RequestsFailing"
    assert world.changed == [KEY]
    assert await world.look(failed, row("200")) is None
    assert world.changed == [KEY, KEY]


@pytest.mark.parametrize(
    "rows",
    [
        [row("400")],
        [row("200"), row("503", count=1000)],
        [row("200", grpc_response_status="3")],
        [row("499", response_flags="DC")],
        [row("503", "digits-b")],
        [row("503", destination_service_namespace="others")],
    ],
    ids=["the-model-rejects", "some-are-answered", "grpc-rejects", "callers-leave", "another-revision", "elsewhere"],
)
async def test_callers_that_are_answered_or_of_somebody_else(rows: list[tuple[dict[str, str], float]]) -> None:
    world = World()
    assert await world.look(*rows, times=9) is None
    assert world.changed == []


def answered(code: str, caller: str, namespace: str = "models", **labels: Any) -> tuple[dict[str, str], float]:
    """Return what the pods of digits-a say of the requests of a caller's namespace."""
    told = {"namespace": namespace, "source_workload_namespace": caller, "destination_workload": "digits-a"}
    return {**told, "response_code": code, "response_flags": "-", **labels}, 10


@pytest.mark.parametrize("namespace", ["tenant-a", "unknown", ""])
async def test_failures_that_another_namespace_makes_up_are_none(namespace: str) -> None:
    world = World()
    forged = row("503", namespace=namespace, source_workload_namespace="models")
    assert await world.look(forged, answered("503", "shop", namespace="tenant-a"), times=9) is None
    assert world.changed == []


async def test_answers_that_another_namespace_makes_up_hide_no_failures() -> None:
    world = World()
    made_up = row("200", namespace="tenant-a", count=1000), answered("200", "shop", namespace="tenant-a")
    assert await world.look(row("503"), *made_up, times=5) == "RequestsFailing"


@pytest.mark.parametrize("namespace", ["istio-system", "istio-ingress", "nereid-system"])
async def test_gateways_and_the_activator_are_believed(namespace: str) -> None:
    world = World()
    assert await world.look(row("503", namespace=namespace), times=5) == "RequestsFailing"
    assert await world.look(row("503"), row("200", namespace=namespace)) is None


async def test_so_is_the_gateway_that_a_model_names() -> None:
    world = World()
    world.put("digits", version=2, spec={"traffic": {"gateways": ["edge/public", 7]}})
    assert await world.look(row("503", namespace="edge"), times=5) == "RequestsFailing"


async def test_requests_of_other_namespaces_count_as_the_pods_have_answered_them() -> None:
    world = World()
    assert await world.look(answered("503", "shop"), times=5) == "RequestsFailing"
    # What a gateway has asked, it reports itself, and what it got may be worse than what the pods said.
    assert await world.look(row("504"), answered("200", "istio-ingress")) == "RequestsFailing"
    assert await world.look(row("504"), answered("200", "shop")) is None


async def test_one_query_asks_for_all() -> None:
    world = World()
    world.put("iris")
    await world.look()
    (query,) = world.prometheus.queries
    assert 'destination_service_namespace=~"models"' in query
    assert "-checks" in query


async def test_a_restarted_operator_goes_on_from_status_and_looks() -> None:
    world = World(ready=("RequestsFailing", "All requests fail"))
    assert world.reason == "RequestsFailing"
    assert await world.look(row("503")) == "RequestsFailing"
    assert world.reason == "RequestsFailing"
    cured = World(ready=("RequestsFailing", "All requests fail"))
    assert await cured.look(row("200")) is None
    assert cured.changed == [KEY]


async def test_another_stable_revision_is_not_blamed() -> None:
    world = World()
    await world.look(row("503"), times=5)
    world.put("digits", revision="b", version=2)
    assert world.reason is None


async def test_a_provider_that_fails_changes_nothing_at_once() -> None:
    world = World()
    await world.look(row("503"), times=5)
    world.prometheus.answer = ProviderError("down")
    with pytest.raises(ProviderError):
        await world.callers.look()
    assert world.reason == "RequestsFailing"


@pytest.mark.parametrize(
    "forged", [{"stable": "a"}, {"stable": {"revision": 7}}, {"conditions": ["x", {"type": "Ready"}]}]
)
async def test_a_status_that_cannot_be_read_keeps_no_other_from_being_looked_at(forged: Document) -> None:
    world = World()
    world.put("another", forged=forged)
    (another,) = [one for one in world.model_deployments.all() if one.name == "another"]
    assert world.callers.problem(another) is None
    assert await world.look(row("503"), times=5) == "RequestsFailing"
