"""The ModelDeployment's `status`: what the operator reports, and all that it needs to continue after a restart."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from nereid.api.schema import ApiModel

RolloutPhase = Literal[
    "Idle", "Preparing", "Propagating", "Holding", "Paused", "Promoting", "RollingBack", "Completed", "Failed"
]
Phase = Literal["Pending", "Progressing", "Paused", "Ready", "Degraded", "Failed"]
ConditionStatus = Literal["True", "False", "Unknown"]


def rfc3339(moment: datetime) -> str:
    """Write a UTC time as Kubernetes does: whole seconds and a Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]


class RevisionStatus(ApiModel):
    """One of the two revisions that may get traffic."""

    revision: str = Field(description="Id of the revision: a hash of the fields that shape its pods.")
    version: str = Field(description="The version label of its pods: spec.model.version and the revision.")
    model_uri: str = Field(description="Where its model came from.")
    weight: int = Field(description="Percentage of requests that are routed to it.")
    replicas: int = Field(description="Pods that it should have.")
    ready_replicas: int = Field(description="Pods of it that are ready.")


class RetiringRevision(ApiModel):
    """A revision that gets no traffic any more and keeps its pods until it has drained."""

    revision: str = Field(description="Id of the revision.")
    since: Time = Field(description="When its traffic was taken away.")
    replicas: int = Field(description="Pods that it keeps while it drains.")


class FailedRollout(ApiModel):
    """A rollout that did not succeed. The revision is not tried again until its user says so."""

    revision: str = Field(description="Id of the revision that failed.")
    attempt: int = Field(description="Which attempt at this revision failed, from 1.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in a sentence.")
    at: Time = Field(description="When it failed.")


class RolloutStatus(ApiModel):
    """The state of the rollout: all that the operator needs to continue it after a restart."""

    state: RolloutPhase = Field(description="What the rollout is doing.")
    step: int = Field(description="Index of the step that it is at, from 0; the number of steps stands for the end.")
    since: Time = Field(description="When this state began.")
    attempt: int = Field(description="Which attempt at the candidate this is, from 1.")
    reason: str = Field(description="Why it is in this state, in one word.")
    message: str = Field(description="What is happening and what comes next.")
    next_look: Time | None = Field(default=None, description="When a timer moves the rollout on, if one does.")
    retiring: list[RetiringRevision] = Field(
        default=[], description="Revisions without traffic whose pods are still there."
    )
    failed: FailedRollout | None = Field(
        default=None, description="The last failure, while the spec still asks for it."
    )


class Condition(ApiModel):
    """One aspect of the state, as the Kubernetes API conventions define conditions."""

    type: str = Field(description="Which aspect: Ready, Available, Progressing, RolloutPassed or SpecValid.")
    status: ConditionStatus = Field(description="Whether it holds.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in a sentence that says what to change where something must be.")
    last_transition_time: Time = Field(description="When the status last changed.")
    observed_generation: int = Field(description="The generation of the spec that this was said of.")


class ModelDeploymentStatus(ApiModel):
    """What the operator reports."""

    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that this status was made for."
    )
    phase: Phase | None = Field(default=None, description="The state in one word; conditions say more.")
    url: str | None = Field(default=None, description="Where clients send requests.")
    replicas: int | None = Field(default=None, description="Pods of the stable revision.")
    selector: str | None = Field(default=None, description="Label selector of the stable revision's pods, for scalers.")
    stable: RevisionStatus | None = Field(default=None, description="The revision that is trusted with the traffic.")
    candidate: RevisionStatus | None = Field(default=None, description="The revision that is being rolled out.")
    rollout: RolloutStatus | None = Field(default=None, description="The state of the rollout.")
    conditions: list[Condition] = Field(
        default=[],
        description="Aspects of the state, each with its reason.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
