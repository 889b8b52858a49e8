"""Which revision a spec asks for: a hash of the user's fields that shape its pods, and of nothing else. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from nereid.api import names
from nereid.api.model import LONGEST_VERSION, ModelSpec
from nereid.api.runtime import RuntimeSpec
from nereid.contract.source import RegisteredModel, source_of
from nereid.controller.plan.plan import Specified

# Fields that do not shape the pods.
_NOT_IN_MODEL: Final = {"refresh", "provenance", "tag_registry"}
_NOT_IN_RUNTIME: Final = {"disruption_budget"}
# Fields that Nereid does not define, in which an empty object has a meaning: dynamicBatching with its defaults.
_OPAQUE: Final = frozenset({"config", "podTemplate"})
# An empty `gpu` means one GPU of any product.
_KEPT_IF_EMPTY: Final = "gpu"


def with_resolved_uri(plan: Specified, model_uri: str) -> Specified:
    """Return a plan with what its reference resolves to, and with the revision that follows from it."""
    if model_uri == plan.model_uri:
        return plan
    content = revision_content(plan.owner.name, plan.model, plan.runtime, model_uri)
    return replace(
        plan, revision=names.revision_of(content), model=with_version(plan.model, model_uri), model_uri=model_uri
    )


def revision_content(name: str, model: ModelSpec, runtime: RuntimeSpec, model_uri: str) -> dict[str, Any]:
    """Return the user's fields that shape the pods, and nothing else: what a revision is the hash of.

    Empty fields are left out, so that fields which later versions of the API add change no hash. `model_uri` is the
    resolved URI, so that an alias and the version behind it are one revision.
    """
    fields = model.model_dump(exclude_none=True, exclude=_NOT_IN_MODEL)
    content = {
        "model": {"name": name, **fields, "uri": model_uri},
        "runtime": runtime.model_dump(exclude_none=True, exclude=_NOT_IN_RUNTIME),
    }
    return {part: _without_empty(fields) for part, fields in content.items()}


def with_version(model: ModelSpec, model_uri: str) -> ModelSpec:
    """Return the model with the registry's version as its own, if the user gives none."""
    source = source_of(model_uri)
    version = source.version if isinstance(source, RegisteredModel) and source.is_immutable else None
    if model.version or version is None or len(version) > LONGEST_VERSION:
        return model
    return model.model_copy(update={"version": version})


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    inner = {
        key: _without_empty(value) if isinstance(value, Mapping) and key not in _OPAQUE else value
        for key, value in fields.items()
    }
    return {key: value for key, value in inner.items() if key == _KEPT_IF_EMPTY or value not in ({}, [])}
