"""How many of a revision's pods may be evicted at a time, for instance when a node is drained.

The user's budget is meant for all of stable's pods, and every revision has a budget of its own: a candidate has fewer
pods, and a retiring revision may have a single one. So minAvailable is used if it allows the eviction of at least one
pod at the revision's minimum; otherwise one pod at a time may be evicted, or its node could never be drained.
"""

import math
from typing import Any, Final

from nereid.api.identity import Owner
from nereid.api.runtime import DisruptionBudget
from nereid.controller.build.metadata import Manifest, selector_labels
from nereid.controller.build.revision import revision_child
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.observed.facts import RevisionRecord

DEFAULT_MAX_UNAVAILABLE: Final = "1"
_PERCENT: Final = 100


def disruption_budget(owner: Owner, record: RevisionRecord, live: LiveRevision, budget: DisruptionBudget) -> Manifest:
    """Return the PodDisruptionBudget of a live revision.

    Pods that are not ready serve no requests and may always be evicted.
    """
    spec = {
        **_limit(budget, live.replicas),
        "selector": {"matchLabels": selector_labels(owner.name, record.revision)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return revision_child("policy/v1", "PodDisruptionBudget", owner, record, {"spec": spec})


def _limit(budget: DisruptionBudget, min_pods: int) -> dict[str, Any]:
    if budget.min_available and _allows_one(budget.min_available, min_pods):
        return {"minAvailable": _int_or_percent(budget.min_available)}
    return {"maxUnavailable": _int_or_percent(budget.max_unavailable or DEFAULT_MAX_UNAVAILABLE)}


def _allows_one(min_available: str, min_pods: int) -> bool:
    # A sleeping revision wakes up with one pod.
    pods = max(1, min_pods)
    if not min_available.endswith("%"):
        return int(min_available) < pods
    # Rounded up, as Kubernetes does it (policy/v1, PodDisruptionBudgetSpec).
    return math.ceil(int(min_available.removesuffix("%")) * pods / _PERCENT) < pods


def _int_or_percent(value: str) -> int | str:
    return int(value) if value.isdecimal() else value
