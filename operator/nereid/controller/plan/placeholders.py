"""Placeholders in users' PromQL for the revision that it is about: {{namespace}}, {{workload}} and so on."""

import re
from collections.abc import Mapping
from typing import Final

from nereid.api.names import revision_child_name

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z]+)\s*\}\}")


def placeholder_values(namespace: str, name: str, revision: str) -> dict[str, str]:
    """Return the value of each placeholder for a revision."""
    workload = revision_child_name(name, revision)
    return {"namespace": namespace, "name": name, "revision": revision, "workload": workload}


def filled(query: str, values: Mapping[str, str]) -> str:
    """Return a query with its placeholders replaced; raises ValueError for one that has no value."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            usable = ", ".join(f"{{{{{name}}}}}" for name in values)
            raise ValueError(f"{match[0]} is not a known placeholder: use one of {usable}")
        return values[match[1]]

    return _PLACEHOLDER.sub(value, query)
