"""converge: sends what differs, deletes what is unwanted, and lets one failure stop nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.child_objects import OWNER, service

from nereid.controller.shell.cluster.children import Children
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.converge import Applied, converge, converge_model_jobs
from nereid.controller.shell.cluster.errors import ApiError, Conflict, NotFound, Rejected, Unavailable


class FakeClient(Client):
    """An API server in memory; `failures` are raised for the names that they are keyed by."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.objects: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, ApiError] = {}
        self._version = 100

    async def apply(self, manifest: Mapping[str, Any], *, force: bool, field_manager: str = "") -> dict[str, Any]:
        del field_manager
        metadata = manifest["metadata"]
        name = metadata["name"]
        self.calls.append(("force" if force else "create", name))
        if name in self.failures:
            raise self.failures[name]
        if metadata.get("resourceVersion") and name in self.objects:
            raise Conflict("exists")
        self._version += 1
        identity = {"uid": f"{name}-uid", "resourceVersion": str(self._version)}
        self.objects[name] = {**manifest, "metadata": {**metadata, **identity}}
        return self.objects[name]

    async def get(self, resource: object, namespace: str, name: str) -> dict[str, Any]:  # noqa: ARG002
        if name not in self.objects:
            raise NotFound(name)
        return self.objects[name]

    async def delete(self, resource: object, namespace: str, name: str, uid: str) -> None:  # noqa: ARG002
        self.calls.append(("delete", name))


def manifest(name: str = "digits", **changes: Any) -> dict[str, Any]:
    made = service(name, **changes)
    for field in ("uid", "resourceVersion"):
        del made["metadata"][field]
    return made


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def children() -> Children:
    return Children(lambda _: None)


async def test_creates_once(client: FakeClient, children: Children) -> None:
    first = await converge(client, children, OWNER, [[manifest()]])
    second = await converge(client, children, OWNER, [[manifest()]])
    assert first == second == Applied()
    assert client.calls == [("create", "digits")]


async def test_waves_follow_one_another(client: FakeClient, children: Children) -> None:
    await converge(client, children, OWNER, [[manifest("a"), manifest("b")], [manifest("c")]])
    assert [name for _, name in client.calls] == ["a", "b", "c"]


async def test_a_changed_manifest_is_applied(client: FakeClient, children: Children) -> None:
    children.observe("Service", service())
    await converge(client, children, OWNER, [[manifest(annotations={"nereid.dev/desired-hash": "other"})]])
    assert client.calls == [("force", "digits")]


async def test_a_changed_object_is_repaired(client: FakeClient, children: Children) -> None:
    children.observe("Service", service(spec={"selector": {"app": "somebody-elses"}}))
    await converge(client, children, OWNER, [[manifest()]])
    assert client.calls == [("force", "digits")]


async def test_defaults_of_the_server_are_no_change(client: FakeClient, children: Children) -> None:
    children.observe("Service", service(spec={"selector": {"app": "digits"}, "type": "ClusterIP"}))
    await converge(client, children, OWNER, [[manifest()]])
    assert client.calls == []


async def test_an_object_of_somebody_else_is_left_alone(client: FakeClient, children: Children) -> None:
    client.objects["digits"] = service(ownerReferences=[])
    applied = await converge(client, children, OWNER, [[manifest()]])
    assert [(one.kind, one.name) for one in applied.conflicts] == [("Service", "digits")]
    assert client.calls == [("create", "digits")]


async def test_a_child_that_was_not_seen_is_taken_over_again(client: FakeClient, children: Children) -> None:
    client.objects["digits"] = service(labels={})
    applied = await converge(client, children, OWNER, [[manifest()]])
    assert applied == Applied()
    assert client.calls == [("create", "digits"), ("force", "digits")]


async def test_what_is_unwanted_is_deleted_once(client: FakeClient, children: Children) -> None:
    children.observe("Service", service("old"))
    await converge(client, children, OWNER, [[manifest()]])
    await converge(client, children, OWNER, [[manifest()]])
    assert client.calls == [("create", "digits"), ("delete", "old")]


async def test_pods_are_never_deleted(client: FakeClient, children: Children) -> None:
    pod = {**service("pod"), "kind": "Pod", "spec": {"containers": []}}
    children.observe("Pod", pod)
    await converge(client, children, OWNER, [[manifest()]])
    assert client.calls == [("create", "digits")]


async def test_a_failure_stops_neither_its_wave_nor_later_ones(client: FakeClient, children: Children) -> None:
    client.failures = {"a": Unavailable("no answer"), "b": Rejected("quota")}
    applied = await converge(client, children, OWNER, [[manifest("a"), manifest("b"), manifest("c")], [manifest("d")]])
    assert {name for _, name in client.calls} == {"a", "b", "c", "d"}
    assert [one.message for one in applied.rejections] == ["quota"]
    with pytest.raises(Unavailable):
        applied.raise_failures()


async def test_nothing_is_deleted_after_a_failure(client: FakeClient, children: Children) -> None:
    children.observe("Service", service("old"))
    client.failures = {"digits": Unavailable("no answer")}
    await converge(client, children, OWNER, [[manifest()]])
    assert ("delete", "old") not in client.calls


class TestModelJobs:
    """Nothing depends on the Jobs that speak to a model's source: they come and go by themselves."""

    @pytest.fixture
    def children(self, children: Children) -> Children:
        children.observe("Service", service("unwanted"))
        children.observe("Job", model_job("old"))
        return children

    async def test_alone_touch_no_other_child(self, client: FakeClient, children: Children) -> None:
        applied = await converge_model_jobs(client, children, OWNER, [model_job("new")])
        assert applied == Applied()
        assert client.calls == [("create", "new"), ("delete", "old")]

    async def test_that_are_there_stay(self, client: FakeClient, children: Children) -> None:
        await converge_model_jobs(client, children, OWNER, [model_job("old")])
        assert client.calls == []

    async def test_are_left_alone_with_all_other_children(self, client: FakeClient, children: Children) -> None:
        await converge(client, children, OWNER, [[manifest()]])
        assert client.calls == [("create", "digits"), ("delete", "unwanted")]

    async def test_that_are_refused_are_told_of(self, client: FakeClient, children: Children) -> None:
        client.failures["new"] = Rejected("exceeded quota")
        applied = await converge_model_jobs(client, children, OWNER, [model_job("new")])
        assert [one.message for one in applied.rejections] == ["exceeded quota"]


def model_job(name: str) -> dict[str, Any]:
    made = service(name, creationTimestamp="2026-11-20T12:00:00Z", spec={"backoffLimit": 0})
    made["metadata"]["labels"]["nereid.dev/model-job"] = name
    return {**made, "kind": "Job"}
