"""`spec.scaling`, `spec.traffic` and `spec.rollout`: how many pods, who may reach them, how a new revision takes over.

None of these fields shapes a pod, so that changing them makes no new revision.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import SET, ApiModel, Duration, matching, rule, rules


class ScalingSpec(ApiModel):
    """How many pods serve."""

    min_replicas: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="The least number of pods of the stable revision. Default: 1."
    )
    replicas: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description=(
            "The wanted number of pods of the stable revision, as kubectl scale sets it; never fewer than "
            "minReplicas. Default: minReplicas."
        ),
    )


Host = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        json_schema_extra=matching(
            r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$",
            "must be a DNS name with at least one dot, in lower case, without scheme, port or wildcard",
        ),
    ),
]
GatewayReference = Annotated[
    str,
    Field(
        min_length=3,
        max_length=317,
        json_schema_extra=matching(
            r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
            "must be NAMESPACE/NAME of an Istio Gateway, for instance istio-ingress/public",
        ),
    ),
]


class TrafficSpec(ApiModel):
    """Who may reach the model, and by which name."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.hosts) == has(self.gateways)",
                "hosts and gateways go together: name the hosts that clients outside the mesh use and the Istio "
                "Gateways that receive their requests, or neither",
            ),
            rule(
                "!has(self.timeout) || self.timeout.matches('[1-9]')",
                "timeout must be at least 1s, as Istio takes no endless one",
            ),
        )
    )

    hosts: Annotated[list[Host], Field(min_length=1, max_length=16, json_schema_extra=SET)] | None = Field(
        default=None,
        description=(
            "DNS names by which clients outside the mesh reach the model through the gateways. Clients inside the "
            "mesh use the Service named like the ModelDeployment: port 8000 for REST, 8001 for gRPC."
        ),
    )
    gateways: Annotated[list[GatewayReference], Field(min_length=1, max_length=16, json_schema_extra=SET)] | None = (
        Field(default=None, description="Istio Gateways that serve the hosts, each as NAMESPACE/NAME.")
    )
    timeout: Duration | None = Field(
        default=None,
        description=(
            "The longest that a request may take before the proxy answers 504 (gRPC: DEADLINE_EXCEEDED). Default: 60s."
        ),
    )


class Step(ApiModel):
    """One step of a canary: a share of the traffic, and how long it is held."""

    weight: Annotated[int, Field(ge=1, le=99)] = Field(
        description="Percentage of requests that the candidate gets in this step."
    )
    hold: Duration | None = Field(
        default=None,
        description=(
            "How long the weight is held before the next step. Left out, the rollout pauses here until it is promoted "
            "with the annotation nereid.dev/promote; only the last step may leave it out."
        ),
    )


class RolloutSpec(ApiModel):
    """How a new revision takes over from the stable one."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.steps) || !has(self.strategy) || self.strategy != 'Direct'",
                "strategy Direct has no steps: leave steps out, or choose strategy Canary",
            )
        )
    )

    strategy: Literal["Canary", "Direct"] | None = Field(
        default=None,
        description=(
            "Canary moves traffic to the candidate by steps. Direct moves all of it as soon as the candidate is "
            "ready. Both start the candidate beside the stable revision and take nothing from that before. "
            "Default: Canary."
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
            "Steps of a Canary, in rising order of weight; after the last one the candidate gets everything and "
            "becomes the stable revision. The candidate has as many pods as its share needs before it gets it. "
            "Default: 10 for 5m, then 50 for 5m."
        ),
    )
    paused: bool | None = Field(
        default=None,
        description="Holds a rollout where it is until set to false. Abort and promote work all the same.",
    )
    drain: Duration | None = Field(
        default=None,
        description="How long a revision that gets no traffic any more keeps its pods. Default: 30s.",
    )
    progress_deadline_seconds: Annotated[int, Field(ge=10, le=86400)] | None = Field(
        default=None,
        description=(
            "How long the candidate has to get the pods that a step needs. After that the rollout has failed and the "
            "stable revision keeps all traffic. Default: 600."
        ),
    )
