"""Webhooks through whole passes: what is in status first is called then, and a restart or a crash loses nothing."""

from typing import Any

import pytest
from tests.support.memory_cluster import KIND, Call, Crash, MemoryCluster

from nereid.controller.observed.webhook_answers import WebhookAnswer
from nereid.controller.plan.settings import Settings

ONE, TWO = ({"uri": f"pvc://models/digits/{number}/model.onnx"} for number in (1, 2))
BOARD = {"name": "board", "type": "Approval", "url": "https://board.example.com/"}
CHAT = {"name": "chat", "type": "Notification", "url": "https://chat.example.com/", "events": ["Started", "Completed"]}
ALLOWED = Settings(webhook_hosts="*.example.com", propagation_seconds=0)
YES = WebhookAnswer(approved=True)
STATUS = Call("status", KIND, "digits")


async def rolling_out(*webhooks: Any, settings: Settings = ALLOWED) -> MemoryCluster:
    """Return a cluster in which another model is ready for its first traffic."""
    rollout = {"strategy": "Direct", "checks": {"smoke": False}, "webhooks": list(webhooks)}
    cluster = MemoryCluster({"model": ONE, "rollout": rollout}, settings)
    await cluster.serve()
    cluster.webhooks.given.clear()
    cluster.edit(model=TWO)
    await cluster.settle()
    cluster.start_pods()
    await cluster.settle()
    return cluster


def weight(cluster: MemoryCluster) -> int:
    return int(cluster.status["candidate"]["weight"])


async def test_an_approval_holds_the_route_until_it_is_given() -> None:
    cluster = await rolling_out(BOARD)
    assert cluster.status["rollout"]["stage"] == "AwaitingApproval"
    assert ([call.webhook for call in cluster.webhooks.wanted], weight(cluster)) == (["board"], 0)
    cluster.webhooks.given["board"] = YES
    await cluster.settle()
    assert cluster.status["stable"]["modelUri"] == TWO["uri"] or weight(cluster) == 100


async def test_it_is_asked_again_with_the_same_id_by_an_operator_that_has_started_again() -> None:
    cluster = await rolling_out(BOARD)
    before = cluster.webhooks.wanted
    cluster.start()
    await cluster.settle()
    assert cluster.webhooks.wanted == before
    assert weight(cluster) == 0


async def test_not_yet_is_asked_again_after_the_interval() -> None:
    cluster = await rolling_out(BOARD)
    (first,) = cluster.webhooks.wanted
    cluster.webhooks.given["board"] = WebhookAnswer(message="at noon")
    assert await cluster.settle() == 30
    cluster.webhooks.given = {}
    cluster.wait(30)
    await cluster.settle()
    (again,) = cluster.webhooks.wanted
    assert (again.id, again.number) == (first.id, 1)


async def test_a_host_that_is_not_allowed_is_told_and_never_called() -> None:
    cluster = await rolling_out(BOARD, settings=Settings(propagation_seconds=0))
    assert (cluster.webhooks.wanted, weight(cluster)) == ((), 0)
    (condition,) = (one for one in cluster.status["conditions"] if one["type"] == "WebhookFailing")
    assert (condition["status"], condition["reason"]) == ("True", "HostNotAllowed")
    assert ("SpecValid", "True") in [(one["type"], one["status"]) for one in cluster.status["conditions"]]


async def test_what_is_wrong_is_one_event() -> None:
    cluster = MemoryCluster({"model": ONE, "rollout": {"webhooks": [BOARD]}})
    await cluster.settle()
    assert cluster.events.count("WebhookFailing") == 1


async def test_a_transition_is_in_status_before_it_is_told() -> None:
    rollout = {"strategy": "Direct", "checks": {"smoke": False}, "webhooks": [CHAT]}
    cluster = MemoryCluster({"model": ONE, "rollout": rollout}, ALLOWED)
    cluster.webhooks.given["chat"] = YES
    await cluster.serve()
    await cluster.settle()
    assert not cluster.webhooks.wanted
    cluster.webhooks.given.clear()
    cluster.edit(model=TWO)
    await cluster.run()  # It makes sure that the ModelDeployment is still there.
    await cluster.run()
    assert not cluster.webhooks.wanted
    (told,) = cluster.status["rollout"]["webhooks"]
    assert [news["event"] for news in told["pending"]] == ["Started"]
    await cluster.run()
    (call,) = cluster.webhooks.wanted
    assert call.id == told["pending"][0]["id"]


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_the_answer_sends_the_same_again(*, after: bool) -> None:
    cluster = await rolling_out(BOARD)
    before = cluster.webhooks.wanted
    cluster.webhooks.given["board"] = YES
    cluster.server.calls.clear()
    cluster.server.crash_at, cluster.server.crash_after = 0, after
    with pytest.raises(Crash):
        await cluster.settle()
    cluster.server.crash_at = None
    cluster.start()
    await cluster.settle()
    if not after:
        assert (cluster.webhooks.wanted, weight(cluster)) == (before, 0)
        cluster.webhooks.given["board"] = YES
        await cluster.settle()
    cluster.start_pods()
    await cluster.settle()
    assert cluster.status["stable"]["modelUri"] == TWO["uri"]


async def test_what_is_deleted_is_called_no_longer() -> None:
    cluster = await rolling_out(BOARD)
    assert cluster.webhooks.wanted
    cluster.gatherer.forget(("models", "digits"))
    assert cluster.webhooks.wanted == ()
