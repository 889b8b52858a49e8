"""The ModelDeployment's `spec` as a whole."""

from pydantic import Field

from nereid.api.delivery import RolloutSpec, ScalingSpec, TrafficSpec
from nereid.api.model import ModelSpec
from nereid.api.runtime import RuntimeSpec
from nereid.api.schema import ApiModel


class ModelDeploymentSpec(ApiModel):
    """What the user wants served."""

    model: ModelSpec = Field(description="The model: where it is, which format it has, what it is called.")
    runtime: RuntimeSpec | None = Field(
        default=None, description="The Triton server that runs the model: image, resources, place."
    )
    scaling: ScalingSpec | None = Field(default=None, description="How many pods serve.")
    traffic: TrafficSpec | None = Field(default=None, description="Who may reach the model, and by which name.")
    rollout: RolloutSpec | None = Field(
        default=None,
        description=(
            "How a new revision takes over. A change of model or runtime makes a new revision, the candidate; it "
            "starts beside the stable revision and gets its traffic by steps. Promote it early with kubectl annotate "
            "mdep NAME nereid.dev/promote=REVISION, stop it with nereid.dev/abort=REVISION, and try a failed one "
            "again with nereid.dev/retry=REVISION; the revision is that of status.candidate."
        ),
    )
