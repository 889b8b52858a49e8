"""`spec.rollout` for judged rollouts that are over in a minute, and what to wait for in one.

Production would look every half minute and want more evidence; here a version passes a step after about a hundred
requests without an error, and is looked at every five seconds.
"""

from typing import Any, Final

from digits.cluster import Manifest
from digits.model_deployment import ModelDeployment
from tests.support.e2e.case import Case

# Requests a second, half of them over REST and half over gRPC.
RATE: Final = 50
STEPS: Final = [{"weight": 20, "hold": "10s"}, {"weight": 50, "hold": "10s"}]
WAITS: Final = [{"weight": 20}]
ANALYSIS: Final = {"interval": "5s", "deadline": "2m", "judge": {"negligiblePercent": 5}}
# A bucket bound of Istio's histogram far above what stable needs here, and below what version `slow` does.
LATENCY_OBJECTIVE: Final = 250
ENDED: Final = ("Idle", "Completed", "Failed")


def judged(*, analysis: Manifest | None = None, **fields: Any) -> Manifest:
    """Return a canary that is judged by short looks, with these fields instead of the usual ones, or beside them."""
    usual = {"drain": "5s", "progressDeadlineSeconds": 90, "analysis": {**ANALYSIS, **(analysis or {})}}
    steps = {} if "strategy" in fields else {"steps": STEPS}
    return {**usual, **steps, **fields}


def serve_first(case: Case, rollout: Manifest, **spec: Any) -> ModelDeployment:
    """Serve version 1, with this rollout for those to come, whose checks it need not pass itself."""
    served = case.apply(version="1", rollout={**rollout, "checks": {"smoke": False}}, **spec)
    served.wait_until_ready()
    return served


def wait_until_over(served: ModelDeployment) -> Manifest:
    """Wait until a rollout has ended, well or not, and nothing drains; return the status.

    A pod may be left that is kept for its log.
    """
    return served.wait_for("the rollout is over", _is_over)


def wait_until_rolled_back(served: ModelDeployment) -> Manifest:
    """Wait until the candidate has been rolled back for a failure; return the status."""
    return served.wait_for("the candidate is rolled back", lambda status: status["rollout"]["state"] == "Failed")


def wait_until_analyzed(served: ModelDeployment, weight: int) -> Manifest:
    """Wait until the candidate is judged with this share of the traffic; return the status."""
    return served.wait_for(
        f"the candidate is judged at {weight}%",
        lambda status: status["rollout"]["state"] == "Analyzing" and status["candidate"]["weight"] == weight,
    )


def wait_until_paused(served: ModelDeployment, reason: str) -> Manifest:
    """Wait until the rollout is paused for this reason; return the status."""
    return served.wait_for(
        f"the rollout is paused, {reason}",
        lambda status: (status["rollout"]["state"], status["rollout"]["reason"]) == ("Paused", reason),
    )


def _is_over(status: Manifest) -> bool:
    rollout = status["rollout"]
    drains = any(not one.get("drained") for one in rollout.get("retiring", []))
    return not status.get("candidate") and rollout["state"] in ENDED and not drains
