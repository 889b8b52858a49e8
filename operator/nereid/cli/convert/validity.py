"""Whether a converted ModelDeployment is valid.

The API's types read it and `plan` plans it; what only the API server would reject is checked against the schema: fields
that it does not have, and patterns.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from nereid.api.crd import custom_resource_definition
from nereid.api.identity import Owner
from nereid.api.schema import RULES
from nereid.controller.plan.reading import InvalidSpecError, Reading, read_spec
from nereid.controller.plan.settings import Settings

_NAME: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# The API server evaluates all rules; those that only match a pattern are checked here.
_PATTERN: Final = re.compile(r"self\.matches\('(?P<pattern>.*)'\)")


def problem(manifest: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a ModelDeployment, in a sentence, or None."""
    if not _NAME.fullmatch(manifest["metadata"]["name"]):
        return "metadata.name must begin with a letter, and hold only lower-case letters, digits and dashes"
    try:
        if rejection := _reading(manifest).rejection:
            return rejection
    except InvalidSpecError as error:
        return str(error)
    schema = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return next(_problems(manifest["spec"], schema["properties"]["spec"], "spec"), None)


def refusal(manifest: Mapping[str, Any]) -> str | None:
    """Return why an operator with the chart's defaults would not make the pods of a valid ModelDeployment, or None."""
    return _reading(manifest).refusal


def _reading(manifest: Mapping[str, Any]) -> Reading:
    metadata = manifest["metadata"]
    owner = Owner(metadata.get("namespace", "default"), metadata["name"], "", 1)
    return read_spec(owner, metadata.get("annotations") or {}, manifest["spec"], Settings())


def _problems(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, str):
        for rule in schema.get(RULES, ()):
            if (match := _PATTERN.fullmatch(rule["rule"])) and not _matches(match["pattern"], value):
                yield f"{path}: {value} {rule['message']}"
    elif isinstance(value, Mapping):
        properties = schema.get("properties")
        for key, inner in value.items():
            if properties is not None and key not in properties:
                yield f"{path}.{key}: it is not a field of ModelDeployment"
            yield from _problems(inner, (properties or {}).get(key, {}), f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _problems(inner, schema.get("items", {}), f"{path}[{number}]")


def _matches(quoted: str, value: str) -> bool:
    """Whether a value matches a pattern that stands in a rule as a quoted string."""
    pattern = quoted.replace("\\'", "'").replace("\\\\", "\\")
    return re.search(pattern, value, re.ASCII) is not None
