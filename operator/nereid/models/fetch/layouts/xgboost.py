"""XGBoost's files (JSON, UBJSON and the deprecated binary form): finds what FIL needs without parsing all of a file.

A model of gigabytes is searched through the page cache, so that this process needs little memory. The two objects that
matter are at the end of the file, after the trees.
"""

import json
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nereid.models.fetch.layouts.forest import Forest, ForestError

JSON: Final = ("xgboost_json", "xgboost.json")
UBJSON: Final = ("xgboost_ubj", "xgboost.ubj")
BINARY: Final = ("xgboost", "xgboost.model")
_SHAPE: Final = "learner_model_param"
_OBJECTIVE: Final = "objective"
_BINARY_OBJECTIVES: Final = frozenset({"binary:logistic", "binary:hinge"})
_MULTIPLE_OBJECTIVES: Final = frozenset({"multi:softprob", "multi:softmax"})
# The two objects have a handful of short entries.
_MAX_OBJECT_LENGTH: Final = 1 << 16
_INTEGERS: Final = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q"}
# struct LearnerModelParamLegacy of the binary form: base_score, num_feature, num_class, and 31 reserved words.
_LEGACY_MAGIC: Final = b"binf"
_LEGACY_HEAD: Final = struct.Struct("<fIi")
_LEGACY_BYTES: Final = 136
_PLAUSIBLE_NAME: Final = 64
_LINEAR: Final = b"gblinear"
_NAME_BEFORE: Final = 64
_NOT_A_MODEL: Final = "is not a valid XGBoost model (neither JSON, UBJSON nor binary): write it with Booster.save_model"


def kind_of(path: Path) -> tuple[str, str]:
    """Return FIL's name for the form of a file, by its content, and the file name that belongs to the form."""
    with path.open("rb") as file:
        start = file.read(64)
    if not start.startswith(b"{"):
        return BINARY
    # UBJSON has the type of a length after the brace, JSON a key in quotes.
    return JSON if start[1:].lstrip()[:1] == b'"' else UBJSON


def is_xgboost(path: Path) -> bool:
    """Whether the file is a valid XGBoost model; not every JSON file is."""
    try:
        read_xgboost(path)
    except ForestError:
        return False
    return True


def read_xgboost(path: Path) -> Forest:
    """Return the description of a model; raise ForestError if the file is not a valid model."""
    kind = kind_of(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            shape = _READERS[kind](content)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise ForestError(_NOT_A_MODEL) from error
    return Forest(*kind, shape.features, shape.class_count, shape.for_fil)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The part of a file that describes its model."""

    features: int
    classes: int
    objective: str
    for_fil: bool = True

    @property
    def class_count(self) -> int:
        if self.objective in _BINARY_OBJECTIVES:
            return 2
        return self.classes if self.objective in _MULTIPLE_OBJECTIVES else 0


def _described(content: mmap.mmap, at: int, shape: Mapping[str, Any], objective: Mapping[str, Any]) -> _Shape:
    # The booster's name is the last entry before its shape.
    is_linear = _LINEAR in content[max(0, at - _NAME_BEFORE) : at]
    targets = max(int(shape.get("num_target", 1)), 1)
    for_fil = targets == 1 and not is_linear
    return _Shape(int(shape["num_feature"]), int(shape["num_class"]), str(objective["name"]), for_fil)


def _read_json(content: mmap.mmap) -> _Shape:
    at, shape = _json_object(content, _SHAPE)
    return _described(content, at, shape, _json_object(content, _OBJECTIVE)[1])


def _json_object(content: mmap.mmap, key: str) -> tuple[int, Mapping[str, Any]]:
    """Return the offset of the last object with a key, and the object; the trees before it have no such keys."""
    at = content.rfind(f'"{key}"'.encode())
    if at < 0:
        raise ValueError(key)
    text = content[at : at + _MAX_OBJECT_LENGTH].decode(errors="replace")
    value, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    return at, dict(value)


def _read_ubjson(content: mmap.mmap) -> _Shape:
    at, shape = _ubjson_texts(content, _SHAPE)
    return _described(content, at, shape, _ubjson_texts(content, _OBJECTIVE)[1])


def _ubjson_texts(content: mmap.mmap, key: str) -> tuple[int, Mapping[str, str]]:
    """Return the offset of the last object with a key, and the strings that it begins with."""
    marker = bytes([len(key)]) + key.encode() + b"{"
    begin = content.rfind(marker)
    if begin < 0:
        raise ValueError(key)
    at = begin + len(marker)
    texts: dict[str, str] = {}
    while content[at : at + 1] in _INTEGERS:
        name, at = _ubjson_text(content, at)
        if content[at : at + 1] != b"S":
            break
        texts[name], at = _ubjson_text(content, at + 1)
    return begin, texts


def _ubjson_text(content: mmap.mmap, at: int) -> tuple[str, int]:
    layout = _INTEGERS[content[at : at + 1]]
    size = struct.calcsize(layout)
    (length,) = struct.unpack(layout, content[at + 1 : at + 1 + size])
    begin = at + 1 + size
    if not 0 <= length <= _MAX_OBJECT_LENGTH:
        raise ValueError(length)
    return content[begin : begin + length].decode(), begin + length


def _read_binary(content: mmap.mmap) -> _Shape:
    at = len(_LEGACY_MAGIC) if content[: len(_LEGACY_MAGIC)] == _LEGACY_MAGIC else 0
    _, features, classes = _LEGACY_HEAD.unpack(content[at : at + _LEGACY_HEAD.size])
    at += _LEGACY_BYTES
    (length,) = struct.unpack("<Q", content[at : at + 8])
    if not 0 < length <= _PLAUSIBLE_NAME:
        raise ValueError(length)
    return _Shape(features, classes, content[at + 8 : at + 8 + length].decode("ascii"))


_READERS: Final = {JSON: _read_json, UBJSON: _read_ubjson, BINARY: _read_binary}
