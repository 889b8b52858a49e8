"""`spec.traffic`: who may reach the model.

None of these fields shapes a pod, so that changing them makes no new revision.
"""

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from nereid.api.schema import SET, ApiModel, Duration, matching, rule, rules

HOST_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"
HOST_MESSAGE: Final = "must be a DNS name with at least one dot, in lower case, without scheme, port or wildcard"
GATEWAY_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
GATEWAY_MESSAGE: Final = "must be NAMESPACE/NAME of an Istio Gateway, for instance istio-ingress/public"

Host = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        json_schema_extra=matching(HOST_PATTERN, HOST_MESSAGE),
    ),
]
GatewayReference = Annotated[
    str,
    Field(
        min_length=3,
        max_length=317,
        json_schema_extra=matching(GATEWAY_PATTERN, GATEWAY_MESSAGE),
    ),
]


class TrafficSpec(ApiModel):
    """How clients reach the model."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.hosts) == has(self.gateways)",
                "hosts and gateways must be set together: the host names that clients outside the mesh use, and the "
                "Istio Gateways that receive their requests",
            ),
            rule(
                "!has(self.timeout) || self.timeout.matches('[1-9]')",
                "timeout must be at least 1s, as Istio does not support unlimited timeouts",
            ),
        )
    )

    hosts: Annotated[list[Host], Field(min_length=1, max_length=16, json_schema_extra=SET)] | None = Field(
        default=None,
        description=(
            "DNS names under which clients outside the mesh reach the model through the gateways. Clients inside "
            "the mesh use the Service with the name of the ModelDeployment: port 8000 for REST, 8001 for gRPC."
        ),
    )
    gateways: Annotated[list[GatewayReference], Field(min_length=1, max_length=16, json_schema_extra=SET)] | None = (
        Field(default=None, description="Istio Gateways that accept the hosts, each as NAMESPACE/NAME.")
    )
    timeout: Duration | None = Field(
        default=None,
        description=(
            "Maximum duration of a request; after that the proxy answers 504 (gRPC: DEADLINE_EXCEEDED). Default: 60s."
        ),
    )
