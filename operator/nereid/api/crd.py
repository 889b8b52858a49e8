"""The CustomResourceDefinition, made from the types.

Kubernetes takes a subset of JSON Schema, the structural schemas: no references, no titles, no null
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
No field gets a default: the API server would write it into the user's object, where a GitOps tool sees a difference.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from nereid.api import names
from nereid.api.model_deployment import ModelDeploymentSpec
from nereid.api.schema import RULES
from nereid.api.status import ModelDeploymentStatus

_DROPPED: Final = frozenset({"title", "default", "additionalProperties", "$defs"})
_COLUMNS: Final = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', "Whether the spec's model serves."),
    ("Stable", "string", ".status.stable.version", "The stable version."),
    ("Candidate", "string", ".status.candidate.version", "The version that is being rolled out."),
    ("Weight", "integer", ".status.candidate.weight", "Percentage of requests that the candidate gets."),
    ("Phase", "string", ".status.phase", "The state in one word."),
    ("URL", "string", ".status.url", "Where clients send requests."),
    ("Age", "date", ".metadata.creationTimestamp", "Time since it was created."),
)
_NAME_RULE: Final = {
    "rule": (
        f"self.metadata.name.size() <= {names.MAX_NAME_LENGTH} && "
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
    ),
    "message": (
        f"metadata.name must have at most {names.MAX_NAME_LENGTH} characters, begin with a letter, and hold only "
        "lower-case letters, digits and dashes, as Services are named after it"
    ),
}


def custom_resource_definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition of ModelDeployment as a manifest."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
                "categories": ["all"],
            },
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.scaling.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": [
            {"name": name, "type": kind, "jsonPath": path, "description": description}
            for name, kind, path, description in _COLUMNS
        ],
        "schema": {"openAPIV3Schema": _schema()},
    }


def _schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "A model to serve: Nereid runs it on Triton and rolls out each new version step by step.",
        "required": ["spec"],
        RULES: [_NAME_RULE],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of the schema of this object."},
            "kind": {"type": "string", "description": f"Always {names.KIND}."},
            "metadata": {"type": "object"},
            "spec": _structural_root(ModelDeploymentSpec, "The desired state: written by you, never by the operator."),
            "status": _structural_root(ModelDeploymentStatus, "The observed state: written only by the operator."),
        },
    }


def _structural_root(model: type[BaseModel], description: str) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation")
    return {**_structural(schema, schema.get("$defs", {})), "description": description}


def _structural(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a JSON schema into a structural one: references inlined, null removed."""
    schema = _dereferenced(_without_null(schema), definitions)
    result = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "exclusiveMinimum" in result:
        # OpenAPI 3.0 says whether the bound is exclusive; later JSON schemas say which exclusive bound.
        result |= {"minimum": result["exclusiveMinimum"], "exclusiveMinimum": True}
    if "properties" in schema:
        result["properties"] = {name: _structural(value, definitions) for name, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = _structural(schema["items"], definitions)
    if isinstance(schema.get("additionalProperties"), Mapping):
        result["additionalProperties"] = _structural(schema["additionalProperties"], definitions)
    return result


def _dereferenced(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return dict(schema)
    target = definitions[schema["$ref"].rpartition("/")[2]]
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return {**_dereferenced(target, definitions), **own}


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace `X or null` by X: in a structural schema an optional field is one that is not required."""
    variants = schema.get("anyOf", [])
    others = [variant for variant in variants if variant != {"type": "null"}]
    if len(others) == len(variants) or len(others) != 1:
        return schema
    outer = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**others[0], **outer}
