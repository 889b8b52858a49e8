"""Who changed the model in a spec, and when, as the API server keeps it in the object's managed fields."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Author:
    """A field manager, and when it last wrote; the time is as the API server writes it."""

    manager: str
    at: str


def author_of(managed_fields: Iterable[Mapping[str, Any]]) -> Author | None:
    """Return the manager that last wrote a field of `spec.model`; None where the API server does not tell."""
    authors = [
        Author(one.get("manager", ""), one.get("time", ""))
        for one in managed_fields
        if "subresource" not in one and "f:model" in one.get("fieldsV1", {}).get("f:spec", {})
    ]
    return max(authors, key=lambda author: author.at, default=None)
