"""The ModelDeployment's `spec` as a whole."""

from typing import Any

from pydantic import ConfigDict, Field

from nereid.api.model import ModelSpec
from nereid.api.monitoring import MonitoringSpec
from nereid.api.rollout import RolloutSpec
from nereid.api.runtime import RuntimeSpec
from nereid.api.scaling import ScalingSpec
from nereid.api.schema import ApiModel, rule, rules
from nereid.api.traffic import TrafficSpec

_PREVIEW_HOSTS = "has(self.rollout) && has(self.rollout.blueGreen) && has(self.rollout.blueGreen.previewHosts)"
_TWO_REPLICAS = (
    "(has(self.scaling) && ((has(self.scaling.replicas) && self.scaling.replicas > 1) || "
    "(has(self.scaling.minReplicas) && self.scaling.minReplicas > 1)))"
)


def _needs_request(kind: str, resource: str) -> dict[str, Any]:
    """Return the rule that pods which are scaled by a resource must request that resource."""
    resource_is_requested = " || ".join(
        f"(has(self.runtime.resources.{part}) && '{resource}' in self.runtime.resources.{part})"
        for part in ("requests", "limits")
    )
    return rule(
        "!has(self.scaling) || !has(self.scaling.metrics) || "
        f"!self.scaling.metrics.exists(m, m.type == '{kind}') || "
        f"(has(self.runtime) && has(self.runtime.resources) && ({resource_is_requested}))",
        f"scaling by {kind} requires runtime.resources.requests.{resource}, as the target is a percentage of it",
    )


class ModelDeploymentSpec(ApiModel):
    """The desired state, written by the user."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"!({_PREVIEW_HOSTS}) || (has(self.traffic) && has(self.traffic.gateways))",
                "rollout.blueGreen.previewHosts requires traffic.hosts and traffic.gateways, through which the hosts "
                "are reached",
            ),
            rule(
                f"!({_PREVIEW_HOSTS}) || !has(self.traffic) || !has(self.traffic.hosts) || "
                "self.rollout.blueGreen.previewHosts.all(h, !(h in self.traffic.hosts))",
                "rollout.blueGreen.previewHosts must not contain any of traffic.hosts",
            ),
            rule(
                "!has(self.rollout) || !has(self.rollout.surge) || self.rollout.surge == 1 || "
                f"(has(self.rollout.allowDowntime) && self.rollout.allowDowntime) || {_TWO_REPLICAS}",
                "rollout.surge: 0 would remove stable's only pod: set scaling.minReplicas to 2 or more, or "
                "rollout.allowDowntime to true",
            ),
            *(_needs_request(kind, name) for kind, name in (("CPU", "cpu"), ("Memory", "memory"))),
        )
    )

    model: ModelSpec = Field(description="The model: its source, format and name.")
    runtime: RuntimeSpec | None = Field(
        default=None, description="The Triton server that runs the model: image, resources, placement."
    )
    scaling: ScalingSpec | None = Field(
        default=None, description="How many pods serve, and how their number is scaled."
    )
    traffic: TrafficSpec | None = Field(default=None, description="How clients reach the model.")
    rollout: RolloutSpec | None = Field(
        default=None,
        description=(
            "How a new revision is rolled out. A change of model or runtime makes a new revision, the candidate, "
            "which starts beside the stable revision and gets its traffic in steps. Promote it early with kubectl "
            "annotate mdep NAME nereid.dev/promote=REVISION, abort it with nereid.dev/abort=REVISION, and retry a "
            "failed one with nereid.dev/retry=REVISION; the revision is that of status.candidate. Roll back to an "
            "earlier revision of status.history with nereid.dev/rollback=REVISION."
        ),
    )
    monitoring: MonitoringSpec | None = Field(
        default=None, description="The model's objectives, and whether alerts cover it."
    )
