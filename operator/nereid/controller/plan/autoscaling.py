"""What `spec.scaling` means: how many pods there may be, by which metrics they are scaled, when a model sleeps.

Pure: no client, no clock.
"""

from dataclasses import dataclass
from typing import Any, Final

from nereid.api.scaling import ScalingMetric, ScalingSpec
from nereid.api.schema import seconds

DEFAULT_METRICS: Final = (ScalingMetric(type="QueueRatio", target=0.5),)
DEFAULT_SCALE_TO_ZERO_AFTER: Final = "10m"
DEFAULT_COLD_START_TIMEOUT: Final = "5m"
# Metrics of Kubernetes itself: a HorizontalPodAutoscaler can scale by them without KEDA.
RESOURCES: Final = {"CPU": "cpu", "Memory": "memory"}


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """How the number of pods of each revision is scaled; times in seconds.

    may_sleep: stable may have no pods at all. behavior: as a HorizontalPodAutoscaler writes it. lacks_queries: the spec
    has metrics of type Query, which the operator may not use.
    """

    maximum: int
    may_sleep: bool
    metrics: tuple[ScalingMetric, ...]
    behavior: dict[str, Any] | None
    sleep_after: int
    cold_start_timeout: int
    lacks_queries: bool = False

    @property
    def needs_keda(self) -> bool:
        """Whether a HorizontalPodAutoscaler alone is not enough: KEDA and Prometheus are needed."""
        return self.may_sleep or any(metric.type not in RESOURCES for metric in self.metrics)


def autoscaling(spec: ScalingSpec, *, may_query: bool) -> Autoscaling | None:
    """Return how a model is scaled; None if its number of pods is fixed.

    Without leave to query, metrics of type Query are left out, and a spec with nothing else is scaled as by default.
    Raises ValueError for an invalid duration.
    """
    if spec.max_replicas is None:
        return None
    wanted = tuple(spec.metrics or ())
    metrics = tuple(metric for metric in wanted if may_query or metric.type != "Query")
    return Autoscaling(
        maximum=spec.max_replicas,
        may_sleep=spec.min_replicas == 0,
        metrics=metrics or DEFAULT_METRICS,
        behavior=spec.behavior.model_dump(exclude_none=True) if spec.behavior else None,
        sleep_after=seconds(spec.scale_to_zero_after or DEFAULT_SCALE_TO_ZERO_AFTER),
        cold_start_timeout=seconds(spec.cold_start_timeout or DEFAULT_COLD_START_TIMEOUT),
        lacks_queries=len(metrics) < len(wanted),
    )


def fixed_replicas(spec: ScalingSpec) -> int:
    """Return the number of pods that stable has at least while it is awake."""
    minimum = max(1, spec.min_replicas or 1)
    return max(minimum, spec.replicas or minimum)
