"""`spec.rollout`: how a new revision takes over from the stable one.

None of these fields shapes a pod, so that changing them makes no new revision.
"""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from nereid.api.analysis import AnalysisSpec
from nereid.api.checks import ChecksSpec
from nereid.api.schema import SET, ApiModel, Duration, matching, rule, rules
from nereid.api.traffic import Host
from nereid.api.webhooks import Webhook
from nereid.api.window import Window

# What shows in the text; the operator reads the grammar, and adds up how large the proxies' programs become.
_OF_RE2: Final = rules(
    rule(
        r"!self.matches('[{][0-9]*,?[0-9]{4,}')",
        "must not repeat anything 1000 times or more, as proxies refuse all routes with an expression that is too "
        "large",
    ),
    rule(
        r"!(self.matches('\\\\[pP]') && self.matches('[{][0-9,]*[0-9]{2}'))",
        "must not have both a class such as \\p{L} and a count of 10 or more, as proxies refuse all routes with an "
        "expression that is too large: write [A-Za-z], or a smaller count",
    ),
    rule(
        r"!self.matches('(^|[^\\\\])[(][?]([=!]|<[=!])')",
        "must not look ahead or behind, as RE2 cannot: match the whole value, or use exact or prefix",
    ),
)

Strategy = Literal["Canary", "BlueGreen", "ABTest", "Shadow", "Direct"]


class Step(ApiModel):
    """One step: a share of the traffic or a copy of it, and the minimum time that it is held."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.weight) != has(self.mirror)",
                "a step must set exactly one of weight, a share of the requests, and mirror, a copy of a share",
            ),
        )
    )

    weight: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description=(
            "Percentage of requests that the candidate gets in this step (Canary), or gets a copy of (Shadow). "
            "100 is valid only for Shadow."
        ),
    )
    mirror: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description=(
            "Percentage of requests of which the candidate gets a copy in this step, while stable answers them. A "
            "Canary may begin with such steps."
        ),
    )
    hold: Duration | None = Field(
        default=None,
        description=(
            "Minimum time that the step lasts. If omitted, the step is a gate: the rollout pauses here until it is "
            "promoted with the annotation nereid.dev/promote, to the next step or to the end."
        ),
    )


class BlueGreenSpec(ApiModel):
    """Blue/green: the candidate is previewed under a host of its own, then gets all traffic in one switch."""

    preview_hosts: Annotated[list[Host], Field(min_length=1, max_length=16, json_schema_extra=SET)] | None = Field(
        default=None,
        description=(
            "DNS names, on the Gateways of spec.traffic, that route to the candidate before the switch, and to "
            "the stable revision if there is no candidate. Inside the mesh, use the candidate's own Service."
        ),
    )
    preview_hold: Duration | None = Field(
        default=None,
        description="How long the candidate is previewed. If omitted, until it is promoted with nereid.dev/promote.",
    )
    keep: Duration | None = Field(
        default=None,
        description=(
            "The bake of blue/green: how long after the switch the previous revision keeps all its pods, so that "
            "traffic returns to it at once if the candidate turns out to be bad. Default: 5m."
        ),
    )


class HeaderMatch(ApiModel):
    """A header that a request must have: exactly one of exact, prefix and regex."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.exact), has(self.prefix), has(self.regex)].filter(given, given).size() == 1",
                "a header match must set exactly one of exact, prefix and regex",
            ),
            rule(
                "!(self.name in ['content-type', 'host', 'method', 'uri', 'scheme', 'authority'])",
                "content-type, host, method, uri, scheme and authority cannot select requests for the candidate, as "
                "routing itself depends on them: use another header",
            ),
        )
    )

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            json_schema_extra=matching(r"^[a-z0-9][-a-z0-9_.]*$", "must be a header name in lower case"),
        ),
    ] = Field(description="Name of the header, in lower case.")
    exact: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="The whole value."
    )
    prefix: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="The beginning of the value."
    )
    regex: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra=_OF_RE2)] | None = Field(
        default=None,
        description=(
            "A regular expression (RE2) that the whole value must match. A large one is rejected, as proxies would "
            "refuse all routes with it: classes such as \\p{L} and counts such as {100} are what makes one large."
        ),
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
    """A/B test: a header or a cookie decides which requests the candidate gets."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.headers) || has(self.cookie)",
                "abTest must set headers, cookie, or both, to select the candidate's requests",
            ),
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
    ) = Field(default=None, description="Requests with all of these headers (gRPC: metadata) go to the candidate.")
    cookie: CookieMatch | None = Field(
        default=None, description="Requests with this cookie go to the candidate, whatever their headers."
    )
    hold: Duration | None = Field(
        default=None,
        description="How long the test runs before the candidate gets all traffic. If omitted, until it is promoted.",
    )


def _rising(field: str) -> str:
    """Return a rule that the steps which have a field have more of it than all before them."""
    given = f"self.filter(s, has(s.{field}))"
    twice = f"self.exists_one(t, has(t.{field}) && t.{field} == s.{field})"
    return f"{given}.map(s, s.{field}).isSorted() && {given}.all(s, {twice})"


class RolloutSpec(ApiModel):
    """How a new revision takes over from the stable one."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.steps) || !has(self.strategy) || self.strategy in ['Canary', 'Shadow']",
                "only strategies Canary and Shadow have steps: remove steps, or use one of these strategies",
            ),
            rule(
                "!has(self.steps) || (has(self.strategy) && self.strategy == 'Shadow') || "
                "self.steps.all(s, !has(s.weight) || s.weight < 100)",
                "a canary's weights must be below 100: after the last step the candidate gets all traffic",
            ),
            rule(
                "!has(self.steps) || !has(self.strategy) || self.strategy != 'Shadow' || "
                "self.steps.all(s, !has(s.mirror))",
                "with strategy Shadow, weight is the share that is copied: write weight instead of mirror",
            ),
            rule(
                "!has(self.steps) || !has(self.surge) || self.surge == 1 || self.steps.all(s, !has(s.mirror))",
                "surge: 0 cannot mirror, as copies need pods beside stable's: remove the mirror steps, or surge",
            ),
            rule(
                "has(self.blueGreen) ? (has(self.strategy) && self.strategy == 'BlueGreen') : true",
                "blueGreen is valid only with strategy BlueGreen",
            ),
            rule(
                "has(self.abTest) == (has(self.strategy) && self.strategy == 'ABTest')",
                "strategy ABTest requires abTest, and no other strategy may set it",
            ),
            rule(
                "!has(self.surge) || self.surge == 1 || !has(self.strategy) || self.strategy in ['Canary', 'Direct']",
                "surge: 0 is valid only with strategies Canary and Direct: the others run the candidate's pods beside "
                "stable's",
            ),
            rule(
                "!has(self.bake) || !has(self.strategy) || self.strategy != 'BlueGreen'",
                "the bake of strategy BlueGreen is blueGreen.keep: set that instead of bake",
            ),
            rule(
                "!has(self.holdback) || !has(self.strategy) || self.strategy == 'Canary'",
                "holdback is valid only with strategy Canary",
            ),
            rule(
                "!has(self.holdback) || (has(self.bake) ? duration(self.bake) > duration('0s') : "
                "!has(self.surge) || self.surge == 1)",
                "holdback is what the previous revision keeps during the bake: set bake too",
            ),
            rule(
                "!has(self.allowDowntime) || (has(self.surge) && self.surge == 0)",
                "allowDowntime is valid only with surge: 0",
            ),
            rule(
                "!has(self.keepFailedPod) || !has(self.surge) || self.surge == 1 || self.keepFailedPod == '0s'",
                "with surge: 0 no failed pod is kept, as its place is needed: remove keepFailedPod, or surge",
            ),
        )
    )

    strategy: Strategy | None = Field(
        default=None,
        description=(
            "Canary moves traffic to the candidate in steps. BlueGreen exposes the candidate under a preview "
            "host, then switches all traffic at once and keeps the previous revision for a while. ABTest routes "
            "the requests with a given header or cookie to the candidate. Shadow sends it copies of requests and "
            "discards its answers. Direct moves all traffic as soon as the candidate is ready. Default: Canary."
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
                        _rising("weight"),
                        "the steps' weights must rise, for instance 10, 25, 50",
                    ),
                    rule(
                        f"self.map(s, has(s.weight)).isSorted() && {_rising('mirror')}",
                        "mirror steps come before those with a weight, and rise, for instance mirror 10, mirror 100",
                    ),
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "Steps of a Canary or Shadow: those that mirror, then those with a weight, each rising. After the last one "
            "the candidate gets all traffic and becomes stable. Before each step it gets the pods that its "
            "share needs. Default: 10 for 5m, then 50 for 5m, where the first is passed over if too few requests come "
            "to earn a pass there in time; for Shadow 100 until it is promoted."
        ),
    )
    blue_green: BlueGreenSpec | None = Field(default=None, description="Settings of strategy BlueGreen.")
    ab_test: ABTestSpec | None = Field(default=None, description="Settings of strategy ABTest; required by it.")
    bake: Duration | None = Field(
        default=None,
        description=(
            "How long the previous revision keeps all its pods after the candidate got all traffic. Meanwhile the "
            "candidate is judged, and if it turns out to be bad, or the spec asks for the previous revision again, "
            "all traffic returns in one move. 0s for none. Default: 5m; 0s with surge: 0 and with strategy Direct."
        ),
    )
    holdback: Annotated[int, Field(ge=1, le=20)] | None = Field(
        default=None,
        description=(
            "Percentage of requests that the previous revision keeps during the bake of a Canary, so that both are "
            "compared to the end. Afterwards the candidate gets them too. Default: none."
        ),
    )
    surge: Annotated[int, Field(ge=0, le=1)] | None = Field(
        default=None,
        description=(
            "With 1 the candidate's pods start beside stable's. With 0 each of them replaces one of stable's, "
            "which is removed first, for clusters without spare GPUs; this requires at least two replicas, or "
            "allowDowntime. Default: 1."
        ),
    )
    allow_downtime: bool | None = Field(
        default=None,
        description=(
            "With surge: 0 and one replica, allows the only pod to be removed before the candidate's pod starts. "
            "Default: false."
        ),
    )
    analysis: AnalysisSpec | None = Field(
        default=None, description="How the candidate is judged while it gets traffic."
    )
    checks: ChecksSpec | None = Field(
        default=None, description="Checks that the candidate must pass before it gets traffic."
    )
    paused: bool | None = Field(
        default=None,
        description="Pauses the rollout where it is until set to false. Abort and promote still work.",
    )
    max_duration: Duration | None = Field(
        default=None,
        description=(
            "How long the whole rollout may take until the candidate has all traffic, with everything it waits for. "
            "After that it is rolled back. Default: no limit."
        ),
    )
    windows: Annotated[list[Window], Field(min_length=1, max_length=14)] | None = Field(
        default=None,
        description=(
            "Times of the week at which the rollout may advance. Outside of them the candidate gets no more traffic. "
            "It is still judged, and rolled back if it fails. Promotions and rollbacks by hand work at all times. "
            "Default: always."
        ),
    )
    webhooks: (
        Annotated[
            list[Webhook],
            Field(
                min_length=1,
                max_length=8,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "HTTP endpoints that are asked for approval before the candidate gets more traffic, or notified of what "
            "the rollout does. Going back never waits for them."
        ),
    )
    fast_track: bool | None = Field(
        default=None,
        description=(
            "Whether a revision that was stable before and is still in the history gets all traffic as soon as "
            "its pods are ready, without steps, checks and analysis. A rollback by hand always does. Default: "
            "false."
        ),
    )
    drain: Duration | None = Field(
        default=None,
        description=(
            "Minimum time that a revision keeps its pods after its traffic has moved away. After that they are "
            "removed once no new requests come and none are in flight; streams in flight are not waited for any longer "
            "than ten minutes after the last new request. Default: 30s."
        ),
    )
    keep_failed_pod: Duration | None = Field(
        default=None,
        description=(
            "How long one pod of a candidate that failed is kept without traffic, for its log to be read. The next "
            "rollout ends it at once, and with surge: 0 none is kept. 0s: none. Default: 15m."
        ),
    )
    progress_deadline_seconds: Annotated[int, Field(ge=10, le=86400)] | None = Field(
        default=None,
        description=(
            "How long the pods that a step needs may take to become ready. After that the rollout fails and the "
            "stable revision gets all traffic. Default: 600."
        ),
    )
    revision_history_limit: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None,
        description="How many earlier stable revisions are kept for rollbacks. Default: 10.",
    )
