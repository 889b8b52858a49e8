"""A configuration of a model that can be measured: on which hardware, with how many instances, with which batches."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from nereid.api.quantity import parse_quantity

OWN: Final = "own"
_GPU_FIELDS: Final = ("gpu", "mig", "product")
_TRITONS_OWN_NAMES: Final = {
    "max_batch_size": "maxBatchSize",
    "dynamic_batching": "dynamicBatching",
    "instance_group": "instanceGroup",
}


@dataclass(frozen=True, slots=True)
class Hardware:
    """Resources of a pod, in the user's words: `own` for those of the spec, else cpu=2,memory=4Gi,gpu=1.

    `limits` are those of the container, `gpu` the fields of spec.runtime.gpu, which is left out where there are none.
    """

    name: str
    limits: tuple[tuple[str, str], ...] = ()
    gpu: tuple[tuple[str, int | str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Hardware":
        """Read what the user wrote; raises ValueError with a sentence if it cannot be understood."""
        if text == OWN:
            return cls(OWN)
        limits, gpu = {}, {}
        for part in text.split(","):
            key, equals, value = part.strip().partition("=")
            if not (key and equals and value):
                raise ValueError(
                    f"{part!r} is not a valid resource: write {OWN}, or for instance cpu=2,memory=4Gi,gpu=1"
                )
            if key in _GPU_FIELDS:
                gpu[key] = value
            elif parse_quantity(value) > 0:
                limits[key] = value
            else:
                raise ValueError(f"{part!r} is not a valid resource: write more than 0, or leave {key} out")
        return cls(text, tuple(limits.items()), _gpu_fields(gpu))


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration to measure. None means the spec's own value; `queue_delay` is in microseconds."""

    hardware: Hardware
    instances: int | None = None
    batch_size: int | None = None
    queue_delay: int = 0

    def __str__(self) -> str:
        parts = [self.hardware.name if self.hardware.name != OWN else ""]
        if self.instances is not None:
            parts.append(f"{self.instances} instance{'s' if self.instances > 1 else ''}")
        if self.batch_size is not None:
            parts.append(f"batches to {self.batch_size}")
        if self.queue_delay:
            parts.append(f"waiting {self.queue_delay}us")
        return "; ".join(filter(None, parts)) or "as it is"


def configured(spec: Mapping[str, Any], configuration: Configuration) -> dict[str, Any]:
    """Return a ModelDeployment's spec with a configuration merged into it; all else stays as it is."""
    changed = deepcopy(dict(spec))
    model_config = _model_config(changed["model"].get("config") or {}, configuration)
    if model_config:
        changed["model"]["config"] = model_config
    if configuration.hardware.name != OWN:
        changed["runtime"] = _runtime(changed.get("runtime") or {}, configuration.hardware)
    return changed


def own_values(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many instances and which largest batch the spec asks for; 1 where it does not say."""
    config = _in_camel_case(spec["model"].get("config") or {})
    groups = config.get("instanceGroup") or [{}]
    return sum(int(group.get("count") or 1) for group in groups), int(config.get("maxBatchSize") or 1)


def _model_config(own: Mapping[str, Any], configuration: Configuration) -> dict[str, Any]:
    config = _in_camel_case(own)
    if configuration.instances is not None:
        config["instanceGroup"] = [_instance_group(config, configuration)]
    elif configuration.hardware.name != OWN and "instanceGroup" in config:
        config["instanceGroup"] = [_anywhere(group) for group in config["instanceGroup"]]
    if configuration.batch_size is not None:
        batching: dict[str, Any] = {"preferredBatchSize": [configuration.batch_size]}
        if configuration.queue_delay:
            batching["maxQueueDelayMicroseconds"] = configuration.queue_delay
        own_batching = _without(config.get("dynamicBatching") or {}, "preferredBatchSize", "preferred_batch_size")
        own_batching = _without(own_batching, "maxQueueDelayMicroseconds", "max_queue_delay_microseconds")
        config["maxBatchSize"] = configuration.batch_size
        config["dynamicBatching"] = {**own_batching, **batching}
    return config


def _instance_group(config: Mapping[str, Any], configuration: Configuration) -> dict[str, Any]:
    first = (config.get("instanceGroup") or [{}])[0]
    group = first if configuration.hardware.name == OWN else _anywhere(first)
    return {**group, "count": configuration.instances}


def _anywhere(group: Mapping[str, Any]) -> dict[str, Any]:
    """Let Triton choose between CPU and GPU by what the pod has, as the hardware is another one."""
    return _without(group, "kind", "gpus")


def _runtime(own: Mapping[str, Any], hardware: Hardware) -> dict[str, Any]:
    runtime = _without(own, "resources", "gpu")
    if hardware.limits:
        runtime["resources"] = {"limits": dict(hardware.limits)}
    if hardware.gpu:
        fields = {name: [value] if name == "product" else value for name, value in hardware.gpu}
        # The API server rejects a slice that is to be shared.
        replaced = ("count", "mig", "shared") if "mig" in fields else ("count", "mig")
        runtime["gpu"] = {**_without(own.get("gpu") or {}, *replaced), **fields}
    return runtime


def _gpu_fields(fields: Mapping[str, str]) -> tuple[tuple[str, int | str], ...]:
    if not fields:
        return ()
    count = fields.get("gpu", "1")
    if not count.isdigit() or count == "0":
        raise ValueError(f"gpu={count} is not a valid number of GPUs: leave gpu out for a pod without GPUs")
    return (("count", int(count)), *((name, fields[name]) for name in ("mig", "product") if name in fields))


def _in_camel_case(config: Mapping[str, Any]) -> dict[str, Any]:
    return {_TRITONS_OWN_NAMES.get(name, name): deepcopy(value) for name, value in config.items()}


def _without(mapping: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}
