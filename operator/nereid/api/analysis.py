"""`spec.rollout.analysis`: by which evidence a candidate is judged while it gets traffic."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import ApiModel, DnsLabel, Duration, rule, rules

AnalysisProvider = Literal["Prometheus", "Triton", "None"]
OnInconclusive = Literal["Pause", "Continue", "Rollback"]


class JudgeSpec(ApiModel):
    """Where the judge draws its lines, as odds ratios: how many times stable's odds of a bad request."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "(has(self.tolerated) ? self.tolerated : 1.5) < (has(self.against) ? self.against : 3.0)",
                "tolerated (default 1.5) must be below against (default 3)",
            )
        )
    )

    tolerated: Annotated[float, Field(ge=1, le=100)] | None = Field(
        default=None, description="A candidate up to this many times as bad as stable must not fail. Default: 1.5."
    )
    against: Annotated[float, Field(ge=1, le=1000)] | None = Field(
        default=None, description="A candidate this many times as bad as stable must not pass. Default: 3."
    )
    negligible_percent: Annotated[float, Field(gt=0, le=50)] | None = Field(
        default=None,
        description=(
            "A percentage of bad requests that is good enough whatever stable's is, so that two flawless versions can "
            "pass: 1 takes about 500 requests without an error, 5 about 100. Default: 1."
        ),
    )
    alpha: Annotated[float, Field(ge=0.001, le=0.5)] | None = Field(
        default=None,
        description="The probability, over a whole rollout, to fail a candidate that is tolerated. Default: 0.01.",
    )
    beta: Annotated[float, Field(ge=0.001, le=0.5)] | None = Field(
        default=None, description="The probability to pass a candidate that must not pass. Default: 0.05."
    )


class GuardSpec(ApiModel):
    """Ceilings that no candidate may exceed, whatever stable does: a candidate beyond one is rolled back at once."""

    max_error_percent: Annotated[float, Field(gt=0, le=99)] | None = Field(
        default=None,
        description=(
            "The most requests, in percent, that may fail. The candidate is taken to be beyond it when the evidence "
            "against its being within reaches 1 / alpha. Default: 10."
        ),
    )
    max_slow_percent: Annotated[float, Field(gt=0, le=99)] | None = Field(
        default=None,
        description="The most requests, in percent, that may be slower than the latency objective. Default: none.",
    )
    min_requests: Annotated[int, Field(ge=5, le=1_000_000)] | None = Field(
        default=None,
        description=(
            "How many requests it takes before the guard decides anything, or an A/B test passes. Default: 10."
        ),
    )


class QueryCheck(ApiModel):
    """A PromQL query of the user's, with what its value must be."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.min) || has(self.max) || has(self.maxRatioToStable)",
                "a query needs a limit: min, max or maxRatioToStable",
            ),
            rule("!has(self.min) || !has(self.max) || self.min <= self.max", "min must not be above max"),
        )
    )

    name: DnsLabel = Field(description="Its name in status and events.")
    query: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        description=(
            "PromQL that gives one number. {{namespace}}, {{name}}, {{revision}}, {{workload}} (the revision's "
            "Deployment and Service) and {{interval}} are replaced."
        )
    )
    min: float | None = Field(default=None, description="The least that the value may be.")
    max: float | None = Field(default=None, description="The most that the value may be.")
    max_ratio_to_stable: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="The most that the candidate's value may be of stable's, for which the query is asked as well.",
    )
    failure_limit: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="How many times in a row it must be beyond a limit to fail the candidate. Default: 3."
    )


class AnalysisSpec(ApiModel):
    """How a candidate with traffic is judged. Left out, it is judged by errors, with the defaults below."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.queries) || !has(self.provider) || self.provider == 'Prometheus'",
                "queries need provider Prometheus",
            ),
            rule(
                "!has(self.latencyObjectiveMilliseconds) || !has(self.provider) || self.provider == 'Prometheus'",
                "latencyObjectiveMilliseconds needs provider Prometheus, as Triton counts no slow requests",
            ),
            rule(
                "!has(self.guard) || !has(self.guard.maxSlowPercent) || has(self.latencyObjectiveMilliseconds)",
                "guard.maxSlowPercent needs latencyObjectiveMilliseconds, which says what is slow",
            ),
            rule(
                "!has(self.interval) || (duration(self.interval) >= duration('5s') && "
                "duration(self.interval) <= duration('10m'))",
                "interval must be from 5s to 10m",
            ),
        )
    )

    provider: AnalysisProvider | None = Field(
        default=None,
        description=(
            "Where the counts come from. Prometheus: Istio's metrics, as the callers' proxies report them. Triton: the "
            "servers' own counters, read from the pods, without Prometheus. None: nothing is judged, and steps move "
            "by time. Default: Prometheus where the operator was told of one, or the spec needs it, else Triton."
        ),
    )
    interval: Duration | None = Field(
        default=None, description="How often the candidate is looked at, from 5s to 10m. Default: 30s."
    )
    deadline: Duration | None = Field(
        default=None,
        description=(
            "How long after a step's hold the evidence may be undecided before it is inconclusive. Default: 30m."
        ),
    )
    on_inconclusive: OnInconclusive | None = Field(
        default=None,
        description=(
            "What happens when the evidence is still undecided at the deadline: Pause until it is decided or the user "
            "promotes or aborts, Continue with the next step, or Rollback. Default: Pause."
        ),
    )
    latency_objective_milliseconds: Annotated[int, Field(ge=1, le=3_600_000)] | None = Field(
        default=None,
        description=(
            "A request that takes longer is slow. Must be a bucket bound of istio_request_duration_milliseconds, as "
            "50, 100, 250, 500 or 1000. Left out, latency is not judged."
        ),
    )
    judge: JudgeSpec | None = Field(default=None, description="Where the judge draws its lines.")
    guard: GuardSpec | None = Field(default=None, description="Ceilings that no candidate may exceed.")
    queries: (
        Annotated[
            list[QueryCheck],
            Field(
                min_length=1,
                max_length=10,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
        ]
        | None
    ) = Field(default=None, description="Checks of the user's own, asked of Prometheus at every interval.")
