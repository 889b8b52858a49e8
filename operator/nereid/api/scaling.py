"""`spec.scaling`: how many pods serve, and how their number is scaled.

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
    """A metric that is kept at its target by adding and removing pods."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.query) == (self.type == 'Query')",
                "query is required with type: Query, and valid only with it",
            ),
            rule("!has(self.perPod) || self.type == 'Query'", "perPod is valid only with type: Query"),
            # KEDA counts in thousandths.
            rule("self.target >= 0.001", "target must be at least 0.001"),
        )
    )

    type: MetricType = Field(
        description=(
            "QueueRatio: time in Triton's queue divided by compute time. QueueTime: milliseconds that a request "
            "waits in the queue. PendingRequests: requests in the queue, per pod. Concurrency: requests in "
            "Triton, queued or executing, per pod. RequestRate: requests per second, per pod. GPUUtilization: "
            "average percentage. CPU, Memory: average percentage of what the pods request. Query: any PromQL. All "
            "types but CPU and Memory require KEDA and Prometheus."
        )
    )
    target: Annotated[float, Field(gt=0, le=1e9)] = Field(description="The target value, in the unit of the type.")
    query: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        default=None,
        description=(
            "PromQL that returns one number. {{namespace}}, {{name}}, {{revision}} and {{workload}} are replaced "
            "by the revision's."
        ),
    )
    per_pod: bool | None = Field(
        default=None,
        description=(
            "With true the query returns a sum over all pods, and target is the value per pod. With false it "
            "returns an average or a ratio, which is compared with target directly. Default: true."
        ),
    )


class ScalingPolicy(ApiModel):
    """How many pods may be added or removed within a period."""

    type: Literal["Pods", "Percent"] = Field(description="Whether value is a number of pods or a percentage of them.")
    value: Annotated[int, Field(ge=1, le=100000)] = Field(description="Maximum number or percentage of pods.")
    period_seconds: Annotated[int, Field(ge=1, le=1800)] = Field(description="Length of the period in seconds.")


class ScalingRules(ApiModel):
    """How fast pods are added, or removed."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = Field(
        default=None,
        description=(
            "Period over which past recommendations are considered; the one that changes least is used. Default: "
            "up 0, down 300."
        ),
    )
    select_policy: Literal["Max", "Min", "Disabled"] | None = Field(
        default=None, description="Which of several policies applies; Disabled turns this direction off. Default: Max."
    )
    policies: Annotated[list[ScalingPolicy], Field(min_length=1, max_length=8)] | None = Field(
        default=None, description="Rate limits. Default: up 4 pods or 100% in 15 s, down 100% in 15 s."
    )


class ScalingBehavior(ApiModel):
    """How fast pods are added and removed, as in a HorizontalPodAutoscaler's `behavior`."""

    scale_up: ScalingRules | None = Field(default=None, description="How fast pods are added.")
    scale_down: ScalingRules | None = Field(default=None, description="How fast pods are removed.")


class ScalingSpec(ApiModel):
    """How many pods serve: with maxReplicas each revision is autoscaled; without, replicas sets the number."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.maxReplicas) || !has(self.minReplicas) || self.minReplicas <= self.maxReplicas",
                "maxReplicas must be at least minReplicas",
            ),
            rule(
                "!(has(self.maxReplicas) && has(self.replicas))",
                "replicas and maxReplicas are mutually exclusive, as maxReplicas turns autoscaling on: remove one",
            ),
            rule(
                "has(self.maxReplicas) || !has(self.minReplicas) || self.minReplicas > 0",
                "minReplicas: 0 requires maxReplicas, as only autoscaling can wake the model",
            ),
            rule(
                "has(self.maxReplicas) || !(has(self.metrics) || has(self.behavior))",
                "metrics and behavior require maxReplicas, which turns autoscaling on",
            ),
            rule(
                "(has(self.minReplicas) && self.minReplicas == 0) || "
                "!(has(self.scaleToZeroAfter) || has(self.coldStartTimeout))",
                "scaleToZeroAfter and coldStartTimeout are valid only with minReplicas: 0",
            ),
            rule(
                "!has(self.scaleToZeroAfter) || duration(self.scaleToZeroAfter) >= duration('10s')",
                "scaleToZeroAfter must be at least 10s, as Prometheus has to scrape twice in that time",
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
            "Minimum number of pods of the stable revision. With 0 the model sleeps while it gets no requests, "
            "which requires maxReplicas and KEDA. Default: 1."
        ),
    )
    max_replicas: Replicas | None = Field(
        default=None,
        description="Maximum number of pods of each revision; turns autoscaling on. Default: no autoscaling.",
    )
    replicas: Replicas | None = Field(
        default=None,
        description=(
            "Desired number of pods of the stable revision, as set by kubectl scale or by your own "
            "HorizontalPodAutoscaler; minReplicas is the minimum. Default: minReplicas."
        ),
    )
    metrics: Annotated[list[ScalingMetric], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description=(
            "Metrics that the number of pods follows; the one that requires the most pods decides. Default: "
            "QueueRatio with target 0.5."
        ),
    )
    behavior: ScalingBehavior | None = Field(default=None, description="How fast pods are added and removed.")
    scale_to_zero_after: Duration | None = Field(
        default=None, description="How long the model must get no requests before it sleeps. Default: 10m."
    )
    cold_start_timeout: Duration | None = Field(
        default=None,
        description=(
            "How long a request to a sleeping model may wait for a pod, before traffic.timeout starts. Default: 5m."
        ),
    )
