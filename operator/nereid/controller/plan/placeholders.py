"""What users write into their PromQL for the revision that it is about: {{namespace}}, {{workload}} and so on."""

import re
from collections.abc import Mapping
from typing import Final

from nereid.api.names import revision_child_name

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z]+)\s*\}\}")


def meanings(namespace: str, name: str, revision: str) -> dict[str, str]:
    """Return what the placeholders of every query stand for."""
    workload = revision_child_name(name, revision)
    return {"namespace": namespace, "name": name, "revision": revision, "workload": workload}


def filled(query: str, known: Mapping[str, str]) -> str:
    """Return a query with its placeholders replaced; raises ValueError for one that means nothing."""

    def meaning(match: re.Match[str]) -> str:
        if match[1] not in known:
            usable = ", ".join(f"{{{{{name}}}}}" for name in known)
            raise ValueError(f"{match[0]} is not a known placeholder: use one of {usable}")
        return known[match[1]]

    return _PLACEHOLDER.sub(meaning, query)
