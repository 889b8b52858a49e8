"""The field reference as Markdown, made from the CRD, so that the documentation cannot differ from what is applied."""

from collections.abc import Iterator, Mapping
from typing import Any

from nereid.api import names
from nereid.api.crd import custom_resource_definition
from nereid.api.schema import RULES


def reference() -> str:
    """Return the field reference of ModelDeployment as a Markdown page."""
    version = custom_resource_definition()["spec"]["versions"][0]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    lines = [
        f"# {names.KIND} ({names.API_VERSION})",
        "",
        "Every field, as `kubectl explain mdep` shows it. Generated from the types by `make crds`.",
    ]
    for root in ("spec", "status"):
        lines += ["", f"## {root}", "", properties[root]["description"]]
        lines += ["", "| field | type | what it means |", "|---|---|---|", *_rows(properties[root], "")]
    return "\n".join(lines) + "\n"


def _rows(schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        required = " (required)" if name in schema.get("required", ()) else ""
        yield f"| `{path}` | {_type(field)}{required} | {_meaning(field)} |"
        yield from _rows(field.get("items", field), f"{path}[]." if "items" in field else f"{path}.")


def _type(field: Mapping[str, Any]) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map to {_type(field['additionalProperties'])}"
    # What may be anything, as a request's body, has no type.
    return str(field.get("type", "any"))


def _meaning(field: Mapping[str, Any]) -> str:
    parts = [field.get("description", "")]
    if "enum" in field:
        parts.append("One of " + ", ".join(f"`{value}`" for value in field["enum"]) + ".")
    if "minimum" in field:
        parts.append(_range(field))
    parts += [f"Rule: {rule['message']}." for rule in field.get(RULES, ())]
    return " ".join(parts).replace("|", "\\|")


def _range(field: Mapping[str, Any]) -> str:
    least = f"above {field['minimum']:g}" if field.get("exclusiveMinimum") else f"from {field['minimum']:g}"
    most = f" to {field['maximum']:g}" if "maximum" in field else "" if field.get("exclusiveMinimum") else " on"
    return f"{least[0].upper()}{least[1:]}{most}."
