"""What the types of the resource share: the base model, reusable field types and CEL rules.

Strictness belongs to the CRD, where `kubectl apply` shows it. Parsing here ignores unknown fields, so that an object
written for a newer CRD does not break an older operator.
"""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

RULES: Final = "x-kubernetes-validations"
# A list of which no item may be repeated.
SET: Final[JsonDict] = {"x-kubernetes-list-type": "set"}

# Bounded, so that a time some durations from now is still in the calendar.
DURATION_PATTERN: Final = r"^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$"
_DURATION: Final = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?")


class ApiModel(BaseModel):
    """Base of all API types: immutable, camelCase on the wire, unknown fields ignored."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


def rule(expression: str, message: str) -> dict[str, Any]:
    """Return one CEL validation rule: an expression over `self` and the sentence shown when it is false."""
    return {"rule": expression, "message": message}


def rules(*validations: dict[str, Any]) -> dict[str, Any]:
    """Return the schema extension that holds CEL rules."""
    return {RULES: list(validations)}


def matching(pattern: str, message: str) -> dict[str, Any]:
    """Return the schema extension that demands a regular expression, with a sentence where `pattern` gives none."""
    quoted = pattern.replace("\\", "\\\\").replace("'", "\\'")
    return rules(rule(f"self.matches('{quoted}')", message))


def seconds(duration: str) -> int:
    """Convert a duration as the API writes it (`90s`, `5m`, `1h30m`) into seconds.

    Raises ValueError if it is not valid.
    """
    match = _DURATION.fullmatch(duration)
    if not duration or match is None:
        raise ValueError(
            f"{duration!r} is not a valid duration: write hours, minutes and seconds, for instance 1h30m or 90s"
        )
    hours, minutes, remainder = (int(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + remainder


Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=16,
        json_schema_extra=matching(
            DURATION_PATTERN, "must be a duration in hours, minutes and seconds, for instance 1h30m, 5m or 90s"
        ),
    ),
]
DnsLabel = Annotated[
    str,
    Field(
        min_length=1,
        max_length=63,
        json_schema_extra=matching(
            r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "must be a valid DNS label: lower-case letters, digits and dashes"
        ),
    ),
]
ObjectName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        json_schema_extra=matching(
            r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
            "must be a valid object name: lower-case letters, digits, dashes and dots",
        ),
    ),
]
# 1 and "1" are the same quantity, and so must not make two revisions.
Quantity = Annotated[
    str,
    BeforeValidator(str),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}),
]
IntOrPercent = Annotated[
    str,
    BeforeValidator(str),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            RULES: [
                rule(
                    "type(self) == int ? self >= 0 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",
                    "must be a number of pods, or a percentage such as 25%",
                )
            ],
        }
    ),
]
