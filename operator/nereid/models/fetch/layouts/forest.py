"""What Triton's FIL backend has to be told of a forest: kind of file, number of features and classes.

It cannot read that from the file itself, so the file's own words are copied into the configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# A forest is fast on any batch, and FIL wants some bound: NVIDIA's own examples have this one.
MAX_BATCH_SIZE: Final = 32768


class ForestError(ValueError):
    """A file that is no forest of its format; the message begins with a verb."""


@dataclass(frozen=True, slots=True)
class Forest:
    """One model. classes: 0 for a regression or ranking. for_fil: its trees have constants and one target."""

    model_type: str
    file_name: str
    features: int
    classes: int
    for_fil: bool = True


def fil_config(forest: Forest, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model configuration for FIL; `parameters`, the user's, may turn its probabilities into labels."""
    own = {"model_type": forest.model_type, "output_class": _truth(forest.classes)}
    if forest.classes:
        own["predict_proba"] = "true"
    told = {**own, **{name: value for name, value in _texts(parameters).items() if name in own}}
    width = max(forest.classes, 1) if told.get("predict_proba") == "true" else 1
    return {
        "backend": "fil",
        "maxBatchSize": MAX_BATCH_SIZE,
        "input": [{"name": "input__0", "dataType": "TYPE_FP32", "dims": [forest.features]}],
        "output": [{"name": "output__0", "dataType": "TYPE_FP32", "dims": [width]}],
        "instanceGroup": [{"kind": "KIND_AUTO"}],
        "dynamicBatching": {},
        "parameters": {name: {"stringValue": value} for name, value in told.items()},
    }


def _truth(value: object) -> str:
    return "true" if value else "false"


def _texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of parameters, which the user may have spelt in camelCase or snake_case."""
    values = {name: value.get("stringValue", value.get("string_value")) for name, value in parameters.items()}
    return {name: value for name, value in values.items() if value is not None}
