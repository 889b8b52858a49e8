"""The fields of a protocol buffer message, by the names and JSON types in which a user may write their values."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

_INTEGER_BITS: Final = {
    FieldDescriptor.CPPTYPE_INT32: (True, 32),
    FieldDescriptor.CPPTYPE_INT64: (True, 64),
    FieldDescriptor.CPPTYPE_UINT32: (False, 32),
    FieldDescriptor.CPPTYPE_UINT64: (False, 64),
}
_NOT_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class ConfigError(ValueError):
    """A name that is not a field of the message, or a value that is not valid for its field; the text has its path."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}")


def fields(message: Descriptor, values: Mapping[str, Any], path: str) -> Iterator[tuple[Any, Any, str]]:
    """Yield (field, value, path) of each value that is set; raise ConfigError for a name that is not a field.

    Names may be written in camelCase or snake_case; null means not set, as in protocol buffers' own JSON.
    """
    set_names: dict[str, str] = {}
    for name, value in values.items():
        here = f"{path}.{name}" if path else str(name)
        field = _field(message, str(name), here)
        if value is None:
            continue
        # Of fields that exclude each other (a oneof), Triton would silently use the last one.
        group = field.containing_oneof.name if field.containing_oneof else field.name
        if group in set_names:
            raise ConfigError(here, f"and {set_names[group]} exclude each other: keep one of them")
        set_names[group] = str(name)
        yield field, value, here


def _field(message: Descriptor, name: str, here: str) -> Any:
    for field in message.fields:
        if name in {field.name, field.json_name}:
            return field
    field_names = [field.name if "_" in name else field.json_name for field in message.fields]
    raise ConfigError(here, f"is not a field of Triton's ModelConfig{_suggestion(name, field_names)}")


def _suggestion(name: str, field_names: Sequence[str]) -> str:
    close = get_close_matches(name, field_names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; use {_enumeration(field_names)}"


def _enumeration(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def is_map(field: Any) -> bool:
    """Whether the field maps keys to values."""
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def as_mapping(value: Any, path: str) -> Mapping[str, Any]:
    """Return the value, which must be an object of JSON."""
    if not isinstance(value, Mapping):
        raise ConfigError(path, f"must be an object with fields, not {_described(value)}")
    return value


def as_list(value: Any, path: str) -> Sequence[Any]:
    """Return the value, which must be a list without null."""
    if not isinstance(value, list | tuple):
        raise ConfigError(path, f"must be a list, not {_described(value)}")
    for index, entry in enumerate(value):
        if entry is None:
            raise ConfigError(f"{path}[{index}]", "must not be null")
    return value


def as_scalar(field: Any, value: Any, path: str) -> Any:
    """Return the value as the field holds it: a string, boolean, number or member of an enumeration."""
    if field.enum_type is not None:
        return _as_member(field.enum_type, value, path)
    if field.cpp_type in _INTEGER_BITS:
        return _as_integer(field, value, path)
    return _READERS[field.cpp_type](value, path)


def as_key(field: Any, key: Any, path: str) -> Any:
    """Return the key of a map as the field holds it; in JSON every key is text."""
    return as_scalar(field, key, path)


def _as_member(enum: Any, value: Any, path: str) -> int:
    members = enum.values_by_name
    if isinstance(value, str) and value in members:
        return int(members[value].number)
    if isinstance(value, int) and not isinstance(value, bool) and value in enum.values_by_number:
        return value
    close = get_close_matches(str(value).upper(), list(members), n=1, cutoff=0.5)
    proposal = f"did you mean {close[0]}?" if close else f"use one of {', '.join(members)}"
    raise ConfigError(path, f"has the value {_described(value)}, which Triton does not support; {proposal}")


def _as_integer(field: Any, value: Any, path: str) -> int:
    signed, bits = _INTEGER_BITS[field.cpp_type]
    number = _whole(value)
    if number is None:
        raise ConfigError(path, f"must be a whole number, not {_described(value)}")
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not lowest <= number <= highest:
        raise ConfigError(path, f"must be from {lowest} to {highest}, not {number}")
    return number


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    # JSON has no 64 bit integers: protocol buffers write them as text.
    return int(value) if isinstance(value, str) and value.removeprefix("-").isdecimal() else None


def _as_text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(path, f"must be text, not {_described(value)}: put it in quotes")
    return value


def _as_boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(path, f"must be true or false, not {_described(value)}")
    return value


def _as_number(value: Any, path: str) -> float:
    if isinstance(value, str) and value in _NOT_NUMBERS:
        return _NOT_NUMBERS[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(path, f"must be a number, not {_described(value)}")
    return float(value)


_READERS: Final[Mapping[int, Callable[[Any, str], Any]]] = {
    FieldDescriptor.CPPTYPE_STRING: _as_text,
    FieldDescriptor.CPPTYPE_BOOL: _as_boolean,
    FieldDescriptor.CPPTYPE_FLOAT: _as_number,
    FieldDescriptor.CPPTYPE_DOUBLE: _as_number,
}


def _described(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return str(value).lower() if isinstance(value, bool) else repr(value)
