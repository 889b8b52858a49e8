"""The configuration that Triton's FIL backend needs for a forest: kind of file, number of features and classes.

FIL cannot read them from the file itself, so they are copied from the file into the configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# A forest is fast for any batch, but FIL needs some limit: NVIDIA's own examples have this one.
MAX_BATCH_SIZE: Final = 32768


class ForestError(ValueError):
    """A file is not a valid forest of its format; the message is a sentence without its subject, the source."""


@dataclass(frozen=True, slots=True)
class Forest:
    """One model. classes: 0 for a regression or ranking. for_fil: FIL can serve it (constant leaves, one target)."""

    model_type: str
    file_name: str
    features: int
    classes: int
    for_fil: bool = True


def fil_config(forest: Forest, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model configuration for FIL; `parameters`, the user's, may turn its probabilities into labels."""
    own = {"model_type": forest.model_type, "output_class": _boolean(forest.classes)}
    if forest.classes:
        own["predict_proba"] = "true"
    merged = {**own, **{name: value for name, value in _texts(parameters).items() if name in own}}
    width = max(forest.classes, 1) if merged.get("predict_proba") == "true" else 1
    return {
        "backend": "fil",
        "maxBatchSize": MAX_BATCH_SIZE,
        "input": [{"name": "input__0", "dataType": "TYPE_FP32", "dims": [forest.features]}],
        "output": [{"name": "output__0", "dataType": "TYPE_FP32", "dims": [width]}],
        "instanceGroup": [{"kind": "KIND_AUTO"}],
        "dynamicBatching": {},
        "parameters": {name: {"stringValue": value} for name, value in merged.items()},
    }


def _boolean(value: object) -> str:
    return "true" if value else "false"


def _texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the string values of parameters, whose field a user may write in camelCase or snake_case."""
    values = {name: value.get("stringValue", value.get("string_value")) for name, value in parameters.items()}
    return {name: value for name, value in values.items() if value is not None}
