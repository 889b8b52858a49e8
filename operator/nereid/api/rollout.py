"""`spec.rollout`: how a new revision takes over from the stable one.

None of these fields shapes a pod, so that changing them makes no new revision.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from nereid.api.analysis import AnalysisSpec
from nereid.api.checks import ChecksSpec
from nereid.api.schema import SET, ApiModel, Duration, matching, rule, rules
from nereid.api.traffic import Host

Strategy = Literal["Canary", "BlueGreen", "ABTest", "Shadow", "Direct"]


class Step(ApiModel):
    """One step: a share of the traffic, and the least time that it is held."""

    weight: Annotated[int, Field(ge=1, le=100)] = Field(
        description=(
            "Percentage of requests that the candidate gets in this step (Canary), or gets a copy of (Shadow). "
            "100 is for Shadow alone."
        )
    )
    hold: Duration | None = Field(
        default=None,
        description=(
            "The least time that the weight is held before the next step. Left out, the rollout pauses here until it "
            "is promoted with the annotation nereid.dev/promote; only the last step may leave it out."
        ),
    )


class BlueGreenSpec(ApiModel):
    """Blue/green: the candidate is looked at under a host of its own, then gets everything in one switch."""

    preview_hosts: Annotated[list[Host], Field(min_length=1, max_length=16, json_schema_extra=SET)] | None = Field(
        default=None,
        description=(
            "DNS names, on the Gateways of spec.traffic, that lead to the candidate before the switch, and to the "
            "stable revision when there is none. Inside the mesh the candidate's own Service does."
        ),
    )
    preview_hold: Duration | None = Field(
        default=None,
        description="How long the candidate is previewed. Left out, until it is promoted with nereid.dev/promote.",
    )
    keep: Duration | None = Field(
        default=None,
        description=(
            "How long after the switch the previous revision keeps all its pods, and takes everything back should the "
            "candidate exceed the guard. Default: 5m."
        ),
    )


class HeaderMatch(ApiModel):
    """A header that a request must have: exactly one of exact, prefix and regex."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.exact), has(self.prefix), has(self.regex)].filter(given, given).size() == 1",
                "a header match has exactly one of exact, prefix and regex",
            ),
            rule(
                "!(self.name in ['content-type', 'host', 'method', 'uri', 'scheme', 'authority'])",
                "content-type, host, method, uri, scheme and authority cannot say who sees the candidate, as the route "
                "itself goes by them: choose a header of your own",
            ),
        )
    )

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            json_schema_extra=matching(r"^[a-z0-9][-a-z0-9_.]*$", "must be the name of a header, in lower case"),
        ),
    ] = Field(description="Name of the header, in lower case.")
    exact: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="The whole value."
    )
    prefix: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="What the value begins with."
    )
    regex: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="A regular expression (RE2) that the whole value matches."
    )


class CookieMatch(ApiModel):
    """A cookie that a request must have."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            json_schema_extra=matching(r"^[A-Za-z0-9_-]+$", "must hold only letters, digits, dashes and underscores"),
        ),
    ] = Field(description="Name of the cookie.")
    value: Annotated[
        str,
        Field(
            min_length=1,
            max_length=256,
            json_schema_extra=matching(
                r"^[A-Za-z0-9_.-]+$", "must hold only letters, digits, dashes, dots, underscores"
            ),
        ),
    ] = Field(description="Its value.")


class ABTestSpec(ApiModel):
    """A/B: who sees the candidate is decided by a header or a cookie."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.headers) || has(self.cookie)", "say who sees the candidate: headers, cookie, or both"),
        )
    )

    headers: (
        Annotated[
            list[HeaderMatch],
            Field(
                min_length=1,
                max_length=8,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
        ]
        | None
    ) = Field(default=None, description="Requests with all of these headers are the candidate's (gRPC: metadata).")
    cookie: CookieMatch | None = Field(
        default=None, description="Requests with this cookie are the candidate's, whatever their headers are."
    )
    hold: Duration | None = Field(
        default=None,
        description="How long the test runs before the candidate gets everything. Left out, until it is promoted.",
    )


class RolloutSpec(ApiModel):
    """How a new revision takes over from the stable one."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.steps) || !has(self.strategy) || self.strategy in ['Canary', 'Shadow']",
                "only strategies Canary and Shadow have steps: leave steps out, or choose one of these",
            ),
            rule(
                "!has(self.steps) || (has(self.strategy) && self.strategy == 'Shadow') || "
                "self.steps.all(s, s.weight < 100)",
                "a canary's steps are below 100: after the last one the candidate gets everything",
            ),
            rule(
                "has(self.blueGreen) ? (has(self.strategy) && self.strategy == 'BlueGreen') : true",
                "blueGreen needs strategy BlueGreen",
            ),
            rule(
                "has(self.abTest) == (has(self.strategy) && self.strategy == 'ABTest')",
                "strategy ABTest needs abTest, which says who sees the candidate, and no other strategy has it",
            ),
            rule(
                "!has(self.surge) || self.surge == 1 || !has(self.strategy) || self.strategy in ['Canary', 'Direct']",
                "surge: 0 is for strategies Canary and Direct: the others need the candidate's pods beside stable's",
            ),
            rule(
                "!has(self.allowDowntime) || (has(self.surge) && self.surge == 0)",
                "allowDowntime is for surge: 0",
            ),
        )
    )

    strategy: Strategy | None = Field(
        default=None,
        description=(
            "Canary moves traffic to the candidate by steps. BlueGreen shows the candidate under a preview host, then "
            "switches all traffic at once and keeps the previous revision for a while. ABTest gives the candidate the "
            "requests with a header or a cookie. Shadow gives it copies of requests, and nobody its answers. Direct "
            "moves all traffic as soon as the candidate is ready. Default: Canary."
        ),
    )
    steps: (
        Annotated[
            list[Step],
            Field(
                min_length=1,
                max_length=20,
                json_schema_extra=rules(
                    rule(
                        "self.map(s, s.weight).isSorted() && self.all(s, self.exists_one(t, t.weight == s.weight))",
                        "the steps' weights must rise, for instance 10, 25, 50",
                    ),
                    rule(
                        "self.all(s, has(s.hold) || s.weight == self.map(t, t.weight).max())",
                        "only the last step may leave hold out, as it waits for a promotion, which moves all traffic",
                    ),
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "Steps of a Canary or Shadow, in rising order of weight; after the last one the candidate gets everything "
            "and becomes the stable revision. The candidate has as many pods as its share needs before it gets it. "
            "Default: 10 for 5m, then 50 for 5m; for Shadow 100 until it is promoted."
        ),
    )
    blue_green: BlueGreenSpec | None = Field(default=None, description="What strategy BlueGreen needs.")
    ab_test: ABTestSpec | None = Field(default=None, description="What strategy ABTest needs.")
    surge: Annotated[int, Field(ge=0, le=1)] | None = Field(
        default=None,
        description=(
            "Whether the candidate's pods start beside stable's (1), or each in the place that one of stable's pods "
            "has left first (0), for clusters without a spare GPU; 0 needs two replicas or allowDowntime. Default: 1."
        ),
    )
    allow_downtime: bool | None = Field(
        default=None,
        description=(
            "With surge: 0 and one replica, lets the only pod go before the candidate's starts. Default: false."
        ),
    )
    analysis: AnalysisSpec | None = Field(
        default=None, description="By which evidence the candidate is judged while it gets traffic."
    )
    checks: ChecksSpec | None = Field(default=None, description="What the candidate is asked before it gets traffic.")
    paused: bool | None = Field(
        default=None,
        description="Holds a rollout where it is until set to false. Abort and promote work all the same.",
    )
    fast_track: bool | None = Field(
        default=None,
        description=(
            "A revision that was stable before, and is in the history still, gets all traffic as soon as it has its "
            "pods, without steps, checks and analysis. Default: false. A rollback by hand always does so."
        ),
    )
    drain: Duration | None = Field(
        default=None,
        description=(
            "How long a revision that gets no traffic any more keeps its pods, at least: they go when no request is "
            "seen either, or ten minutes later. Default: 30s."
        ),
    )
    progress_deadline_seconds: Annotated[int, Field(ge=10, le=86400)] | None = Field(
        default=None,
        description=(
            "How long the candidate has to get the pods that a step needs. After that the rollout has failed and the "
            "stable revision keeps all traffic. Default: 600."
        ),
    )
    revision_history_limit: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None,
        description="How many earlier stable revisions are kept to go back to. Default: 10.",
    )
