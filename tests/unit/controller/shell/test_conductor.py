"""The order of a pass: what is written before it is done, what is looked up, and what a crash leaves to the next."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.memory_cluster import KEY, KIND, Call, MemoryCluster
from tests.support.scenario import plan_of

from nereid.controller.decide.measurement_requests import ActivityRequest
from nereid.controller.observed.sample import Activity
from nereid.controller.observed.situation import Measurements
from nereid.controller.shell.cluster.errors import Conflict, NotFound, Rejected, Unavailable
from nereid.controller.shell.conductor import UNROUTED_SECONDS
from nereid.controller.shell.outcome import FIRST_RETRY_SECONDS, LATER_RETRY_SECONDS

ONE, TWO = ({"uri": f"pvc://models/digits/{number}/model.onnx"} for number in (1, 2))
SPEC: dict[str, Any] = {"model": ONE, "rollout": {"strategy": "Direct"}}
ALIAS = {"uri": "models:/digits@champion"}
REVISION = plan_of(SPEC).revision
CHILD = f"digits-{REVISION}"
STATUS = Call("status", KIND, "digits")
EXISTENCE = Call("get", KIND, "digits")


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(SPEC)


@pytest.fixture
async def serving(cluster: MemoryCluster) -> MemoryCluster:
    """A model that serves, and nothing to do."""
    await cluster.serve()
    return cluster


class TestOrder:
    async def test_a_transition_is_written_before_anything_is_applied(self, cluster: MemoryCluster) -> None:
        await cluster.run()
        assert cluster.server.calls[0] == STATUS
        assert cluster.status["candidate"]["weight"] == 100

    async def test_records_are_applied_before_pods_and_pods_before_routes(self, cluster: MemoryCluster) -> None:
        await cluster.run()
        kinds = [call.kind for call in cluster.server.calls if call.verb == "apply"]
        order = [kinds.index(kind) for kind in ("ControllerRevision", "Deployment", "VirtualService")]
        assert order == sorted(order)

    async def test_a_pass_that_has_news_is_followed_by_another_at_once(self, cluster: MemoryCluster) -> None:
        assert await cluster.run() == 0.0

    async def test_pods_that_are_ready_make_it_stable(self, cluster: MemoryCluster) -> None:
        await cluster.serve()
        assert cluster.status["phase"] == "Ready"
        assert cluster.status["stable"]["readyReplicas"] == 1

    async def test_nothing_to_do_is_nothing_asked(self, serving: MemoryCluster) -> None:
        await serving.run()
        assert serving.server.calls == []
        assert serving.events == []

    async def test_nor_after_a_restart(self, serving: MemoryCluster) -> None:
        serving.start()
        await serving.run()
        assert serving.server.calls == []

    async def test_routes_that_a_webhook_changes_are_told_and_looked_at_again(
        self, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        apply = cluster.server.apply

        async def mutated(manifest: Mapping[str, Any], **options: Any) -> dict[str, Any]:
            made = await apply(manifest, **options)
            for route in made["spec"]["http"] if made["kind"] == "VirtualService" else ():
                route["route"].append({"destination": {"host": "elsewhere"}, "weight": 50})
            return cluster.server.put(made["kind"], made)

        monkeypatch.setattr(cluster.server, "apply", mutated)
        assert await cluster.settle() == UNROUTED_SECONDS
        assert cluster.condition("RouteNotEffective")["reason"] == "RoutesChanged"
        assert cluster.events.count("RouteNotEffective") == 1
        monkeypatch.undo()
        assert await cluster.settle() != UNROUTED_SECONDS
        assert "RouteNotEffective" not in {one["type"] for one in cluster.status["conditions"]}

    async def test_somebody_elses_write_in_between_ends_the_pass(self, serving: MemoryCluster) -> None:
        serving.edit(model=TWO)
        await serving.run()  # Whether it still exists is looked up: the new revision has no Service yet.
        serving.server.put(KIND, serving.server.objects[KIND, "digits"])
        serving.server.calls.clear()
        with pytest.raises(Conflict):
            await serving.run()
        assert serving.server.calls == [STATUS]

    async def test_measurements_are_ordered_and_come_with_a_later_pass(self, serving: MemoryCluster) -> None:
        serving.run_pod(REVISION)
        serving.edit(model=TWO)
        await serving.settle()
        serving.start_pods()
        await serving.settle()
        serving.wait(10)
        await serving.settle()
        assert [one["revision"] for one in serving.status["rollout"]["retiring"]] == [REVISION]
        for looks, seconds in enumerate((10, 30), 1):
            serving.sampler.asked.clear()
            serving.wait(seconds)
            await serving.settle()
            [asked] = set(serving.sampler.asked)
            assert isinstance(asked, ActivityRequest)
            assert asked.revision == REVISION
            assert len(serving.status["rollout"]["retiring"]) == 1, f"after {looks} looks"
            serving.sampler.given = Measurements({}, {asked: Activity(7, 0)})
            await serving.settle()
        assert serving.status["rollout"]["retiring"] == []


class TestCrashes:
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    async def test_the_next_start_continues_wherever_the_last_one_ended(self, after: bool) -> None:  # noqa: FBT001
        whole = await rolled_out(MemoryCluster(SPEC))
        for crash in range(len(whole.server.calls)):
            broken = MemoryCluster(SPEC)
            broken.server.crash_at, broken.server.crash_after = crash, after
            ended = await rolled_out(broken)
            assert contents(ended) == contents(whole), f"after a crash at call {crash}: {whole.server.calls[crash]}"

    async def test_a_failure_that_another_attempt_may_cure_is_reported_and_raised(self, cluster: MemoryCluster) -> None:
        cluster.server.failures["Deployment", CHILD] = Unavailable("no answer")
        with pytest.raises(Unavailable):
            await cluster.run()
        assert cluster.condition("Ready")["reason"] == "ApplyFailed"
        cluster.server.failures.clear()
        await cluster.serve()
        assert cluster.condition("Ready")["status"] == "True"


class TestWhatIsRefused:
    async def test_it_is_reported_with_its_cause_and_told_once(self, cluster: MemoryCluster) -> None:
        cluster.server.failures["Deployment", CHILD] = Rejected("exceeded quota: pods")
        waits = [await cluster.run() for _ in range(3)]
        ready = cluster.condition("Ready")
        assert (ready["status"], ready["reason"]) == ("False", "ChildRejected")
        assert "exceeded quota: pods" in ready["message"]
        assert cluster.events.count("ChildRejected") == 1
        assert waits == [0.0, LATER_RETRY_SECONDS, LATER_RETRY_SECONDS]

    async def test_it_stands_while_other_news_are_reported(
        self, serving: MemoryCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serving.server.failures["Service", "digits"] = Rejected("a policy")
        serving.server.objects["Service", "digits"]["spec"]["selector"] = {"app": "other"}
        serving.children.observe("Service", serving.server.put("Service", serving.server.objects["Service", "digits"]))
        assert await serving.run() == FIRST_RETRY_SECONDS
        reasons = []
        write = serving.server.apply_status

        async def watched(*args: Any) -> Any:
            raw = await write(*args)
            reasons.append(serving.condition("Ready")["reason"])
            return raw

        monkeypatch.setattr(serving.server, "apply_status", watched)
        serving.edit(model=TWO)
        await serving.settle()
        assert set(reasons) == {"ChildRejected"}
        assert serving.events.count("ChildRejected") == 1

    async def test_it_is_not_told_again_where_only_its_words_have_changed(self, cluster: MemoryCluster) -> None:
        for words in ("exceeded quota: pods", "exceeded quota: pods, used 3"):
            cluster.server.failures["Deployment", CHILD] = Rejected(words)
            await cluster.settle()
            assert words in cluster.condition("Ready")["message"]
        assert cluster.events.count("ChildRejected") == 1

    async def test_nor_after_a_restart(self, cluster: MemoryCluster) -> None:
        cluster.server.failures["Deployment", CHILD] = Rejected("exceeded quota: pods")
        await cluster.settle()
        cluster.start()
        assert await cluster.settle() == LATER_RETRY_SECONDS
        assert "ChildRejected" not in cluster.events

    async def test_it_is_forgotten_once_it_works(self, cluster: MemoryCluster) -> None:
        cluster.server.failures["Deployment", CHILD] = Rejected("exceeded quota: pods")
        await cluster.settle()
        assert cluster.status["problems"][0]["concern"] == "Children"
        cluster.server.failures.clear()
        await cluster.serve()
        assert "problems" not in cluster.status

    async def test_a_spec_is_refused_and_what_serves_goes_on(self, serving: MemoryCluster) -> None:
        serving.edit(model={**ONE, "config": {"maxBatchSizes": 8}})
        await serving.settle()
        assert serving.condition("SpecValid")["status"] == "False"
        assert serving.names("Deployment") == [CHILD]
        serving.lose("Service", CHILD)
        await serving.settle()
        assert CHILD in serving.names("Service")

    async def test_a_spec_that_cannot_be_read_is_said_to_be_invalid_and_nothing_is_done(
        self, cluster: MemoryCluster
    ) -> None:
        cluster.edit(model={})
        assert await cluster.run() is None
        assert cluster.server.calls == [STATUS]
        assert cluster.condition("Ready")["reason"] == "InvalidSpec"


class TestLookUps:
    async def test_a_lost_record_is_looked_up_once_and_comes_with_the_next_pass(self, serving: MemoryCluster) -> None:
        kept = serving.server.objects["ControllerRevision", CHILD]
        serving.lose("ControllerRevision", CHILD)
        assert await serving.run() == 0.0
        assert [call.verb for call in serving.server.calls] == ["get", "get"]
        await serving.settle()
        looked_up = [call for call in serving.server.calls if call.verb == "get" and call.kind != KIND]
        assert looked_up == [Call("get", "ControllerRevision", CHILD), Call("get", "Deployment", CHILD)]
        assert serving.server.objects["ControllerRevision", CHILD]["data"] == kept["data"]
        assert Call("apply", "Deployment", CHILD) not in serving.server.calls

    async def test_whether_it_exists_is_asked_before_a_child_is_made_again(self, serving: MemoryCluster) -> None:
        serving.lose("Service", "digits")
        await serving.settle()
        assert serving.server.calls.count(EXISTENCE) == 1
        assert serving.server.calls[0] == EXISTENCE
        assert "digits" in serving.names("Service")

    @pytest.mark.parametrize("successor", [False, True])
    async def test_an_object_that_is_deleted_is_let_go(self, serving: MemoryCluster, *, successor: bool) -> None:
        serving.lose("Service", "digits")
        gone = serving.server.objects.pop((KIND, "digits"))
        if successor:
            serving.server.put(KIND, {**gone, "metadata": {**gone["metadata"], "uid": "another"}})
        assert await serving.run() is None
        assert serving.server.calls == [EXISTENCE]
        assert serving.model_deployments.get(KEY) is None
        assert serving.sampler.forgotten == [KEY]

    async def test_so_is_one_that_goes_while_its_status_is_written(self, cluster: MemoryCluster) -> None:
        del cluster.server.objects[KIND, "digits"]
        assert await cluster.run() is None
        assert cluster.server.calls == [STATUS, EXISTENCE]
        assert cluster.model_deployments.get(KEY) is None

    async def test_something_else_that_is_not_found_is_no_deletion(
        self, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster.server.failures[KIND, "digits"] = NotFound("for a moment")
        get = cluster.server.get

        async def found(*args: Any) -> Any:
            cluster.server.failures.clear()
            return await get(*args)

        monkeypatch.setattr(cluster.server, "get", found)
        with pytest.raises(NotFound):
            await cluster.run()
        assert cluster.model_deployments.get(KEY) is not None

    async def test_one_that_is_being_deleted_is_left_alone(self, serving: MemoryCluster) -> None:
        raw = serving.server.objects[KIND, "digits"]
        raw["metadata"]["deletionTimestamp"] = "2026-11-20T13:00:00Z"
        serving.model_deployments.put(serving.server.put(KIND, raw))
        assert await serving.run() is None
        assert serving.server.calls == []
        assert serving.sampler.forgotten == [KEY]


class TestFirstModelThatIsLookedUp:
    async def test_its_job_is_made_once_it_is_sure_that_it_exists(self) -> None:
        cluster = MemoryCluster({"model": ALIAS})
        assert await cluster.run() == 0.0
        assert cluster.server.calls == [EXISTENCE]
        await cluster.run()
        assert [call.verb for call in cluster.server.calls[1:]] == ["status", "apply"]
        assert cluster.condition("Ready")["reason"] == "ResolvingModel"
        cluster.server.calls.clear()
        await cluster.run()
        assert cluster.server.calls == []

    async def test_a_job_that_is_refused_is_told_once_and_tried_again(self) -> None:
        cluster = MemoryCluster({"model": ALIAS})
        await cluster.run()
        job = Rejected("exceeded quota: jobs")
        apply = cluster.server.apply

        async def refused(*_args: Any, **_more: Any) -> Any:
            raise job

        cluster.server.apply = refused  # type: ignore[method-assign]
        waits = [wait for wait in [await cluster.run() for _ in range(6)] if wait]
        assert waits == [FIRST_RETRY_SECONDS, LATER_RETRY_SECONDS, LATER_RETRY_SECONDS]
        assert cluster.condition("ModelResolved")["reason"] == "ChildRejected"
        assert cluster.events == ["ChildRejected"]
        cluster.server.apply = apply  # type: ignore[method-assign]
        await cluster.settle()
        assert "problems" not in cluster.status


async def rolled_out(cluster: MemoryCluster) -> MemoryCluster:
    """Let a first model be served and another one take over, the operator being started again where it crashed."""
    await cluster.settle_in_spite_of_crashes()
    cluster.start_pods()
    await cluster.settle_in_spite_of_crashes()
    cluster.edit(model=TWO)
    for _ in range(8):
        await cluster.settle_in_spite_of_crashes()
        cluster.start_pods()
        cluster.wait(60)
    await cluster.settle_in_spite_of_crashes()
    return cluster


def contents(cluster: MemoryCluster) -> dict[Any, Any]:
    """Return what the cluster holds in the end: the specs of all objects, and the status without its times."""
    state = cluster.status
    summary = {key: state[key] for key in ("phase", "stable")} | {"rollout": state["rollout"]["state"]}
    specs = {key: raw.get("spec", raw.get("data")) for key, raw in cluster.server.objects.items()}
    return {**specs, "status": summary}
