"""The ModelDeployment's `status`: what the operator reports, and all that it needs to continue after a restart."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, WithJsonSchema

from nereid.api.provenance import ObservedProvenance
from nereid.api.rollout import Strategy
from nereid.api.schema import ApiModel

RolloutPhase = Literal[
    "Idle",
    "Preparing",
    "Propagating",
    "Analyzing",
    "Holding",
    "Paused",
    "Promoting",
    "RollingBack",
    "Completed",
    "Failed",
]
VerdictName = Literal["Pass", "Fail", "Inconclusive", "Continue"]
Phase = Literal["Pending", "Progressing", "Paused", "Ready", "Sleeping", "Degraded", "Failed"]
SleepPhase = Literal["Awake", "FallingAsleep", "Asleep", "Waking"]
Concern = Literal["Children", "Routes", "Pods", "SourceJobs", "Source", "Registry", "Model"]
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
    provenance: ObservedProvenance | None = Field(
        default=None, description="What its model was made from, and what was fetched."
    )


class RetiringRevision(ApiModel):
    """A revision that gets no traffic any more and keeps its pods until it has drained."""

    revision: str = Field(description="Id of the revision.")
    since: Time = Field(description="When its traffic was taken away.")
    replicas: int = Field(description="Pods that it keeps while it drains.")
    looked_at: Time | None = Field(default=None, description="When its requests were last looked at.")
    requests: int | None = Field(default=None, description="How many it had answered at that look.")


class FailedRollout(ApiModel):
    """A rollout that did not succeed. The revision is not tried again until its user says so."""

    revision: str = Field(description="Id of the revision that failed.")
    attempt: int = Field(description="Which attempt at this revision failed, from 1.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in a sentence.")
    at: Time = Field(description="When it failed.")


class RateStatus(ApiModel):
    """A share of bad requests, with the interval in which the true one lies in 95 of 100 cases (Wilson)."""

    requests: int = Field(description="Requests that were counted.")
    bad: int = Field(description="How many of them were bad.")
    percent: float | None = Field(default=None, description="Their share.")
    low: float | None = Field(default=None, description="Lower end of the interval, in percent.")
    high: float | None = Field(default=None, description="Upper end of the interval, in percent.")


class EvidenceStatus(ApiModel):
    """How far the evidence is on its way to a decision, as "so many to one"."""

    reached: float = Field(description="The evidence so far.")
    needed: float = Field(description="The evidence that decides.")
    more_requests: int | None = Field(
        default=None, description="About how many more requests to the candidate that takes, if it ever gets there."
    )


class MetricStatus(ApiModel):
    """What is known about one metric of the candidate."""

    name: str = Field(description="Name of the metric: errors, rejections or slow.")
    candidate: RateStatus = Field(description="The candidate's share of bad requests.")
    stable: RateStatus = Field(description="Stable's, over the same time.")
    failing: EvidenceStatus = Field(description="The evidence that the candidate is worse than is tolerated.")
    passing: EvidenceStatus = Field(description="The evidence that it is good enough.")
    evidence: Annotated[
        dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    ] = Field(description="What the judge continues from after a restart.")


class QueryStatus(ApiModel):
    """What a query of the user's last told."""

    name: str = Field(description="Name of the query.")
    value: float | None = Field(default=None, description="Its value for the candidate; none without data.")
    stable_value: float | None = Field(default=None, description="Its value for stable, where it is compared.")
    passed: bool | None = Field(default=None, description="Whether it was within its limits when it last had data.")
    failures: int = Field(description="How many times in a row it was beyond a limit.")


class AnalysisStatus(ApiModel):
    """What the judge knows about the candidate."""

    sampled_at: Time = Field(description="Until when requests have been counted.")
    looked_at: Time = Field(description="When the provider was last asked.")
    verdict: VerdictName = Field(description="What the judge said at the last look.")
    message: str = Field(default="", description="What it means, and what is still needed.")
    errors: int = Field(default=0, description="How many times in a row the provider failed.")
    error: str | None = Field(default=None, description="Why it failed the last time.")
    metrics: list[MetricStatus] = Field(default=[], description="The metrics that are judged.")
    queries: list[QueryStatus] = Field(default=[], description="The queries of the user's own.")
    triton_candidate: RateStatus | None = Field(default=None, description="What Triton itself counted: candidate.")
    triton_stable: RateStatus | None = Field(default=None, description="What Triton itself counted: stable.")


class CheckStatus(ApiModel):
    """What has come of one check."""

    name: str = Field(description="Name of the check.")
    passed: bool = Field(description="Whether it passed.")
    message: str = Field(description="The figures, in a sentence.")


class ChecksStatus(ApiModel):
    """What has come of the checks that were last run."""

    step: int = Field(description="Index of the step that they open.")
    results: list[CheckStatus] = Field(description="Each check.")


class ServedRevision(ApiModel):
    """A revision that is stable, or was."""

    revision: str = Field(description="Id of the revision.")
    version: str = Field(description="The version label of its pods.")
    model_uri: str = Field(description="Where its model came from.")
    served_from: Time | None = Field(default=None, description="When it became stable.")
    served_until: Time | None = Field(default=None, description="When another took over; none while it is stable.")
    provenance: ObservedProvenance | None = Field(
        default=None, description="What its model was made from, and what was fetched."
    )


class PinnedRevision(ApiModel):
    """A revision that its user went back to by hand; it stays until the spec asks for something else."""

    revision: str = Field(description="Id of the revision that is wanted instead.")
    instead_of: str = Field(description="Id of the revision that the spec asks for.")


class RolloutStatus(ApiModel):
    """The state of the rollout: all that the operator needs to continue it after a restart."""

    state: RolloutPhase = Field(description="What the rollout is doing.")
    strategy: Strategy | None = Field(default=None, description="The strategy of the rollout under way.")
    step: int = Field(description="Index of the step that it is at, from 0; the number of steps stands for the end.")
    mirror: int | None = Field(default=None, description="Percentage of requests of which the candidate gets a copy.")
    matched: bool | None = Field(default=None, description="Whether the candidate gets the requests of an A/B test.")
    preview: bool | None = Field(default=None, description="Whether the preview hosts lead to the candidate.")
    floor: int | None = Field(
        default=None, description="Pods that stable keeps, at least, until five minutes after the rollout."
    )
    fast_track: bool | None = Field(
        default=None, description="Whether the candidate served before and skips steps, checks and analysis."
    )
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
    analysis: AnalysisStatus | None = Field(default=None, description="What the judge knows about the candidate.")
    checks: ChecksStatus | None = Field(default=None, description="What the last checks of the candidate told.")
    pinned: PinnedRevision | None = Field(default=None, description="A rollback by hand, while it holds.")
    rollbacks: int = Field(default=0, description="How many rollbacks by hand were carried out.")


class ScalingStatus(ApiModel):
    """Whether the stable revision sleeps, for a model that may: all that the operator needs to continue."""

    state: SleepPhase = Field(description="Whether it is awake; where it is not, requests wait in the activator.")
    since: Time = Field(description="When this state began.")
    looked_at: Time | None = Field(default=None, description="When its requests were last looked at.")
    requests: int | None = Field(default=None, description="How many it had answered at that look.")


class ResolutionFailure(ApiModel):
    """Why a reference could not be resolved when it was last looked at."""

    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in a sentence that says what to change.")


class ResolutionStatus(ApiModel):
    """What a URI that may move leads to: an alias or latest of MLflow, a tag of an image, a branch of a hub."""

    id: str = Field(description="What was asked: a hash of the URI and of how it is reached.")
    uri: str = Field(description="The URI that was asked for.")
    resolved_uri: str | None = Field(default=None, description="What it leads to, which never changes.")
    resolved_at: Time | None = Field(default=None, description="When it was first found to lead there.")
    checked_at: Time | None = Field(default=None, description="When it was last looked at.")
    next_check: Time | None = Field(default=None, description="When it is looked at again, if it is.")
    failures: int = Field(default=0, description="How often in a row it could not be resolved.")
    failure: ResolutionFailure | None = Field(default=None, description="Why it could not be when last looked at.")
    provenance: ObservedProvenance | None = Field(default=None, description="What the registry knows about it.")
    tagged: str | None = Field(
        default=None, description="Which revision the registry was last told to be stable, with tagRegistry."
    )


class LinksStatus(ApiModel):
    """Where the model can be looked at, as the operator's installer set it up."""

    kiali: str | None = Field(default=None, description="Its traffic, in Kiali.")
    grafana: str | None = Field(default=None, description="Its dashboard, in Grafana.")


class Problem(ApiModel):
    """Something that is wrong and was told of: what the operator remembers of it, so that it tells of it once."""

    concern: Concern = Field(
        description=(
            "What it is about: Children that could not be applied, Routes that cannot be as they are asked for, Pods "
            "that are not ready, SourceJobs that could not be made, the Source of the model, its Registry, or the "
            "Model that pods have fetched."
        )
    )
    reason: str = Field(description="Why, in one word.")
    message: str | None = Field(
        default=None, description="Why, in a sentence, where it is repeated until another attempt has been made."
    )


class Condition(ApiModel):
    """One aspect of the state, as the Kubernetes API conventions define conditions."""

    type: str = Field(
        description=(
            "Which aspect: Ready, Available, Progressing, RolloutPassed, SpecValid, with maxReplicas Scaling, where "
            "the URI is looked up ModelResolved, with tagRegistry RegistryTagged, and ModelChanged while pods of one "
            "revision have fetched different models."
        )
    )
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
    scaling: ScalingStatus | None = Field(default=None, description="Whether the model sleeps, where it may.")
    resolution: ResolutionStatus | None = Field(
        default=None, description="What the model's URI leads to, where that may move."
    )
    links: LinksStatus | None = Field(default=None, description="Where the model can be looked at.")
    history: list[ServedRevision] = Field(
        default=[], description="The stable revision and those before it, newest first."
    )
    problems: list[Problem] | None = Field(
        default=None, max_length=8, description="What is wrong, at most one thing of each kind; conditions say more."
    )
    conditions: list[Condition] = Field(
        default=[],
        description="Aspects of the state, each with its reason.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
