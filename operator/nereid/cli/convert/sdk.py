"""KServe's own types: which fields an InferenceService has, and of which kind the value of each is.

They are those of KServe's SDK and of the Kubernetes client that comes with it. The SDK is a server's library too and
takes seconds to import, so it is imported when the first document is read. Its own reader is of no use here: it knows
no type of Kubernetes, and ignores the fields that it does not know.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

_LIST: Final = re.compile(r"list\[(?P<item>.*)\]", re.IGNORECASE)
_MAP: Final = re.compile(r"dict\((?P<key>[^,]*), (?P<item>.*)\)|dict\[(?P<key_>[^,]*), (?P<item_>.*)\]", re.IGNORECASE)
_PLAIN: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "object": (object,),
    "datetime": (str,),
    "ResourceQuantity": (str, int, float),
    "V1beta1MetricQuantity": (str, int, float),
    "IntOrString": (str, int),
}


class MissingSdkError(Exception):
    """KServe's SDK is not installed; the message says how to get it."""


@cache
def fields(kind: str) -> Mapping[str, str]:
    """Return the fields of a type, as they are written in a manifest, each with the type of its value."""
    described = _described(kind)
    if described is None:
        raise KeyError(kind)
    return {described.attribute_map[name]: type_of for name, type_of in described.openapi_types.items()}


def misfit(value: Any, kind: str, path: str) -> str | None:
    """Return a sentence about the first value that is not of its type, or None; fields without a type take any."""
    if value is None:
        return None
    wrong = f"{path} must be of type {kind}, not {value!r:.60}"
    if list_type := _LIST.fullmatch(kind):
        if not isinstance(value, list):
            return wrong
        return _first(_misfit_item(item, list_type["item"], f"{path}[{number}]") for number, item in enumerate(value))
    if map_type := _MAP.fullmatch(kind):
        if not isinstance(value, Mapping):
            return wrong
        # Quantities are strings to the types, and often written as numbers.
        item_kind = (map_type["item"] or map_type["item_"]).replace("str", "ResourceQuantity")
        return _first(_misfit_item(item, item_kind, f"{path}[{key}]") for key, item in value.items())
    if kind in _PLAIN:
        is_flag = isinstance(value, bool) and kind not in {"bool", "object"}
        return wrong if is_flag or not isinstance(value, _PLAIN[kind]) else None
    if not isinstance(value, Mapping):
        return wrong
    types = fields(kind) if _described(kind) else {}
    return _first(misfit(item, types[key], f"{path}.{key}") for key, item in value.items() if key in types)


def item_type(kind: str) -> str:
    """Return the type of a list's items."""
    list_type = _LIST.fullmatch(kind)
    if list_type is None:
        raise ValueError(f"{kind} is not a list")
    return list_type["item"]


def _misfit_item(value: Any, kind: str, path: str) -> str | None:
    """Return a sentence about an item of a list or map, which unlike a field may not be empty."""
    return f"{path} is empty" if value is None else misfit(value, kind, path)


def _first(sentences: Iterable[str | None]) -> str | None:
    return next((sentence for sentence in sentences if sentence), None)


def _described(kind: str) -> Any:
    try:
        models, kubernetes = import_module("kserve").models, import_module("kubernetes.client")
    except ModuleNotFoundError as error:
        raise MissingSdkError(
            f"converting needs KServe's SDK ({error.name} is missing): install Nereid with its extra, as in "
            "pip install '.[convert]' in a checkout"
        ) from error
    return getattr(models, kind, None) or getattr(kubernetes, kind, None)
