"""Who changed the model in a spec, and when: from the managed fields that the API server keeps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Author:
    """A field manager, and when it last wrote, in the API server's format."""

    manager: str
    at: str


def author_of(managed_fields: Iterable[Mapping[str, Any]]) -> Author | None:
    """Return the manager that last wrote a field of `spec.model`; None if the managed fields do not show it."""
    authors = [
        Author(entry.get("manager", ""), entry.get("time", ""))
        for entry in managed_fields
        if "subresource" not in entry and "f:model" in entry.get("fieldsV1", {}).get("f:spec", {})
    ]
    return max(authors, key=lambda author: author.at, default=None)
