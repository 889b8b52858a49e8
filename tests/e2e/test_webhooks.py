"""Webhooks of a rollout: a gate that another program keeps, and who is told."""

from digits.cluster import wait_for
from tests.support.e2e.approvals import Approvals
from tests.support.e2e.case import Case


def test_a_webhook_holds_a_step_and_then_lets_it_through(case: Case) -> None:
    approvals = Approvals(case)
    approvals.start()
    webhooks = [
        {"name": "gate", "type": "Approval", "when": "EachStep", "interval": "5s", "url": approvals.url("/approve")},
        {"name": "chat", "type": "Notification", "events": ["Completed"], "url": approvals.url("/told")},
    ]
    steps = [{"weight": 20, "hold": "1s"}]
    rollout = {"steps": steps, "drain": "5s", "analysis": {"provider": "None"}, "webhooks": webhooks}
    case.apply(version="1", rollout=rollout).wait_until_ready()
    served = case.apply(version="2", rollout=rollout)
    served.wait_for("the gate has said no", lambda seen: "closed" in seen["rollout"]["message"])
    assert (served.status["rollout"]["reason"], served.status["candidate"]["weight"]) == ("AwaitingApproval", 0)
    with case.traffic() as client:
        assert set(client.burst(100).by_version()) == {"1"}
    approvals.open()
    assert served.wait_until_ready()["stable"]["version"].startswith("2-")
    asked = [one for one in approvals.seen if one["path"] == "/approve"]
    assert [one["event"]["data"]["nextWeight"] for one in asked][-2:] == [20, 100]
    assert len({one["id"] for one in asked}) == 2

    def told() -> list[str]:
        return [one["event"]["type"] for one in approvals.seen if one["path"] == "/told"]

    # The first revision's completion was told as well.
    completed = "dev.nereid.rollout.completed"
    wait_for("it is told that it is stable", lambda: told() == [completed] * 2, seconds=30)
