"""A user's configuration laid over another: messages field by field, maps key by key, lists as a whole."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import text_format

from nereid.contract.triton_config.fields import ConfigError, as_key, as_list, as_mapping, as_scalar, fields, is_map
from nereid.contract.triton_config.model_config_pb2 import ModelConfig


def merged(base_pbtxt: str, config: Mapping[str, Any]) -> str:
    """Return `config` laid over a config.pbtxt, as a config.pbtxt; what `config` sets wins, zero and false too.

    Raise ValueError, with a message for the user, if one of the two is not a valid model configuration.
    """
    message = parsed(base_pbtxt)
    if config.get("backend"):
        # A platform names a backend too, the generated one.
        message.platform = ""
    overlay(message, config)
    return str(text_format.MessageToString(message))


def parsed(pbtxt: str) -> Any:
    """Return the protocol buffer message of a config.pbtxt; raise ValueError if it is not valid."""
    try:
        return text_format.Parse(pbtxt, ModelConfig())
    except text_format.ParseError as error:
        raise ValueError(f"its config.pbtxt is not a valid Triton model configuration ({error})") from error


def overlay(message: Any, values: Mapping[str, Any], path: str = "") -> None:
    """Set the given values on a message; raise ConfigError for the first one that is not valid there."""
    for field, value, here in fields(message.DESCRIPTOR, values, path):
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


def _overlay_map(entries: Any, entry: Any, values: Mapping[str, Any], path: str) -> None:
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for name, value in values.items():
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
