"""A spec that is too large to be kept: what is kept in its place, and the sentence that says so. Pure.

Every ModelDeployment stays in memory for as long as it exists, so a few large ones would take what all others need. A
spec that is rejected for the size of one field is not kept either, however small the rest of it is.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from nereid.api import names
from nereid.contract.check_job import MAX_CHECKS_BYTES
from nereid.contract.foreign_text import KIB, SPEC_BYTES

# The field of a raw object that says why its spec is not kept. The API server prunes such a field of a user's.
PROBLEM: Final = "nereidSpecProblem"
# Sections that are no larger are kept: hosts stay with their owner, and alerts stay as they are.
_SMALL_BYTES: Final = 16 * KIB
# Linux takes 128 KiB in one argument.
MAX_CONFIG_BYTES: Final = 96 * KIB
# A Job has the checks as they are read, which their JSON in the spec may exceed by some white space and nulls.
_CHECKS_BYTES: Final = MAX_CHECKS_BYTES + 16 * KIB


def without_large_spec(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object as it is, or, if its spec or a field is too large, with its small sections and PROBLEM."""
    if PROBLEM in raw:
        return raw
    spec = raw.get("spec") or {}
    size = _size(spec)
    problem = _problem(spec, size) if size > SPEC_BYTES else _problem_of_a_field(spec, size)
    if problem is None:
        return raw
    sizes = {section: _size(value) for section, value in spec.items()}
    kept = {section: value for section, value in spec.items() if sizes[section] <= _SMALL_BYTES}
    if previews := (_mapping(_mapping(spec.get("rollout")).get("blueGreen"))).get("previewHosts"):
        kept.setdefault("rollout", {"blueGreen": {"previewHosts": previews}})
    return {**raw, "spec": kept, PROBLEM: problem}


def config_problem(config: Any) -> str | None:
    """Return a sentence if `spec.model.config` does not fit where it is read; None if it does."""
    size = _size(config or {})
    if size <= MAX_CONFIG_BYTES:
        return None
    return (
        f"spec.model.config takes {_kib(size)} KiB as JSON, and {MAX_CONFIG_BYTES >> 10} KiB fit into an argument of "
        "the container that fetches the model: move the configuration into the config.pbtxt of a model repository"
    )


def _problem_of_a_field(spec: Mapping[str, Any], size: int) -> str | None:
    if size <= min(MAX_CONFIG_BYTES, _CHECKS_BYTES):
        return None
    if problem := config_problem(_mapping(spec.get("model")).get("config")):
        return problem
    checks = _size(_mapping(spec.get("rollout")).get("checks"))
    if checks <= _CHECKS_BYTES:
        return None
    return (
        f"spec.rollout.checks takes {_kib(checks)} KiB as JSON, and {MAX_CHECKS_BYTES >> 10} KiB fit into the check "
        "Job: use fewer or smaller requests, or a data set instead"
    )


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
