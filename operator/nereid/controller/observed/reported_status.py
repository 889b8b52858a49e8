"""The status as it was last reported, whatever is stored there: what cannot be read is left out. Pure.

The API server holds a status to the CRD's schema when it is written; one that was written under another version of the
CRD, or by a later operator, may still hold what this operator does not know.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from nereid.api.status import ModelDeploymentStatus


def reported_status(raw: Mapping[str, Any]) -> ModelDeploymentStatus:
    """Return a stored status without the fields that cannot be read, and without what requires one of them.

    What is missing then is found out from the cluster, as if the status had been lost.
    """
    try:
        return ModelDeploymentStatus.model_validate(raw)
    except ValidationError as error:
        readable = _without(raw, [found["loc"] for found in error.errors()])
    return reported_status(readable)


def _without(raw: Mapping[str, Any], locations: Sequence[tuple[int | str, ...]]) -> dict[str, Any]:
    """Return a status without the fields at these locations; of a field that is missing, without what it belongs to."""
    status = deepcopy(dict(raw))
    removed = [_remove(status, location) for location in locations]
    return status if any(removed) else {}


def _remove(status: dict[str, Any], location: Sequence[int | str]) -> bool:
    """Remove what is at a location; if nothing is, the nearest that is around it. Return whether anything was there."""
    place: Any = status
    around: list[tuple[Any, int | str]] = []
    for key in location:
        if not _has(place, key):
            break
        around.append((place, key))
        place = place[key]
    if not around:
        return False
    # A missing field is the fault of what it belongs to; so is a whole list that one of its entries is removed from.
    holder, key = around[-1]
    if isinstance(holder, list):
        holder, key = around[-2]
    del holder[key]
    return True


def _has(place: Any, key: int | str) -> bool:
    if isinstance(place, dict):
        return key in place
    return isinstance(place, list) and isinstance(key, int) and key < len(place)
