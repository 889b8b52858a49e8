"""The ModelDeployment's `status`: what the operator reports, and everything it needs to continue after a restart."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema

from nereid.api.provenance import ObservedProvenance
from nereid.api.rollout import Strategy
from nereid.api.rollout_stage import Stage
from nereid.api.schema import ApiModel
from nereid.api.webhooks import WebhookEvent

RolloutPhase = Literal[
    "Idle",
    "Preparing",
    "Propagating",
    "Analyzing",
    "Holding",
    "Paused",
    "Promoting",
    "Baking",
    "RollingBack",
    "Completed",
    "Failed",
]
ComparisonName = Literal["Better", "Worse", "Undecided"]
VerdictName = Literal["Pass", "Fail", "Inconclusive", "Continue"]
Phase = Literal["Pending", "Progressing", "Paused", "Ready", "Sleeping", "Degraded", "Failed"]
ApprovalAnswer = Literal["Approved", "NotYet", "Refused"]
SleepPhase = Literal["Awake", "FallingAsleep", "Asleep", "Waking"]
Concern = Literal[
    "Children",
    "Routes",
    "Pods",
    "SourceJobs",
    "Source",
    "Registry",
    "Model",
    "Route",
    "Counts",
    "Requests",
    "Queries",
    "Webhooks",
]
ConditionStatus = Literal["True", "False", "Unknown"]


def rfc3339(moment: datetime) -> str:
    """Write a UTC time as Kubernetes does: whole seconds and a Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _in_calendar(moment: datetime) -> datetime:
    """Return a time in UTC, from which any duration of a spec can be added or subtracted."""
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not _FIRST_YEAR <= utc.year <= _LAST_YEAR:
        raise ValueError(f"must be between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return utc.astimezone(UTC)


_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2500

Time = Annotated[datetime, AfterValidator(_in_calendar), PlainSerializer(rfc3339, when_used="json")]
# The limits keep the operator from reading back what it cannot have written.
RevisionId = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
WebhookCallId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,200}$")]
Percentage = Annotated[int, Field(ge=0, le=100)]
Pods = Annotated[int, Field(ge=0, le=2**31 - 1)]
Ordinal = Annotated[int, Field(ge=0, le=2**31 - 1)]
# Where the operator stops counting, whatever somebody has written: what it writes can always be read back.
MOST_COUNTED: Final = 10**9
Requests = Annotated[int, Field(ge=0, le=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class RevisionStatus(ApiModel):
    """One of the two revisions that may get traffic."""

    revision: RevisionId = Field(description="Id of the revision: a hash of the fields that shape its pods.")
    version: str = Field(description="The version label of its pods: spec.model.version and the revision.")
    model_uri: str = Field(description="URI of its model.")
    weight: Percentage = Field(description="Percentage of requests that are routed to it.")
    replicas: Pods = Field(description="Desired number of pods.")
    ready_replicas: Pods = Field(description="Number of ready pods.")
    provenance: ObservedProvenance | None = Field(
        default=None, description="What its model was made from, and what was fetched."
    )


class RetiringRevision(ApiModel):
    """A revision that no longer gets traffic and keeps its pods until it has drained, or one of them for its log."""

    revision: RevisionId = Field(description="Id of the revision.")
    since: Time = Field(description="When its traffic ended.")
    replicas: Pods = Field(description="Pods that it keeps while it drains.")
    looked_at: Time | None = Field(default=None, description="When its request counters were last read.")
    requests: Requests | None = Field(default=None, description="How many requests it had answered at that time.")
    was_late: bool | None = Field(
        default=None,
        description="Whether that was so long after it was due that the time before did not count in full.",
    )
    requested_at: Time | None = Field(
        default=None, description="When its counters last showed requests that came after its traffic had ended."
    )
    may_return: bool | None = Field(
        default=None,
        description=(
            "Whether it was stable until a rollout replaced it: if the spec asks for it again while it has pods, it "
            "gets all traffic back at once."
        ),
    )
    log_kept_from: Time | None = Field(
        default=None,
        description=(
            "Since when one of its pods is kept for its log, as it failed; how long, spec.rollout.keepFailedPod says."
        ),
    )
    drained: bool | None = Field(
        default=None, description="Whether it has drained, and the pod that is kept for its log is the only one left."
    )


class FailedRollout(ApiModel):
    """A failed rollout. The revision is not tried again until the user retries it or changes the spec."""

    revision: RevisionId = Field(description="Id of the revision that failed.")
    attempt: Ordinal = Field(description="Number of the attempt that failed, from 1.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in a sentence.")
    at: Time = Field(description="When it failed.")


class FirstBakeStatus(ApiModel):
    """The bake of the first revision, which serves: there is nothing to go back to."""

    since: Time = Field(description="When it began, or began again as something was found.")
    failure: FailedRollout | None = Field(
        default=None, description="What was found; it stands until the revision was fine for as long as a bake takes."
    )


class RateStatus(ApiModel):
    """A share of bad requests, with its 95% confidence interval (Wilson)."""

    requests: Requests = Field(description="Requests that were counted.")
    bad: Requests = Field(description="How many of them were bad.")
    percent: float | None = Field(default=None, description="Their share.")
    low: float | None = Field(default=None, description="Lower end of the interval, in percent.")
    high: float | None = Field(default=None, description="Upper end of the interval, in percent.")


class EvidenceStatus(ApiModel):
    """How far the evidence is from a decision, in odds: 200 means 200 to 1."""

    reached: float = Field(description="The evidence so far.")
    needed: float = Field(description="The evidence that decides.")
    more_requests: int | None = Field(
        default=None,
        description="Estimate of how many more requests to the candidate a decision takes, if it can be reached.",
    )


class MetricStatus(ApiModel):
    """The state of one metric that is judged."""

    name: str = Field(description="Name of the metric: errors, rejections, slow, or that of a business metric.")
    candidate: RateStatus = Field(description="The candidate's share of bad requests.")
    stable: RateStatus = Field(description="Stable's, over the same time.")
    failing: EvidenceStatus = Field(description="The evidence that the candidate is worse than tolerated.")
    passing: EvidenceStatus = Field(
        description=(
            "The evidence that it is good enough at its present traffic: not much worse than stable, or, where they "
            "cannot be compared, within the guard's ceiling."
        )
    )
    comparison: ComparisonName | None = Field(
        default=None,
        description="Of a business metric: whether it is better or worse than stable's. It decides an A/B test.",
    )
    better: EvidenceStatus | None = Field(
        default=None, description="Of a business metric: the evidence that it is better than stable's."
    )
    worse: EvidenceStatus | None = Field(
        default=None, description="Of a business metric: the evidence that it is worse than stable's."
    )
    evidence: Annotated[
        dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    ] = Field(description="The judge's internal state, from which it continues after a restart.")


class QueryStatus(ApiModel):
    """The last result of one of the user's queries."""

    name: str = Field(description="Name of the query.")
    value: Finite | None = Field(default=None, description="Its value for the candidate; not set if there was no data.")
    stable_value: Finite | None = Field(default=None, description="Its value for stable, if it is compared.")
    passed: bool | None = Field(
        default=None,
        description=(
            "Whether it was within its limits when it last had data; not set before it had any at the candidate's "
            "present traffic, and after three intervals without data."
        ),
    )
    failures: Ordinal = Field(description="How many times in a row it exceeded a limit.")
    missing: Ordinal = Field(default=0, description="How many times in a row it had no data.")
    definition: str | None = Field(default=None, description="Hash of the query and its limits.")


class RouteShareStatus(ApiModel):
    """How many of the requests the candidate got, compared with its weight."""

    weight: Percentage = Field(description="The weight at which they were counted.")
    candidate: Requests = Field(description="Requests to the candidate.")
    requests: Requests = Field(description="Requests to both revisions.")
    effective: bool = Field(description="Whether these can be by this weight. If not, they are those of the last look.")


class BakeStatus(ApiModel):
    """The errors of the candidate since it has had all traffic, against a ceiling that this rollout has learned."""

    ceiling_percent: float = Field(
        description="The share of failed requests above which it is rolled back, from stable's own in this rollout."
    )
    candidate: RateStatus = Field(description="The candidate's share of failed requests in this time.")
    evidence: EvidenceStatus = Field(description="The evidence that it is above the ceiling.")
    state: Annotated[
        dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    ] = Field(description="The judge's internal state, from which it continues after a restart.")


class LeftOutStatus(ApiModel):
    """Requests that somebody reports, and that count neither for nor against the candidate."""

    reason: str = Field(
        description=(
            "Why, in one word: NotByTheRoute, CallersNotBelieved or SeriesWithoutNamespace, as in condition "
            "RequestsLeftOut."
        )
    )
    message: str = Field(description="Which requests, why, and what to change.")


class AnalysisStatus(ApiModel):
    """What the analysis knows about the candidate."""

    sampled_at: Time = Field(description="Time up to which requests have been counted.")
    looked_at: Time = Field(description="When the provider was last queried.")
    verdict: VerdictName = Field(description="The verdict at the last interval.")
    message: str = Field(default="", description="What the verdict means, and which evidence is still missing.")
    revision: RevisionId | None = Field(default=None, description="Id of the revision that is judged.")
    shares: Ordinal | None = Field(default=None, description="Among how many metrics alpha is shared.")
    exposed_at: Time | None = Field(
        default=None, description="When the candidate's traffic last rose; the evidence for passing began then."
    )
    audience: str | None = Field(default=None, description="Hash of which requests an A/B test picks.")
    errors: Ordinal = Field(default=0, description="How many times in a row the provider has failed.")
    error: str | None = Field(default=None, description="Why the provider failed last.")
    error_reason: str | None = Field(
        default=None, description="CountsDisagree, if the provider's counts contradict each other."
    )
    left_out: LeftOutStatus | None = Field(
        default=None, description="Which requests the last sample did not count, if any."
    )
    route: RouteShareStatus | None = Field(
        default=None, description="Whether the mesh does what the route says; not set where that cannot be seen."
    )
    metrics: list[MetricStatus] = Field(default=[], description="The metrics that are judged.")
    queries: list[QueryStatus] = Field(default=[], description="The user's own queries.")
    triton_candidate: RateStatus | None = Field(
        default=None, description="Errors of the candidate, as counted by Triton."
    )
    triton_stable: RateStatus | None = Field(default=None, description="Errors of stable, as counted by Triton.")
    usual: RateStatus | None = Field(
        default=None, description="Stable's share of failed requests in this rollout, by which the bake is judged."
    )
    bake: BakeStatus | None = Field(default=None, description="What is known since the candidate has had all traffic.")


class CheckStatus(ApiModel):
    """The result of one check."""

    name: str = Field(description="Name of the check.")
    passed: bool = Field(description="Whether it passed.")
    message: str = Field(description="The figures, in a sentence.")
    unknown: bool | None = Field(
        default=None,
        description="Whether it could not be run, which is no reason to fail as nobody had asked for it.",
    )


class ChecksStatus(ApiModel):
    """The results of the last run of the checks."""

    step: Ordinal = Field(description="Index of the step that the checks precede.")
    run: str | None = Field(default=None, description="Id of the run, which the check Job's label has.")
    exposure: str | None = Field(
        default=None,
        description=(
            "Traffic that they precede: w50 is 50% of the requests, m50 copies of 50%, ab an A/B test, pre a preview."
        ),
    )
    results: list[CheckStatus] = Field(description="One result for each check.")


class ServedRevision(ApiModel):
    """A revision that is or was stable."""

    revision: RevisionId = Field(description="Id of the revision.")
    version: str = Field(description="The version label of its pods.")
    model_uri: str = Field(description="URI of its model.")
    served_from: Time | None = Field(default=None, description="When it became stable.")
    served_until: Time | None = Field(
        default=None, description="When another revision took over; not set while it is stable."
    )
    left_reason: str | None = Field(
        default=None,
        description=(
            "Why it was left, in one word: Superseded by a promotion, Reverted by the spec, RolledBackByHand; the "
            "reason of the failure, if a later rollout of it failed; StatusLost, if that is not known. Every other "
            "reason than Superseded keeps it from the fast track, and from a rollback that does not name it. Not set "
            "while it is stable."
        ),
    )
    left_message: str | None = Field(default=None, description="Why it was left, in a sentence.")
    provenance: ObservedProvenance | None = Field(
        default=None, description="What its model was made from, and what was fetched."
    )


class AttemptStatus(ApiModel):
    """How often a revision was tried."""

    revision: RevisionId = Field(description="Id of the revision.")
    attempt: Ordinal = Field(description="Number of its last attempt.")


class PinnedRevision(ApiModel):
    """A revision that the user rolled back to by hand; it stays until the spec asks for another one."""

    revision: RevisionId = Field(description="Id of the revision that is pinned.")
    instead_of: RevisionId = Field(description="Id of the revision that the spec asks for.")


class PendingNotification(ApiModel):
    """What a webhook is still to be told."""

    id: WebhookCallId = Field(description="Id of the notification: the same each time it is sent.")
    event: WebhookEvent = Field(description="What happened.")
    at: Time = Field(description="When it happened.")
    revision: RevisionId = Field(description="Id of the revision that it is about.")
    version: str | None = Field(default=None, max_length=63, description="Its version label in the spec.")
    attempt: Ordinal = Field(description="Number of the attempt at that revision.")
    weight: Percentage = Field(description="Percentage of requests that it answered then.")
    reason: str = Field(max_length=64, description="The reason of the rollout's state then, in one word.")
    message: str = Field(max_length=1024, description="What happened, in a sentence.")


class WebhookStatus(ApiModel):
    """What the operator knows of a webhook: all that it needs to continue after a restart."""

    name: str = Field(max_length=63, description="Its name in the spec.")
    approval: WebhookCallId | None = Field(
        default=None, description="Id of the approval that it was last asked for: the same each time it is asked."
    )
    answer: ApprovalAnswer | None = Field(default=None, description="What it answered the last time.")
    message: str | None = Field(
        default=None, max_length=1024, description="What its answer said, or why it could not be called."
    )
    called_at: Time | None = Field(default=None, description="When its last call ended.")
    calls: Ordinal | None = Field(
        default=None, description="How often it was called for this approval, or for the first of the pending ones."
    )
    failures: Ordinal | None = Field(default=None, description="How many calls in a row have failed.")
    pending: list[PendingNotification] | None = Field(
        default=None, max_length=16, description="What it is still to be told, oldest first."
    )


class RolloutStatus(ApiModel):
    """The state of the rollout: everything the operator needs to continue it after a restart."""

    state: RolloutPhase = Field(description="State of the rollout.")
    stage: Stage | None = Field(
        default=None,
        description="The exact stage, from which the operator continues; `state` and `reason` are for people.",
    )
    strategy: Strategy | None = Field(default=None, description="Strategy of the current rollout.")
    step: Ordinal = Field(
        description="Index of the current step, from 0; equal to the number of steps after the last one."
    )
    mirror: Percentage | None = Field(
        default=None, description="Percentage of requests of which the candidate gets a copy."
    )
    matched: bool | None = Field(default=None, description="Whether the candidate gets the requests of an A/B test.")
    preview: bool | None = Field(default=None, description="Whether the preview hosts route to the candidate.")
    floor: Pods | None = Field(
        default=None, description="Minimum number of pods of stable until five minutes after the rollout."
    )
    fast_track: bool | None = Field(
        default=None, description="Whether the candidate was stable before and skips steps, checks and analysis."
    )
    since: Time = Field(description="When this state began.")
    seen_at: Time | None = Field(
        default=None,
        description="When the route was last seen to be as decided, if the time before did not count in full.",
    )
    baked: bool | None = Field(
        default=None, description="Whether the bake is over, so that stable's last share goes to the candidate too."
    )
    promoted: bool | None = Field(
        default=None, description="Whether this attempt was promoted by hand before its bake began."
    )
    first_bake: FirstBakeStatus | None = Field(
        default=None, description="The bake of the first revision, while it lasts."
    )
    urgent: bool | None = Field(
        default=None,
        description=(
            "Whether stable is to get the traffic back even if that is up to twice what its ready pods usually get."
        ),
    )
    started_at: Time | None = Field(default=None, description="When the last rollout began.")
    attempt: Ordinal = Field(description="Number of the attempt at this candidate, from 1.")
    trial: Ordinal | None = Field(
        default=None,
        description="Number of this rollout among those in which this revision was judged: they share beta.",
    )
    reason: str = Field(description="Why it is in this state, in one word.")
    message: str = Field(description="What is happening and what comes next.")
    next_look: Time | None = Field(
        default=None, description="When a timer next moves the rollout on, if it waits for one."
    )
    retiring: list[RetiringRevision] = Field(default=[], description="Revisions without traffic that still have pods.")
    failed: FailedRollout | None = Field(
        default=None, description="The last failed rollout, while the spec still asks for its revision."
    )
    analysis: AnalysisStatus | None = Field(default=None, description="What the analysis knows about the candidate.")
    checks: ChecksStatus | None = Field(default=None, description="The results of the candidate's last checks.")
    pinned: PinnedRevision | None = Field(
        default=None, description="The revision of a rollback by hand, while it is pinned."
    )
    rollbacks: Ordinal = Field(default=0, description="Number of rollbacks by hand so far.")
    attempts: list[AttemptStatus] = Field(
        default=[],
        description=(
            "The last attempt of each revision that was tried lately, oldest first. A number is never used again, so "
            "that an old annotation does not act on a later rollout of the same revision."
        ),
    )
    forgotten_attempts: Ordinal | None = Field(
        default=None, description="The highest number of an attempt that is no longer listed in attempts."
    )
    webhooks: list[WebhookStatus] | None = Field(
        default=None, max_length=16, description="What is known of the spec's webhooks that were called, or are to be."
    )


class ScalingStatus(ApiModel):
    """Whether the stable revision sleeps, if minReplicas is 0: all that the operator needs to continue."""

    state: SleepPhase = Field(description="Whether it is awake; in any other state requests go through the activator.")
    since: Time = Field(description="When this state began.")
    looked_at: Time | None = Field(default=None, description="When its request counters were last read.")
    was_late: bool | None = Field(
        default=None,
        description="Whether that was so long after it was due that the time before did not count in full.",
    )
    requests: Requests | None = Field(default=None, description="How many requests it had answered at that time.")


class ResolutionFailure(ApiModel):
    """Why a reference could not be resolved the last time."""

    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in a sentence that says what to change.")


class ResolutionStatus(ApiModel):
    """What a reference resolves to: an alias or latest of MLflow, an OCI tag, a Hugging Face branch."""

    id: str = Field(description="Hash of the URI, its endpoint and its credentials.")
    uri: str = Field(description="The URI to resolve.")
    resolved_uri: str | None = Field(default=None, description="The fixed URI that it resolves to.")
    resolved_at: Time | None = Field(default=None, description="When it first resolved to this URI.")
    checked_at: Time | None = Field(default=None, description="When it was last resolved.")
    next_check: Time | None = Field(default=None, description="When it is resolved next, if it is.")
    failures: Ordinal = Field(default=0, description="How many times in a row it could not be resolved.")
    failure: ResolutionFailure | None = Field(default=None, description="Why it could not be resolved the last time.")
    provenance: ObservedProvenance | None = Field(default=None, description="What the registry knows about it.")
    tagged: str | None = Field(
        default=None, description="The revision that was last tagged as stable in the registry, with tagRegistry."
    )


class LinksStatus(ApiModel):
    """Web pages of the model, if the operator is configured with them."""

    kiali: str | None = Field(default=None, description="The model's traffic in Kiali.")
    grafana: str | None = Field(default=None, description="The model's dashboard in Grafana.")


class ProblemStatus(ApiModel):
    """Something that is wrong and was told of: what the operator remembers of it, so that it tells of it once."""

    concern: Concern = Field(
        description=(
            "What it is about: Children that could not be applied, Routes that cannot be as they are asked for, Pods "
            "that are not ready, SourceJobs that could not be made, the Source of the model, its Registry, the "
            "Model that pods have fetched, a Route that has no effect, Counts that disagree, Requests that do not "
            "count, Queries that may not be run, or Webhooks."
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
            "Type of the condition: Ready, Available, Progressing, RolloutPassed, SpecValid; Scaling with "
            "maxReplicas; ModelResolved if the URI is a reference; RegistryTagged with tagRegistry; ModelChanged "
            "while pods of one revision have fetched different models; RouteNotEffective while the mesh does not do "
            "what the routes say; CountsDisagree while callers report other counts than the pods; RequestsLeftOut "
            "while requests that somebody reports do not count; QueriesNotAllowed while the spec has PromQL of its "
            "user's own and the operator may not run it; WebhookFailing while a webhook cannot be called."
        )
    )
    status: ConditionStatus = Field(description="Whether the condition is true.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in a sentence that says what to change if something must be changed.")
    last_transition_time: Time = Field(description="When the status last changed.")
    observed_generation: int = Field(description="The generation of the spec that the condition refers to.")


class ModelDeploymentStatus(ApiModel):
    """What the operator reports."""

    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that this status refers to."
    )
    phase: Phase | None = Field(default=None, description="The state in one word; the conditions have the details.")
    url: str | None = Field(default=None, description="Where clients send requests.")
    replicas: Pods | None = Field(default=None, description="Number of pods of the stable revision.")
    selector: str | None = Field(default=None, description="Label selector of the stable revision's pods, for scalers.")
    stable: RevisionStatus | None = Field(default=None, description="The revision that is trusted with the traffic.")
    candidate: RevisionStatus | None = Field(default=None, description="The revision that is being rolled out.")
    rollout: RolloutStatus | None = Field(default=None, description="The state of the rollout.")
    scaling: ScalingStatus | None = Field(default=None, description="Whether the model sleeps, if minReplicas is 0.")
    resolution: ResolutionStatus | None = Field(
        default=None, description="What the model's URI resolves to, if it is a reference."
    )
    links: LinksStatus | None = Field(default=None, description="Web pages of the model.")
    history: list[ServedRevision] = Field(
        default=[], description="The stable revision and those before it, newest first."
    )
    problems: list[ProblemStatus] | None = Field(
        default=None, max_length=16, description="What is wrong, at most one thing of each kind; conditions say more."
    )
    conditions: list[Condition] = Field(
        default=[],
        description="Aspects of the state, each with its reason.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
