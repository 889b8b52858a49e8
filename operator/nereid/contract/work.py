"""How a container is told what to do: one typed value as JSON in one environment variable, for every kind of Job.

A revision keeps the pod template that it was made with, image and variable together: what an older operator wrote is
read by the image of its own time, so that the fields here may change with both.
"""

import os
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from nereid.api import names

T = TypeVar("T")

_TYPES: Final[dict[type, TypeAdapter[Any]]] = {}


class InvalidWorkError(Exception):
    """A variable that does not hold the work that was looked for; the message says which part of it, and no value."""


def as_json(work: object) -> str:
    """Return the work, a pydantic dataclass, as a variable holds it: what is left at its default is left out."""
    return names.canonical_json(_adapter(type(work)).dump_python(work, mode="json", exclude_defaults=True)).decode()


def read_work(kind: type[T], variable: str) -> T:
    """Return the work that an environment variable holds; raise InvalidWorkError when it holds none of this kind."""
    try:
        work: T = _adapter(kind).validate_json(os.environ.get(variable, ""))
    except ValidationError as error:
        raise InvalidWorkError(
            f"the variable {variable}, which the operator sets, is not valid: {_told(error)}"
        ) from error
    return work


def _adapter(kind: type) -> TypeAdapter[Any]:
    return _TYPES.setdefault(kind, TypeAdapter(kind))


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
