"""`spec.scaling`: how many pods serve, and what makes them more or fewer.

None of these fields shapes a pod, so that changing them makes no new revision.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import ApiModel, Duration, rule, rules

MetricType = Literal[
    "QueueRatio",
    "QueueTime",
    "PendingRequests",
    "Concurrency",
    "RequestRate",
    "GPUUtilization",
    "CPU",
    "Memory",
    "Query",
]
Replicas = Annotated[int, Field(ge=1, le=1000)]


class ScalingMetric(ApiModel):
    """A figure that is kept at its target by adding and removing pods."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.query) == (self.type == 'Query')", "query goes with type: Query, and only with it"),
            rule("!has(self.perPod) || self.type == 'Query'", "perPod goes with type: Query alone"),
            # KEDA counts in thousandths.
            rule("self.target >= 0.001", "target must be at least 0.001"),
        )
    )

    type: MetricType = Field(
        description=(
            "QueueRatio: time in Triton's queue over time of computing. QueueTime: milliseconds that a request waits "
            "in the queue. PendingRequests: requests in the queue, per pod. Concurrency: requests in Triton, waiting "
            "or computed, per pod. RequestRate: requests per second, per pod. GPUUtilization: percent, on average. "
            "CPU, Memory: percent of what the pods request, on average. Query: any PromQL. All but CPU and Memory need "
            "KEDA and Prometheus."
        )
    )
    target: Annotated[float, Field(gt=0, le=1e9)] = Field(description="The value to keep, in the unit of the type.")
    query: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        default=None,
        description=(
            "PromQL that gives one number. {{namespace}}, {{name}}, {{revision}} and {{workload}} stand for the "
            "revision's."
        ),
    )
    per_pod: bool | None = Field(
        default=None,
        description=(
            "Whether the query gives a sum, of which each pod is to have target. Else it gives an average, or a "
            "ratio, that is to be target. Default: true."
        ),
    )


class ScalingPolicy(ApiModel):
    """How many pods may come or go within a period."""

    type: Literal["Pods", "Percent"] = Field(description="Whether value is a number of pods or a percentage of them.")
    value: Annotated[int, Field(ge=1, le=100000)] = Field(description="The most that may come or go.")
    period_seconds: Annotated[int, Field(ge=1, le=1800)] = Field(description="Within how many seconds.")


class ScalingRules(ApiModel):
    """How fast pods come, or go."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = Field(
        default=None,
        description="For how long the least drastic of all recommendations is followed. Default: up 0, down 300.",
    )
    select_policy: Literal["Max", "Min", "Disabled"] | None = Field(
        default=None, description="Which of several policies counts; Disabled stops this direction. Default: Max."
    )
    policies: Annotated[list[ScalingPolicy], Field(min_length=1, max_length=8)] | None = Field(
        default=None, description="Limits of the speed. Default: up 4 pods or 100% in 15 s, down 100% in 15 s."
    )


class ScalingBehavior(ApiModel):
    """How fast pods come and go, as in a HorizontalPodAutoscaler's `behavior`."""

    scale_up: ScalingRules | None = Field(default=None, description="How pods come.")
    scale_down: ScalingRules | None = Field(default=None, description="How pods go.")


class ScalingSpec(ApiModel):
    """How many pods serve: with maxReplicas each revision is scaled; without, there are as many as replicas says."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.maxReplicas) || !has(self.minReplicas) || self.minReplicas <= self.maxReplicas",
                "maxReplicas must be at least minReplicas",
            ),
            rule(
                "!(has(self.maxReplicas) && has(self.replicas))",
                "replicas and maxReplicas exclude each other: with maxReplicas the number of pods follows the metrics",
            ),
            rule(
                "has(self.maxReplicas) || !has(self.minReplicas) || self.minReplicas > 0",
                "minReplicas: 0 needs maxReplicas, as something has to wake the model",
            ),
            rule(
                "has(self.maxReplicas) || !(has(self.metrics) || has(self.behavior))",
                "metrics and behavior need maxReplicas, which turns autoscaling on",
            ),
            rule(
                "(has(self.minReplicas) && self.minReplicas == 0) || "
                "!(has(self.scaleToZeroAfter) || has(self.coldStartTimeout))",
                "scaleToZeroAfter and coldStartTimeout go with minReplicas: 0",
            ),
            rule(
                "!has(self.scaleToZeroAfter) || duration(self.scaleToZeroAfter) >= duration('10s')",
                "scaleToZeroAfter must be at least 10s, within which Prometheus has to scrape twice",
            ),
            rule(
                "!has(self.coldStartTimeout) || duration(self.coldStartTimeout) >= duration('1s')",
                "coldStartTimeout must be at least 1s",
            ),
        )
    )

    min_replicas: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        default=None,
        description=(
            "The least number of pods of the stable revision. 0 lets it sleep while nobody asks for it, which needs "
            "maxReplicas and KEDA. Default: 1."
        ),
    )
    max_replicas: Replicas | None = Field(
        default=None,
        description="The most pods that each revision may have; it turns autoscaling on. Default: no autoscaling.",
    )
    replicas: Replicas | None = Field(
        default=None,
        description=(
            "The wanted number of pods of the stable revision, as kubectl scale, or a HorizontalPodAutoscaler of "
            "yours, sets it; never fewer than minReplicas. Default: minReplicas."
        ),
    )
    metrics: Annotated[list[ScalingMetric], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description=(
            "What the number of pods follows; the metric that asks for the most decides. Default: QueueRatio with "
            "target 0.5."
        ),
    )
    behavior: ScalingBehavior | None = Field(default=None, description="How fast pods come and go.")
    scale_to_zero_after: Duration | None = Field(
        default=None, description="For how long nobody must have asked before the model sleeps. Default: 10m."
    )
    cold_start_timeout: Duration | None = Field(
        default=None,
        description=(
            "How long a request to a sleeping model may wait for its pod, before traffic.timeout begins. Default: 5m."
        ),
    )
