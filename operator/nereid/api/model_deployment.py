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
    """Return the rule that pods which are scaled by a resource say how much of it they ask for."""
    asked = " || ".join(
        f"(has(self.runtime.resources.{part}) && '{resource}' in self.runtime.resources.{part})"
        for part in ("requests", "limits")
    )
    return rule(
        "!has(self.scaling) || !has(self.scaling.metrics) || "
        f"!self.scaling.metrics.exists(m, m.type == '{kind}') || "
        f"(has(self.runtime) && has(self.runtime.resources) && ({asked}))",
        f"scaling by {kind} needs runtime.resources.requests.{resource}, of which the target is a percentage",
    )


class ModelDeploymentSpec(ApiModel):
    """What the user wants served."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"!({_PREVIEW_HOSTS}) || (has(self.traffic) && has(self.traffic.gateways))",
                "rollout.blueGreen.previewHosts need traffic.hosts and traffic.gateways, by which they are reached",
            ),
            rule(
                f"!({_PREVIEW_HOSTS}) || !has(self.traffic) || !has(self.traffic.hosts) || "
                "self.rollout.blueGreen.previewHosts.all(h, !(h in self.traffic.hosts))",
                "rollout.blueGreen.previewHosts must be other hosts than traffic.hosts",
            ),
            rule(
                "!has(self.rollout) || !has(self.rollout.surge) || self.rollout.surge == 1 || "
                f"(has(self.rollout.allowDowntime) && self.rollout.allowDowntime) || {_TWO_REPLICAS}",
                "rollout.surge: 0 takes the only pod from stable: set scaling.minReplicas to 2 or more, or "
                "rollout.allowDowntime to true",
            ),
            *(_needs_request(kind, name) for kind, name in (("CPU", "cpu"), ("Memory", "memory"))),
        )
    )

    model: ModelSpec = Field(description="The model: where it is, which format it has, what it is called.")
    runtime: RuntimeSpec | None = Field(
        default=None, description="The Triton server that runs the model: image, resources, place."
    )
    scaling: ScalingSpec | None = Field(
        default=None, description="How many pods serve, and what makes them more or fewer."
    )
    traffic: TrafficSpec | None = Field(default=None, description="Who may reach the model, and by which name.")
    rollout: RolloutSpec | None = Field(
        default=None,
        description=(
            "How a new revision takes over. A change of model or runtime makes a new revision, the candidate; it "
            "starts beside the stable revision and gets its traffic by steps. Promote it early with kubectl annotate "
            "mdep NAME nereid.dev/promote=REVISION, stop it with nereid.dev/abort=REVISION, and try a failed one "
            "again with nereid.dev/retry=REVISION; the revision is that of status.candidate. Go back to an earlier one "
            "of status.history with nereid.dev/rollback=REVISION."
        ),
    )
    monitoring: MonitoringSpec | None = Field(
        default=None, description="What is promised of the model, so that alerts know when it is broken."
    )
