"""`spec.rollout.analysis`: how a candidate is judged while it gets traffic."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import ApiModel, DnsLabel, Duration, rule, rules

AnalysisProvider = Literal["Prometheus", "Triton", "None"]
OnInconclusive = Literal["Pause", "Continue", "ContinueIfClean", "Rollback"]


class JudgeSpec(ApiModel):
    """The judge's margins, as odds ratios: multiples of stable's odds of a bad request."""

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
            "A percentage of bad requests that is good enough whatever stable's is, so that two versions without "
            "errors can pass: 1 takes about 600 requests without an error, 5 about 120. Default: 1."
        ),
    )
    alpha: Annotated[float, Field(ge=0.001, le=0.5)] | None = Field(
        default=None,
        description="Maximum probability, over a rollout, of failing a candidate that is tolerated. Default: 0.01.",
    )
    beta: Annotated[float, Field(ge=0.001, le=0.5)] | None = Field(
        default=None,
        description=(
            "Maximum probability, at each exposure and over all rollouts of a revision, of passing a candidate that "
            "must not pass there. Default: 0.05."
        ),
    )
    burst: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description=(
            "About how many bad requests have one cause and so come together, for instance because one fault fails "
            "all requests of a batch. So many count as one, so that a decision takes that many times the requests. "
            "Default: 1."
        ),
    )


class GuardSpec(ApiModel):
    """Ceilings that no candidate may exceed, whatever stable does: one that does is rolled back at once."""

    max_error_percent: Annotated[float, Field(gt=0, le=99)] | None = Field(
        default=None,
        description=(
            "Maximum percentage of requests that may fail. The candidate counts as above it once the evidence for "
            "that reaches 1 / alpha. Default: 10."
        ),
    )
    max_slow_percent: Annotated[float, Field(gt=0, le=99)] | None = Field(
        default=None,
        description="Maximum percentage of requests that may be slower than the latency objective. Default: none.",
    )
    min_requests: Annotated[int, Field(ge=5, le=1_000_000)] | None = Field(
        default=None,
        description=(
            "Minimum number of requests before the guard decides anything, or an A/B test passes. Default: 10."
        ),
    )


class QueryCheck(ApiModel):
    """PromQL of the user's: a query with limits for its value, or a business metric, compared with stable's."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.query) ? !has(self.bad) && !has(self.total) : has(self.bad) && has(self.total)",
                "an entry must set either query, or both bad and total",
            ),
            rule(
                "!has(self.query) || has(self.min) || has(self.max) || has(self.maxRatioToStable)",
                "a query requires a limit: set min, max or maxRatioToStable",
            ),
            rule(
                "has(self.query) || (!has(self.min) && !has(self.max) && !has(self.maxRatioToStable) && "
                "!has(self.failureLimit))",
                "bad and total are compared with stable's by the judge: remove min, max, maxRatioToStable and "
                "failureLimit, which are limits of a query",
            ),
            rule(
                "has(self.query) || !(self.name in ['errors', 'rejections', 'slow'])",
                "errors, rejections and slow are metrics of Nereid's own: choose another name",
            ),
            rule("!has(self.min) || !has(self.max) || self.min <= self.max", "min must not be greater than max"),
        )
    )

    name: DnsLabel = Field(description="Its name in status and events.")
    query: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description=(
            "PromQL that returns one number. {{namespace}}, {{name}}, {{revision}}, {{workload}} (the revision's "
            "Deployment and Service) and {{interval}} are replaced."
        ),
    )
    bad: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description=(
            "PromQL selector of the counters of bad outcomes, without any function: "
            'orders_total{outcome="abandoned",pod=~"{{workload}}-.+"}. Placeholders are replaced as in query. With '
            "total, it makes a business metric, which the judge compares with stable's as it does errors."
        ),
    )
    total: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None, description="PromQL selector of the counters of all outcomes, the bad ones included."
    )
    min: float | None = Field(default=None, description="Minimum of the value.")
    max: float | None = Field(default=None, description="Maximum of the value.")
    max_ratio_to_stable: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Maximum ratio of the candidate's value to stable's; the query is then evaluated for both.",
    )
    failure_limit: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="How many times in a row the value must exceed a limit for the candidate to fail. Default: 3.",
    )


class AnalysisSpec(ApiModel):
    """How a candidate with traffic is judged. If omitted, it is judged by errors, with the defaults below."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.queries) || !has(self.provider) || self.provider == 'Prometheus'",
                "queries require provider Prometheus",
            ),
            rule(
                "!has(self.latencyObjectiveMilliseconds) || !has(self.provider) || self.provider == 'Prometheus'",
                "latencyObjectiveMilliseconds requires provider Prometheus, as Triton does not count slow requests",
            ),
            rule(
                "!has(self.guard) || !has(self.guard.maxSlowPercent) || has(self.latencyObjectiveMilliseconds)",
                "guard.maxSlowPercent requires latencyObjectiveMilliseconds, which defines what is slow",
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
            "Source of the request counts. Prometheus: Istio's metrics, as reported by the callers' proxies. "
            "Triton: the servers' own counters, read from the pods, without Prometheus. None: nothing is judged, "
            "and steps advance by time. Default: Prometheus if the operator is configured with one or the spec "
            "requires it, otherwise Triton."
        ),
    )
    interval: Duration | None = Field(
        default=None,
        description=(
            "How often the candidate is judged, from 5s to 10m. With queries not more often than the operator allows, "
            "by default every 30s. Default: 30s."
        ),
    )
    deadline: Duration | None = Field(
        default=None,
        description=(
            "How long after a step's hold the evidence may stay undecided before it is inconclusive. Default: 30m; "
            "45m at the last of the default steps, which have to suit little traffic too."
        ),
    )
    on_inconclusive: OnInconclusive | None = Field(
        default=None,
        description=(
            "What to do if the evidence is still undecided at the deadline: Pause until it is decided or the user "
            "promotes or aborts, Continue with the next step, or Rollback. ContinueIfClean continues if it is shown "
            "that the candidate's errors lie within the guard's ceiling, no metric speaks against it and each query "
            "has passed, and else pauses until then. Default: ContinueIfClean for a Canary without steps, else Pause."
        ),
    )
    latency_objective_milliseconds: Annotated[int, Field(ge=1, le=3_600_000)] | None = Field(
        default=None,
        description=(
            "Requests that take longer are slow. It must be a bucket bound of "
            "istio_request_duration_milliseconds, such as 50, 100, 250, 500 or 1000. If omitted, latency is not "
            "judged."
        ),
    )
    judge: JudgeSpec | None = Field(default=None, description="The judge's margins.")
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
    ) = Field(
        default=None,
        description="Your own PromQL queries, evaluated at every interval, if the operator is allowed to run them.",
    )
