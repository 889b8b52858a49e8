"""`spec.runtime.podTemplate`: a strategic merge patch over the pod template that Nereid generates.

Lists that Kubernetes merges by a key are merged by it here, all others are replaced, and null removes a field
(https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md; the
keys are the `patchMergeKey`s of k8s.io/api/core/v1). Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_PATCH: Final = "$patch"
# The key by which the items of a list are merged, by the list's name.
_MERGE_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
    "schedulingGates": "name",
}
# Maps of strings with free keys: `env` in labels is a label, not a list to merge.
_STRING_MAPS: Final = frozenset(
    {"labels", "annotations", "nodeSelector", "matchLabels", "limits", "requests", "overhead", "volumeAttributes"}
)
# A volume has exactly one source: another one replaces it.
_SINGLE_SOURCE: Final = "volumes"
_METADATA: Final = frozenset({"labels", "annotations"})


def problem(patch: Mapping[str, Any], reserved_labels: Sequence[str]) -> str | None:
    """Return what is wrong with a patch, in a sentence, or None; it must not set `reserved_labels`."""
    for part in patch:
        if part not in {"metadata", "spec"}:
            return f"{part} is not a field of a pod template: move it below metadata or spec"
    for part in ("metadata", "spec"):
        if not isinstance(patch.get(part, {}), Mapping):
            return f"{part} must be an object, as in a Deployment's template"
    for field, value in patch.get("metadata", {}).items():
        if field not in _METADATA or not isinstance(value, Mapping):
            return f"metadata.{field} cannot be set: only labels and annotations can"
    for label in patch.get("metadata", {}).get("labels", {}):
        if label in reserved_labels or label == _PATCH:
            return f"metadata.labels cannot set {label}, as the pods are found by their labels: remove it"
    return _problem_of_fields(patch.get("metadata"), "metadata") or _problem_of_fields(patch.get("spec"), "spec")


def merged(base: Any, patch: Any) -> Any:
    """Return `base` with `patch` over it; both are JSON, and neither is changed."""
    if not isinstance(base, Mapping) or not isinstance(patch, Mapping):
        return patch
    if patch.get(_PATCH) == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    result = dict(base)
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None or (isinstance(value, Mapping) and value.get(_PATCH) == "delete"):
            result.pop(key, None)
        elif key in _MERGE_KEYS and isinstance(value, list):
            result[key] = _merged_list(base.get(key, []), value, key)
        else:
            result[key] = merged(base.get(key, {}) if isinstance(value, Mapping) else None, value)
    return result


def _merged_list(base: Sequence[Any], patch: Sequence[Any], field: str) -> list[Any]:
    key = _MERGE_KEYS[field]
    if any(item == {_PATCH: "replace"} for item in patch):
        return [item for item in patch if _PATCH not in item]
    result = {item[key]: item for item in base}
    for item in patch:
        if item.get(_PATCH) == "delete":
            result.pop(item[key], None)
        elif field == _SINGLE_SOURCE:
            result[item[key]] = _merged_volume(result.get(item[key], {}), item)
        else:
            result[item[key]] = merged(result.get(item[key], {}), item)
    return list(result.values())


def _merged_volume(base: Mapping[str, Any], patch: Mapping[str, Any]) -> Any:
    same_source = {key: value for key, value in base.items() if key in patch}
    return merged(same_source, patch)


def _problem_of_fields(value: Any, path: str) -> str | None:
    if not isinstance(value, Mapping):
        return None
    for field, inner in value.items():
        inner_path = f"{path}.{field}"
        if field in _STRING_MAPS:
            problem = _problem_of_strings(inner, inner_path)
        elif field in _MERGE_KEYS and inner is not None:
            problem = _problem_of_list(inner, inner_path, _MERGE_KEYS[field])
        else:
            problem = _problem_of_fields(inner, inner_path)
        if problem:
            return problem
    return None


def _problem_of_strings(strings: Any, path: str) -> str | None:
    for name, value in strings.items() if isinstance(strings, Mapping) else ():
        if isinstance(value, list | Mapping):
            return f"{path}.{name} must be a string: put it in quotes"
    return None


def _problem_of_list(items: Any, path: str, key: str) -> str | None:
    if not isinstance(items, list):
        return f"{path} must be a list"
    for number, item in enumerate(items):
        is_keyed = isinstance(item, Mapping) and isinstance(item.get(key), str | int)
        if not is_keyed and item != {_PATCH: "replace"}:
            return f"{path}[{number}] needs {key}, as the items of this list are merged by it"
        if problem := _problem_of_fields(item, f"{path}[{number}]"):
            return problem
    return None
