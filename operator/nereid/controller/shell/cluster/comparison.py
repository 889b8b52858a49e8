"""Whether an observed object still is what its manifest says.

The API server adds defaults to what it is given and writes quantities its own way; only what somebody has changed may
count as a difference, or each restart of the operator would repeat all of its writes.
"""

from collections.abc import Mapping
from typing import Any, Final

from nereid.api.quantity import quantity_or_none

# Maps that are replaced as a whole: a key that somebody added to a selector is a difference.
_ATOMIC_MAPS: Final = frozenset({"selector", "matchLabels", "nodeSelector"})
# Lists to whose items nobody adds defaults: Istio's routes, of which a further field is another way for requests.
_EXACT_LISTS: Final = frozenset({"http"})


def covers(observed: Any, desired: Any) -> bool:
    """Whether `observed` holds every field of `desired`, with its value; it may hold more fields, except in routes."""
    if observed == desired:
        return True
    if isinstance(desired, dict):
        return isinstance(observed, dict) and all(
            _field_covered(observed, key, value) for key, value in desired.items()
        )
    if isinstance(desired, list | tuple):
        return (
            isinstance(observed, list)
            and len(observed) == len(desired)
            and all(covers(one, other) for one, other in zip(observed, desired, strict=True))
        )
    return _same_quantity(observed, desired)


def _field_covered(observed: Mapping[str, Any], key: str, desired: Any) -> bool:
    if key not in observed:
        # Go leaves empty values out.
        return not desired
    if key in _EXACT_LISTS and isinstance(desired, list):
        return bool(observed[key] == desired)
    if key in _ATOMIC_MAPS and isinstance(desired, dict) and isinstance(observed[key], dict):
        return observed[key].keys() == desired.keys() and covers(observed[key], desired)
    return covers(observed[key], desired)


def _same_quantity(observed: Any, desired: Any) -> bool:
    one, other = quantity_or_none(observed), quantity_or_none(desired)
    return one is not None and one == other
