"""`spec.runtime`: the Triton server that runs the model, in the words of a pod's specification."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import SET, ApiModel, IntOrPercent, ObjectName, Quantity, matching, rule, rules

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


class GpuSpec(ApiModel):
    """The GPU of one pod, in the names of NVIDIA's device plugin and GPU feature discovery."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("!has(self.mig) || !has(self.shared) || !self.shared", "mig and shared exclude each other: drop one"),
        )
    )

    count: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="How many GPUs, or MIG slices, or shares. Default: 1."
    )
    product: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=63)]],
            Field(min_length=1, max_length=16, json_schema_extra=SET),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "Products that will do, as the node label nvidia.com/gpu.product names them, for instance "
            "NVIDIA-A100-SXM4-80GB. Default: any."
        ),
    )
    mig: (
        Annotated[
            str,
            Field(
                max_length=32,
                json_schema_extra=matching(
                    r"^[0-9]+g[.][0-9]+gb([.]me)?$", "must be a MIG profile, for instance 1g.10gb or 3g.40gb"
                ),
            ),
        ]
        | None
    ) = Field(default=None, description="MIG profile, for instance 1g.10gb: slices of that size instead of whole GPUs.")
    shared: bool | None = Field(
        default=None,
        description="Whether a GPU shared with others by time slicing or MPS will do: nvidia.com/gpu.shared.",
    )


class TensorMemory(ApiModel):
    """Memory in which tensors travel, beside the container's own."""

    shared: Quantity | None = Field(
        default=None,
        description=(
            "Size of /dev/shm, through which the Python backend hands over tensors. It counts as memory of the pod. "
            "Default: half of the node's memory, or what the pod may use."
        ),
    )
    pinned: Quantity | None = Field(
        default=None, description="Triton's pool of pinned host memory, for GPUs. Default: Triton's own, 256Mi."
    )
    cuda: Quantity | None = Field(
        default=None, description="Triton's pool of memory on each GPU. Default: Triton's own, 64Mi."
    )


class TopologySpreadConstraint(ApiModel):
    """How the pods of a revision spread over the cluster, as in any pod; which pods are meant is added."""

    max_skew: Annotated[int, Field(ge=1)] = Field(description="By how many pods two places may differ.")
    topology_key: Annotated[str, Field(min_length=1, max_length=317)] = Field(
        description="Label of nodes that names the place, for instance topology.kubernetes.io/zone."
    )
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="Whether a pod that would break the rule waits, or is placed as well as can be."
    )


class DisruptionBudget(ApiModel):
    """How many pods of a revision an eviction, such as a node's drain, may take at a time; exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.maxUnavailable) != has(self.minAvailable)", "name either maxUnavailable or minAvailable"),
        )
    )

    max_unavailable: IntOrPercent | None = Field(
        default=None, description="Pods that may be missing, as a number or a percentage. 0 forbids evictions."
    )
    min_available: IntOrPercent | None = Field(
        default=None,
        description=(
            "Pods that have to stay, as a number or a percentage. Where that would be all of a revision's pods, one at "
            "a time may go."
        ),
    )


class RuntimeSpec(ApiModel):
    """How Triton runs: image, resources, place. Each change here is a new revision."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.gpu) || !has(self.resources) || !has(self.resources.limits) || "
                "!self.resources.limits.exists(name, name.startsWith('nvidia.com/'))",
                "gpu and a limit of nvidia.com/… say the same twice: keep one of them",
            ),
        )
    )

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

    gpu: GpuSpec | None = Field(
        default=None,
        description="The GPU of each pod, with the nodes that have it. Default: none, or what resources.limits name.",
    )
    tensor_memory: TensorMemory | None = Field(default=None, description="Memory in which tensors travel.")
    priority_class_name: ObjectName | None = Field(
        default=None, description="PriorityClass of the pods. Default: the cluster's."
    )
    topology_spread_constraints: Annotated[list[TopologySpreadConstraint], Field(max_length=8)] | None = Field(
        default=None,
        description="How the pods spread over the cluster. Default: over nodes and zones, as well as can be.",
    )
    disruption_budget: DisruptionBudget | None = Field(
        default=None,
        description=(
            "How many pods of a revision an eviction may take at a time. Changed without a new revision. Default: "
            "maxUnavailable 1."
        ),
    )
    pod_template: Annotated[
        dict[str, Any] | None,
        Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True, "maxProperties": 2}),
    ] = Field(
        default=None,
        description=(
            "What else the pods need, as a strategic merge patch over their template (metadata and spec, as in a "
            "Deployment): volumes, affinity, further containers. Triton's container is named triton, the one that "
            "fetches the model fetch-model. What Nereid finds the pods by cannot be changed."
        ),
    )
    tracing: TracingSpec | None = Field(default=None, description="Where Triton sends its spans. Default: nowhere.")

    def pod_fields(self) -> dict[str, Any]:
        """Return the fields that the user set, as the API writes them."""
        return self.model_dump(exclude_none=True, by_alias=True)
