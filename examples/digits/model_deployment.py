"""One ModelDeployment on the cluster, as its user sees it: what its status says, and the four words to say to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from digits.cluster import Cluster, Manifest, wait_for

READY_SECONDS: Final = 180
ROLLOUT_SECONDS: Final = 240
_GROUP: Final = "nereid.dev"
# States in which the proxies have had the time to receive the route.
_SPLIT: Final = ("Analyzing", "Holding", "Paused", "Baking")


@dataclass(frozen=True)
class ModelDeployment:
    """A handle for the ModelDeployment of this name; it need not exist."""

    cluster: Cluster
    namespace: str
    name: str = "digits"

    @property
    def manifest(self) -> Manifest:
        """The object as it is now; empty when there is none."""
        return self.cluster.get("ModelDeployment", self.name, self.namespace) or {}

    @property
    def status(self) -> Manifest:
        """The status of the object as it is now; empty until it has processed this generation."""
        manifest = self.manifest
        status: Manifest = manifest.get("status") or {}
        is_up_to_date = status.get("observedGeneration") == manifest.get("metadata", {}).get("generation")
        return status if is_up_to_date else {}

    def revision(self, role: str) -> str:
        """Return the id of the `stable` or the `candidate` revision; empty when there is none."""
        return str((self.status.get(role) or {}).get("revision") or "")

    def promote(self) -> None:
        """Skip what is left of the rollout: all traffic to the candidate."""
        self._annotate("promote", f"{self.revision('candidate')}/{self.status['rollout']['attempt']}")

    def promote_to_next_step(self) -> None:
        """Leave the gate at which the candidate waits, and no other."""
        rollout = self.status["rollout"]
        self._annotate("promote", f"{self.revision('candidate')}/{rollout['attempt']}/{rollout['step']}")

    def abort(self) -> None:
        """Return all traffic to the stable revision."""
        self._annotate("abort", f"{self.revision('candidate')}/{self.status['rollout']['attempt']}")

    def retry(self) -> None:
        """Try the revision that failed once more."""
        failed = self.status["rollout"]["failed"]
        self._annotate("retry", f"{failed['revision']}/{failed['attempt']}")

    def roll_back_to(self, revision: str) -> None:
        """Roll back to a revision that was stable before, whatever the spec asks for."""
        status = self.wait_for("the operator has processed the spec", lambda status: status.get("rollout"))
        self._annotate("rollback", f"{revision}/{status['rollout'].get('rollbacks', 0) + 1}")

    def wait_for(self, what: str, look: Callable[[Manifest], Any], seconds: float = ROLLOUT_SECONDS) -> Manifest:
        """Wait until `look` agrees with the status, and return that status."""

        def agreed() -> Manifest | None:
            status = self.status
            return status if status and look(status) else None

        return wait_for(f"{self.namespace}/{self.name}: {what}", agreed, seconds=seconds, seen=self.describe)

    def wait_for_condition(
        self, kind: str, status: str, reason: str | None = None, seconds: float = READY_SECONDS
    ) -> Manifest:
        """Wait for a condition's status, and its reason if one is given; return the condition."""
        status_now = self.wait_for(
            f"condition {kind} is {status}" + (f" because of {reason}" if reason else ""),
            lambda current: matches(condition(current, kind), status, reason),
            seconds,
        )
        return condition(status_now, kind)

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> Manifest:
        """Wait until the spec as it stands is what serves; return the status."""
        return self.wait_for("Ready", lambda status: matches(condition(status, "Ready"), "True"), seconds)

    def wait_until_split(self, weight: int, seconds: float = ROLLOUT_SECONDS) -> Manifest:
        """Wait until the candidate's share is `weight` and can be trusted to have reached the proxies."""
        return self.wait_for(f"{weight}% go to the candidate", lambda status: is_split(status, weight), seconds)

    def describe(self) -> str:
        """Return what a person would look at first: the columns, the conditions, the events."""
        kubectl = self.cluster.kubectl
        lines = [kubectl("get", "mdep", "--output=wide", namespace=self.namespace), "Conditions:"]
        lines += [
            f"  {item['type']}={item['status']} {item.get('reason', '')}: {item.get('message', '')}"
            for item in self.manifest.get("status", {}).get("conditions") or []
        ]
        lines += ["Pods:", kubectl("get", "pods", "--output=wide", namespace=self.namespace)]
        lines += ["Events:", kubectl("get", "events", "--sort-by=.lastTimestamp", namespace=self.namespace)]
        return "\n".join(lines)

    def _annotate(self, verb: str, whom: str) -> None:
        word = f"{_GROUP}/{verb}={whom}"
        self.cluster.kubectl("annotate", "--overwrite", "mdep", self.name, word, namespace=self.namespace)


def condition(status: Manifest, kind: str) -> Manifest:
    """Return a condition of a status; empty when it is not there."""
    return next((item for item in status.get("conditions") or [] if item["type"] == kind), {})


def matches(item: Manifest, status: str, reason: str | None = None) -> bool:
    """Tell whether a condition has this status, and this reason if one is given."""
    return item.get("status") == status and reason in (None, item.get("reason"))


def is_split(status: Manifest, weight: int) -> bool:
    """Tell whether the candidate has this share of the traffic, and the proxies have had time to receive it."""
    state = (status.get("rollout") or {}).get("state")
    return (status.get("candidate") or {}).get("weight") == weight and state in _SPLIT
