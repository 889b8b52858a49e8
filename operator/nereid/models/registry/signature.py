"""A model's inputs and outputs in a line, from the signature in the MLmodel file that MLflow keeps with each model."""

import json
from collections.abc import Mapping
from typing import Any

import yaml


def signature_of(mlmodel: str) -> str | None:
    """Return the signature as short text; None if the file has no valid one."""
    try:
        signature = yaml.safe_load(mlmodel)["signature"]
        sides = {side: json.loads(signature[side]) for side in ("inputs", "outputs") if signature.get(side)}
        return "; ".join(f"{side}: {', '.join(map(_column, columns))}" for side, columns in sides.items()) or None
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _column(column: Mapping[str, Any]) -> str:
    tensor = column.get("tensor-spec")
    kind = f"{tensor['dtype']}{tensor['shape']}" if tensor else str(column["type"])
    return f"{column['name']} {kind}" if column.get("name") else kind
