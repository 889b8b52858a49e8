"""`spec.runtime`: the Triton server that runs the model, with field names as in a pod's specification."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import SET, ApiModel, IntOrPercent, ObjectName, Quantity, matching, rule, rules

ResourceList = Annotated[dict[str, Quantity], Field(max_length=32)]


class Resources(ApiModel):
    """Compute resources of the Triton container, as in any pod."""

    limits: ResourceList | None = Field(
        default=None, description="Maximum that one pod may use, for instance nvidia.com/gpu: 1 or memory: 4Gi."
    )
    requests: ResourceList | None = Field(
        default=None, description="What the scheduler reserves for one pod. Default: the limits."
    )


class KeySelector(ApiModel):
    """A key of a Secret or ConfigMap of this namespace."""

    name: ObjectName = Field(description="Name of the object.")
    key: str = Field(min_length=1, max_length=253, description="Key in the object.")
    optional: bool | None = Field(default=None, description="Whether the object or its key may be missing.")


class EnvSource(ApiModel):
    """Source of an environment variable's value: exactly one of the two."""

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
        default=None, description="How long a NoExecute taint is tolerated; empty means forever."
    )


class ImagePullSecret(ApiModel):
    """A Secret in this namespace with credentials for an image registry."""

    name: ObjectName = Field(description="Name of the Secret.")


class TracingSpec(ApiModel):
    """Triton's trace spans, which continue the trace of the caller or the mesh (W3C Trace Context)."""

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
            "Percentage of requests without a trace for which Triton starts one. Requests that belong to a "
            "sampled trace are always recorded. Default: 0.1."
        ),
    )


class GpuSpec(ApiModel):
    """The GPU of one pod, as named by NVIDIA's device plugin and GPU feature discovery."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.mig) || !has(self.shared) || !self.shared",
                "mig and shared are mutually exclusive: remove one of them",
            ),
        )
    )

    count: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="Number of GPUs, MIG slices or shares. Default: 1."
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
            "Acceptable GPU products, as in the node label nvidia.com/gpu.product, for instance "
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
    ) = Field(
        default=None, description="MIG profile, for instance 1g.10gb, to use slices of that size instead of whole GPUs."
    )
    shared: bool | None = Field(
        default=None,
        description="Whether to use a GPU that is shared with others by time slicing or MPS: nvidia.com/gpu.shared.",
    )


class TensorMemory(ApiModel):
    """Memory for transferring tensors, in addition to the container's own."""

    shared: Quantity | None = Field(
        default=None,
        description=(
            "Size of /dev/shm, through which the Python backend passes tensors. It counts as memory of the pod. "
            "Default: half of the node's memory, or the pod's memory limit."
        ),
    )
    pinned: Quantity | None = Field(
        default=None, description="Size of Triton's pool of pinned host memory, for GPUs. Default: Triton's, 256Mi."
    )
    cuda: Quantity | None = Field(
        default=None, description="Size of Triton's memory pool on each GPU. Default: Triton's, 64Mi."
    )


class TopologySpreadConstraint(ApiModel):
    """How the pods of a revision spread over the cluster, as in any pod; the label selector is added."""

    max_skew: Annotated[int, Field(ge=1)] = Field(
        description="Maximum difference in the number of pods between two topology domains."
    )
    topology_key: Annotated[str, Field(min_length=1, max_length=317)] = Field(
        description="Node label that defines the topology domain, for instance topology.kubernetes.io/zone."
    )
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="Whether a pod that cannot satisfy the constraint stays pending, or is scheduled anyway."
    )


class DisruptionBudget(ApiModel):
    """How many pods of a revision evictions, as by a node drain, may remove at a time; exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.maxUnavailable) != has(self.minAvailable)",
                "set exactly one of maxUnavailable and minAvailable",
            ),
        )
    )

    max_unavailable: IntOrPercent | None = Field(
        default=None, description="Pods that may be unavailable, as a number or a percentage. 0 forbids evictions."
    )
    min_available: IntOrPercent | None = Field(
        default=None,
        description=(
            "Pods that must stay available, as a number or a percentage. If that is all of a revision's pods, one "
            "at a time may still be evicted."
        ),
    )


class RuntimeSpec(ApiModel):
    """How Triton runs: image, resources, placement. Changing a field makes a new revision."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.gpu) || !has(self.resources) || !has(self.resources.limits) || "
                "!self.resources.limits.exists(name, name.startsWith('nvidia.com/'))",
                "gpu and a limit on nvidia.com/… both request GPUs: remove one of them",
            ),
        )
    )

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Triton server image. Default: the operator's setting."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="When the kubelet pulls the image. Default: the operator's setting."
    )
    image_pull_secrets: Annotated[list[ImagePullSecret], Field(max_length=16)] | None = Field(
        default=None, description="Secrets in this namespace with registry credentials."
    )
    resources: Resources | None = Field(
        default=None,
        description="Compute resources of the Triton container. GPUs are requested by limits, as in any pod.",
    )
    args: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=64)] | None = Field(
        default=None, description="Additional arguments of tritonserver, for instance --log-verbose=1."
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
        default=None,
        description=(
            "ServiceAccount of the pods, by which a model's source may identify them. Its token for the Kubernetes API "
            "is not mounted. Default: default."
        ),
    )
    termination_grace_period_seconds: Annotated[int, Field(ge=30, le=3600)] | None = Field(
        default=None,
        description=(
            "How long a pod may take to terminate: it first waits until no proxy sends it requests, then Triton "
            "finishes those in flight. Set it to at least 25 seconds more than the longest request. Default: 90."
        ),
    )

    gpu: GpuSpec | None = Field(
        default=None,
        description="The GPU of each pod; selects nodes that have it. Default: none, or that of resources.limits.",
    )
    tensor_memory: TensorMemory | None = Field(default=None, description="Memory for transferring tensors.")
    priority_class_name: ObjectName | None = Field(
        default=None, description="PriorityClass of the pods. Default: the cluster's."
    )
    topology_spread_constraints: Annotated[list[TopologySpreadConstraint], Field(max_length=8)] | None = Field(
        default=None,
        description="How the pods spread over the cluster. Default: over nodes and zones, as far as possible.",
    )
    disruption_budget: DisruptionBudget | None = Field(
        default=None,
        description=(
            "How many pods of a revision evictions may remove at a time. Changing it makes no new revision. "
            "Default: maxUnavailable 1."
        ),
    )
    pod_template: Annotated[
        dict[str, Any] | None,
        Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True, "maxProperties": 2}),
    ] = Field(
        default=None,
        description=(
            "Anything else that the pods need, as a strategic merge patch over their template (metadata and spec, "
            "as in a Deployment): volumes, affinity, additional containers. Triton's container is named triton, "
            "the one that fetches the model fetch-model. The labels by which Nereid selects the pods and Istio's own "
            "metadata cannot be changed, and whoever installed the operator limits what the pods may be."
        ),
    )
    tracing: TracingSpec | None = Field(default=None, description="Where Triton sends its spans. Default: nowhere.")

    def pod_fields(self) -> dict[str, Any]:
        """Return the fields that the user set, as the API writes them."""
        return self.model_dump(exclude_none=True, by_alias=True)
