"""How a container gets its work: one typed value as JSON in one environment variable, for every kind of Job.

A revision keeps the pod template that it was made with, image and variable together: the variable of an older operator
is read by the image of the same version, so the fields may change from version to version.
"""

import os
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from nereid.api import names

T = TypeVar("T")

_TYPES: Final[dict[type, TypeAdapter[Any]]] = {}


class InvalidWorkError(Exception):
    """A variable does not hold valid work; the message says which part is not valid, and shows no value."""


def as_json(work: object) -> str:
    """Return the work, a pydantic dataclass, as JSON for a variable, without the fields that have their default."""
    return names.canonical_json(_adapter(type(work)).dump_python(work, mode="json", exclude_defaults=True)).decode()


def read_work(kind: type[T], variable: str) -> T:
    """Return the work that an environment variable holds; raise InvalidWorkError if it is not valid for this kind."""
    try:
        work: T = _adapter(kind).validate_json(os.environ.get(variable, ""))
    except ValidationError as error:
        raise InvalidWorkError(
            f"the variable {variable}, which the operator sets, is not valid: {_first_problem(error)}"
        ) from error
    return work


def _adapter(kind: type) -> TypeAdapter[Any]:
    return _TYPES.setdefault(kind, TypeAdapter(kind))


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
