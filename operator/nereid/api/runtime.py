"""`spec.runtime`: the Triton server that runs the model, in the words of a pod's specification."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from nereid.api.schema import ApiModel, ObjectName, matching

# 1 and "1" are the same quantity, and so must not make two revisions.
Quantity = Annotated[
    str,
    BeforeValidator(str),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}),
]
ResourceList = Annotated[dict[str, Quantity], Field(max_length=32)]


class Resources(ApiModel):
    """Compute resources of the Triton container, as in any pod."""

    limits: ResourceList | None = Field(
        default=None, description="The most that one pod may use, for instance nvidia.com/gpu: 1 or memory: 4Gi."
    )
    requests: ResourceList | None = Field(
        default=None, description="What one pod is scheduled with. Default: the limits."
    )


class KeySelector(ApiModel):
    """A key of a Secret or ConfigMap of this namespace."""

    name: ObjectName = Field(description="Name of the object.")
    key: str = Field(min_length=1, max_length=253, description="Key in the object.")
    optional: bool | None = Field(default=None, description="Whether the object or its key may be missing.")


class EnvSource(ApiModel):
    """Where the value of an environment variable comes from: exactly one of the two."""

    secret_key_ref: KeySelector | None = Field(default=None, description="A key of a Secret of this namespace.")
    config_map_key_ref: KeySelector | None = Field(default=None, description="A key of a ConfigMap of this namespace.")


class EnvVar(ApiModel):
    """An environment variable of the Triton container."""

    name: str = Field(min_length=1, max_length=253, description="Name of the variable.")
    value: str | None = Field(default=None, max_length=4096, description="Its value.")
    value_from: EnvSource | None = Field(default=None, description="Where its value comes from instead.")


class Toleration(ApiModel):
    """A taint of nodes that the pods tolerate, as in any pod."""

    key: str | None = Field(default=None, max_length=317, description="Key of the taint; empty means all taints.")
    operator: Literal["Exists", "Equal"] | None = Field(
        default=None, description="How key and value are compared. Default: Equal."
    )
    value: str | None = Field(default=None, max_length=63, description="Value of the taint, with operator Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; empty means all effects."
    )
    toleration_seconds: int | None = Field(
        default=None, description="How long a NoExecute taint is tolerated; empty means for ever."
    )


class ImagePullSecret(ApiModel):
    """A Secret of this namespace with credentials of an image registry."""

    name: ObjectName = Field(description="Name of the Secret.")


class TracingSpec(ApiModel):
    """Triton's own spans, which continue the trace that the caller or the mesh has begun (W3C Trace Context)."""

    url: str = Field(
        min_length=1,
        max_length=512,
        json_schema_extra=matching(
            r"^https?://[^/?#\s]+[^?#\s]*$",
            "must be the address of an OpenTelemetry collector's OTLP receiver over HTTP, for instance "
            "http://otel-collector.observability:4318/v1/traces",
        ),
        description="OTLP receiver over HTTP, for instance http://otel-collector.observability:4318/v1/traces.",
    )
    sample_percent: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None,
        description=(
            "Percentage of requests without a trace of their own that begin one. Those that belong to a sampled trace "
            "are always recorded. Default: 0.1."
        ),
    )


class RuntimeSpec(ApiModel):
    """How Triton runs: image, resources, place. Each change here is a new revision."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Triton server image. Default: the one that the operator was installed with."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="When the kubelet pulls the image. Default: the operator's."
    )
    image_pull_secrets: Annotated[list[ImagePullSecret], Field(max_length=16)] | None = Field(
        default=None, description="Secrets of this namespace with registry credentials."
    )
    resources: Resources | None = Field(
        default=None,
        description="Compute resources of the Triton container. GPUs are asked for by limits, as on any cluster.",
    )
    args: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=64)] | None = Field(
        default=None, description="Further arguments of tritonserver, for instance --log-verbose=1."
    )
    env: Annotated[list[EnvVar], Field(max_length=64)] | None = Field(
        default=None, description="Environment variables of the Triton container."
    )
    node_selector: Annotated[dict[str, str], Field(max_length=32)] | None = Field(
        default=None, description="Labels that a node must have to run the pods."
    )
    tolerations: Annotated[list[Toleration], Field(max_length=32)] | None = Field(
        default=None, description="Taints of nodes that the pods tolerate."
    )
    service_account_name: ObjectName | None = Field(
        default=None, description="ServiceAccount of the pods. Default: default, with no token mounted."
    )
    termination_grace_period_seconds: Annotated[int, Field(ge=30, le=3600)] | None = Field(
        default=None,
        description=(
            "How long a pod has to end: first it waits until no proxy sends it requests, then Triton finishes those "
            "in flight. Make it longer than the longest request by 25 seconds. Default: 90."
        ),
    )

    tracing: TracingSpec | None = Field(default=None, description="Where Triton sends its spans. Default: nowhere.")

    def pod_fields(self) -> dict[str, Any]:
        """Return the fields that the user set, as the API writes them."""
        return self.model_dump(exclude_none=True, by_alias=True)
