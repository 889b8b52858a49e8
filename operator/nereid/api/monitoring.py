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
    """The model's service level objectives, over the retention time of Prometheus."""

    availability_percent: Annotated[float, Field(ge=50, le=99.999)] | None = Field(
        default=None, description="Percentage of requests that must not fail. Default: 99.5."
    )
    latency_milliseconds: Annotated[int, Field(ge=1, le=3600000)] | None = Field(
        default=None,
        description=(
            "The time within which an answer counts as fast. It must be a bucket bound of Istio's histogram: 1, "
            "5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000 … Default: that of "
            "rollout.analysis.latencyObjectiveMilliseconds, else 1000."
        ),
    )
    latency_percent: Annotated[float, Field(ge=50, le=99.999)] | None = Field(
        default=None, description="Percentage of requests that must be fast. Default: 99."
    )


class MonitoringSpec(ApiModel):
    """Settings for the chart's alerting rules."""

    objectives: ObjectivesSpec | None = Field(default=None, description="The model's service level objectives.")
    alerts: bool | None = Field(
        default=None, description="Whether the chart's alerts cover this ModelDeployment. Default: true."
    )
