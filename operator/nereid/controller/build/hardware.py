"""Where the pods of a revision run, and what they get of the node: GPUs, memory for tensors, how they spread.

GPUs are requested by the names of NVIDIA's device plugin, and selected by the labels of its GPU feature discovery
(https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/gpu-sharing.html and gpu-operator-mig.html).
"""

from collections.abc import Mapping
from typing import Any, Final

from nereid.api.quantity import parse_bytes, quantity_or_none
from nereid.api.runtime import GpuSpec, RuntimeSpec

_GPU: Final = "nvidia.com/gpu"
_GPU_PRODUCT: Final = "nvidia.com/gpu.product"
# Also the maximum of `gpu.count`.
_MOST_GPUS: Final = 64
_SPREAD_KEYS: Final = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


def resources(runtime: RuntimeSpec) -> dict[str, Any]:
    """Return the resources of the Triton container: the user's, and its GPUs."""
    requested: dict[str, Any] = (
        runtime.resources.model_dump(exclude_none=True, by_alias=True) if runtime.resources else {}
    )
    if runtime.gpu is None:
        return requested
    return {**requested, "limits": {**requested.get("limits", {}), _device(runtime.gpu): str(runtime.gpu.count or 1)}}


def placement(runtime: RuntimeSpec) -> dict[str, Any]:
    """Return which nodes the pods may run on: tolerations, and the affinity to those with the right GPU."""
    tolerations = runtime.model_dump(exclude_none=True, by_alias=True).get("tolerations", [])
    if runtime.gpu is None:
        return {"tolerations": tolerations} if tolerations else {}
    scheduling: dict[str, Any] = {
        "tolerations": [*tolerations, {"key": _GPU, "operator": "Exists", "effect": "NoSchedule"}],
    }
    if runtime.gpu.product:
        requirement = {"key": _GPU_PRODUCT, "operator": "In", "values": list(runtime.gpu.product)}
        term = {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}
        scheduling["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}}
    return scheduling


def topology_spread(runtime: RuntimeSpec, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return how the pods with these labels spread: as the user specifies, else over nodes and zones if possible."""
    if runtime.topology_spread_constraints is None:
        constraints = [
            {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"} for key in _SPREAD_KEYS
        ]
    else:
        constraints = [
            constraint.model_dump(exclude_none=True, by_alias=True)
            for constraint in runtime.topology_spread_constraints
        ]
    return [{**constraint, "labelSelector": {"matchLabels": dict(labels)}} for constraint in constraints]


def shared_memory(runtime: RuntimeSpec) -> dict[str, Any]:
    """Return the emptyDir of /dev/shm."""
    size = runtime.tensor_memory.shared if runtime.tensor_memory else None
    return {"medium": "Memory", **({"sizeLimit": size} if size else {})}


def memory_pools(runtime: RuntimeSpec) -> list[str]:
    """Return Triton's arguments for its pools of pinned and of GPU memory."""
    memory = runtime.tensor_memory
    if memory is None:
        return []
    arguments = [f"--pinned-memory-pool-byte-size={parse_bytes(memory.pinned)}"] if memory.pinned else []
    if memory.cuda:
        size = parse_bytes(memory.cuda)
        arguments += [f"--cuda-memory-pool-byte-size={gpu}:{size}" for gpu in range(_gpus(runtime))]
    return arguments


def _gpus(runtime: RuntimeSpec) -> int:
    if runtime.gpu:
        return runtime.gpu.count or 1
    limits = (runtime.resources and runtime.resources.limits) or {}
    count = quantity_or_none(limits.get(_GPU, 1))
    # The API server rejects what is not a valid number of GPUs.
    return 1 if count is None else min(int(count), _MOST_GPUS)


def _device(gpu: GpuSpec) -> str:
    if gpu.mig:
        return f"nvidia.com/mig-{gpu.mig}"
    return f"{_GPU}.shared" if gpu.shared else _GPU
