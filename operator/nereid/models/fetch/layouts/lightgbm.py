"""LightGBM's text files: finds what FIL needs, and whether it can serve them.

The head of a file describes the model. Whether leaves hold linear models is only in each tree, so the file is searched
through the page cache, and this process needs little memory.
"""

import mmap
from pathlib import Path
from typing import Final

from nereid.models.fetch.layouts.forest import Forest, ForestError

MODEL_TYPE: Final = "lightgbm"
FILE_NAME: Final = "model.txt"
_FIRST_LINE: Final = "tree"
_BINARY: Final = frozenset({"binary"})
_MULTIPLE: Final = frozenset({"multiclass", "multiclassova"})
# FIL would silently treat each leaf as a constant.
_LINEAR_TREE: Final = b"\nis_linear=1"
# A head has about a dozen lines; the longest one names every feature.
_MAX_LINE_LENGTH: Final = 1 << 24


def is_lightgbm(path: Path) -> bool:
    """Whether the file is a LightGBM text file."""
    with path.open("rb") as file:
        return file.readline(len(_FIRST_LINE) + 2).rstrip() == _FIRST_LINE.encode()


def read_lightgbm(path: Path) -> Forest:
    """Return the description of a model; raise ForestError if the file is not a valid model."""
    head = _head(path)
    try:
        features, classes = int(head["max_feature_idx"]) + 1, int(head["num_class"])
    except (KeyError, ValueError) as error:
        raise ForestError("is not a valid LightGBM text file: write it with Booster.save_model") from error
    objective = head.get("objective", "").partition(" ")[0]
    count = 2 if objective in _BINARY else classes if objective in _MULTIPLE else 0
    return Forest(MODEL_TYPE, FILE_NAME, features, count, for_fil=not _has_linear_trees(path))


def _has_linear_trees(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_LINEAR_TREE) >= 0


def _head(path: Path) -> dict[str, str]:
    head: dict[str, str] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(_MAX_LINE_LENGTH).rstrip("\n"):
            key, separator, value = line.partition("=")
            if separator:
                head[key] = value
    return head
