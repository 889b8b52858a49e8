"""Whether an observed object still matches its manifest.

The API server adds defaults and writes quantities in its own form. Only changes by somebody else may count as
differences, or each restart of the operator would repeat all of its writes.
"""

from collections.abc import Mapping
from typing import Any, Final

from nereid.api.quantity import quantity_or_none

# Maps that are replaced as a whole: a key that somebody added to a selector is a difference.
_ATOMIC_MAPS: Final = frozenset({"selector", "matchLabels", "nodeSelector"})
# Lists whose items get no defaults: Istio's routes, where another field may route requests differently.
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
            and all(covers(item, other) for item, other in zip(observed, desired, strict=True))
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
    amount = quantity_or_none(observed)
    return amount is not None and amount == quantity_or_none(desired)
