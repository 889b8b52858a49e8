"""A user's configuration laid over another: messages field by field, maps key by key, lists as a whole."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import text_format

from nereid.contract.triton_config.fields import ConfigError, as_key, as_list, as_mapping, as_scalar, fields, is_map
from nereid.contract.triton_config.model_config_pb2 import ModelConfig


def merged(base_pbtxt: str, config: Mapping[str, Any]) -> str:
    """Return `config` laid over a config.pbtxt, as a config.pbtxt; what `config` sets wins, zero and false too.

    Raise ValueError where one of the two is no model configuration, with a sentence about it.
    """
    message = parsed(base_pbtxt)
    if config.get("backend"):
        # A platform names a backend too, the generated one.
        message.platform = ""
    overlay(message, config)
    return str(text_format.MessageToString(message))


def parsed(pbtxt: str) -> Any:
    """Return the message of a config.pbtxt; raise ValueError when it is none."""
    try:
        return text_format.Parse(pbtxt, ModelConfig())
    except text_format.ParseError as error:
        raise ValueError(f"its config.pbtxt is no model configuration of Triton ({error})") from error


def overlay(message: Any, given: Mapping[str, Any], path: str = "") -> None:
    """Set what is given on a message; raise ConfigError at the first value that does not belong there."""
    for field, value, here in fields(message.DESCRIPTOR, given, path):
        if is_map(field):
            _overlay_map(getattr(message, field.name), field.message_type, as_mapping(value, here), here)
        elif field.is_repeated:
            message.ClearField(field.name)
            _extend(getattr(message, field.name), field, value, here)
        elif field.message_type:
            # An empty message says something too: `dynamicBatching: {}` switches it on.
            getattr(message, field.name).SetInParent()
            overlay(getattr(message, field.name), as_mapping(value, here), here)
        else:
            setattr(message, field.name, as_scalar(field, value, here))


def _overlay_map(entries: Any, entry: Any, given: Mapping[str, Any], path: str) -> None:
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for name, value in given.items():
        here = f"{path}.{name}"
        key = as_key(key_field, name, here)
        if value is None:
            raise ConfigError(here, "must not be null")
        if value_field.message_type:
            overlay(entries[key], as_mapping(value, here), here)
        else:
            entries[key] = as_scalar(value_field, value, here)


def _extend(entries: Any, field: Any, value: Any, path: str) -> None:
    for index, element in enumerate(as_list(value, path)):
        here = f"{path}[{index}]"
        if field.message_type:
            overlay(entries.add(), as_mapping(element, here), here)
        else:
            entries.append(as_scalar(field, element, here))
