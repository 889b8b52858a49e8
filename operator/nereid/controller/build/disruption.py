"""How many of a revision's pods an eviction, such as a node's drain, may take at a time.

What the user asks for is meant for all of stable's pods, and every revision has a budget of its own: a candidate has
fewer pods, and what drains may have a single one. So a minAvailable holds where it lets at least one of the fewest pods
go that a revision has; elsewhere one at a time may go, as otherwise no node with one of them could ever be drained.
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


def disruption_budget(owner: Owner, record: RevisionRecord, live: LiveRevision, asked: DisruptionBudget) -> Manifest:
    """Return the PodDisruptionBudget of a live revision.

    Pods that are not ready serve nobody and may always go.
    """
    spec = {
        **_limit(asked, live.replicas),
        "selector": {"matchLabels": selector_labels(owner.name, record.revision)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return revision_child("policy/v1", "PodDisruptionBudget", owner, record, {"spec": spec})


def _limit(asked: DisruptionBudget, fewest: int) -> dict[str, Any]:
    if asked.min_available and _lets_one_go(asked.min_available, fewest):
        return {"minAvailable": _int_or_percent(asked.min_available)}
    return {"maxUnavailable": _int_or_percent(asked.max_unavailable or DEFAULT_MAX_UNAVAILABLE)}


def _lets_one_go(min_available: str, fewest: int) -> bool:
    # A revision that sleeps wakes up with one.
    pods = max(1, fewest)
    if not min_available.endswith("%"):
        return int(min_available) < pods
    # Rounded up, as Kubernetes does it (policy/v1, PodDisruptionBudgetSpec).
    return math.ceil(int(min_available.removesuffix("%")) * pods / _PERCENT) < pods


def _int_or_percent(value: str) -> int | str:
    return int(value) if value.isdecimal() else value
