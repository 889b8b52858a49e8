"""LightGBM's text files: their head tells what FIL has to be told of them."""

from pathlib import Path
from typing import Final

from nereid.fetch.layouts.forest import Forest, ForestError

MODEL_TYPE: Final = "lightgbm"
FILE_NAME: Final = "model.txt"
_FIRST_LINE: Final = "tree"
_BINARY: Final = frozenset({"binary"})
_MULTIPLE: Final = frozenset({"multiclass", "multiclassova"})
# A head has a dozen of lines; the longest names every feature.
_LONGEST_LINE: Final = 1 << 24


def is_lightgbm(path: Path) -> bool:
    """Tell whether the file is LightGBM's text."""
    with path.open("rb") as file:
        return file.readline(len(_FIRST_LINE) + 2).rstrip() == _FIRST_LINE.encode()


def read_lightgbm(path: Path) -> Forest:
    """Read the head of a model; raise ForestError when the file is none."""
    head = _head(path)
    try:
        features, classes = int(head["max_feature_idx"]) + 1, int(head["num_class"])
    except (KeyError, ValueError) as error:
        raise ForestError("is no text file of LightGBM: write it with Booster.save_model") from error
    objective = head.get("objective", "").partition(" ")[0]
    count = 2 if objective in _BINARY else classes if objective in _MULTIPLE else 0
    return Forest(MODEL_TYPE, FILE_NAME, features, count)


def _head(path: Path) -> dict[str, str]:
    head: dict[str, str] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(_LONGEST_LINE).rstrip("\n"):
            key, separator, value = line.partition("=")
            if separator:
                head[key] = value
    return head
