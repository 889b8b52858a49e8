"""A spec that is too large to be kept: what is kept in its place, and the sentence that says so. Pure.

Every ModelDeployment stays in memory for as long as it exists, so a few large ones would take what all others need.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from nereid.api import names
from nereid.contract.foreign_text import KIB, SPEC_BYTES

# The field of a raw object that says why its spec is not kept. The API server prunes such a field of a user's.
PROBLEM: Final = "nereidSpecProblem"
# Sections that are no larger are kept: hosts stay with their owner, and alerts stay as they are.
_SMALL_BYTES: Final = 16 * KIB


def without_large_spec(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object as it is, or, if its spec is too large, with the small sections of it and PROBLEM."""
    if PROBLEM in raw:
        return raw
    spec = raw.get("spec") or {}
    size = _size(spec)
    if size <= SPEC_BYTES:
        return raw
    sizes = {section: _size(value) for section, value in spec.items()}
    kept = {section: value for section, value in spec.items() if sizes[section] <= _SMALL_BYTES}
    if previews := (_mapping(_mapping(spec.get("rollout")).get("blueGreen"))).get("previewHosts"):
        kept.setdefault("rollout", {"blueGreen": {"previewHosts": previews}})
    return {**raw, "spec": kept, PROBLEM: _problem(spec, size)}


def _problem(spec: Mapping[str, Any], size: int) -> str:
    parts = {
        f"spec.{section}.{field}": _size(value)
        for section, fields in spec.items()
        for field, value in _mapping(fields).items()
    }
    largest = max(parts, key=lambda part: parts[part], default="")
    where = f", of which {largest} takes {_kib(parts[largest])} KiB" if largest else ""
    return (
        f"spec takes {_kib(size)} KiB as JSON{where}, and the operator handles {SPEC_BYTES >> 10} KiB at most: make it "
        "smaller, for instance by a config.pbtxt in a model repository or by a data set instead of requests"
    )


def _size(value: Any) -> int:
    return len(names.canonical_json(value))


def _kib(size: int) -> int:
    return ceil(size / KIB)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
