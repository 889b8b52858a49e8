"""`spec.monitoring`: what is promised of the model, so that alerts know when it is broken.

None of these fields shapes a pod, so that changing them makes no new revision.
"""

from typing import Annotated

from pydantic import Field

from nereid.api.schema import ApiModel

DEFAULT_AVAILABILITY_PERCENT = 99.5
DEFAULT_LATENCY_MILLISECONDS = 1000
DEFAULT_LATENCY_PERCENT = 99.0


class ObjectivesSpec(ApiModel):
    """What is promised, over the days for which Prometheus looks back."""

    availability_percent: Annotated[float, Field(ge=50, le=99.999)] | None = Field(
        default=None, description="Percentage of requests that must not fail. Default: 99.5."
    )
    latency_milliseconds: Annotated[int, Field(ge=1, le=3600000)] | None = Field(
        default=None,
        description=(
            "Within what time an answer counts as fast. It must be a bound of Istio's histogram: 1, 5, 10, 25, 50, "
            "100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000 … Default: that of "
            "rollout.analysis.latencyObjectiveMilliseconds, else 1000."
        ),
    )
    latency_percent: Annotated[float, Field(ge=50, le=99.999)] | None = Field(
        default=None, description="Percentage of requests that must be fast. Default: 99."
    )


class MonitoringSpec(ApiModel):
    """What the alerting rules of the chart look at."""

    objectives: ObjectivesSpec | None = Field(default=None, description="What is promised of the model.")
    alerts: bool | None = Field(
        default=None, description="Whether the chart's alerts are about this ModelDeployment too. Default: true."
    )
