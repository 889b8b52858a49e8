"""Quantities as Kubernetes writes them, such as 500m, 1.5 or 64Gi, read into numbers.

See https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/. Imports nothing of Nereid.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_QUANTITY: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)(?P<suffix>[munkMGTPE]|[KMGTPE]i)?")
_SUFFIXES: Final[Mapping[str, Decimal]] = {
    **{
        suffix: Decimal(1000) ** power
        for power, suffix in enumerate(["n", "u", "m", "", "k", "M", "G", "T", "P", "E"], -3)
    },
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}
# The largest quantity of Kubernetes.
_MAX_BYTES: Final = 2**63 - 1
_MAX_SHOWN_LENGTH: Final = 40


def quantity_or_none(value: Any) -> Decimal | None:
    """Return a quantity's value in its base unit (cores, bytes, pieces), or None if `value` is not a valid quantity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(value))
    return Decimal(match["number"]) * _SUFFIXES[match["suffix"] or ""] if match else None


def parse_quantity(value: str) -> float:
    """Return a quantity's value.

    Raises ValueError if it is not valid.
    """
    number = quantity_or_none(value)
    if number is None:
        raise ValueError(
            f"{value[:_MAX_SHOWN_LENGTH]!r} is not a valid quantity: write a number such as 2, 500m or 4Gi"
        )
    return float(number)


def parse_bytes(value: str) -> int:
    """Return a size in bytes.

    Raises ValueError if it is not valid.
    """
    size = quantity_or_none(value)
    if size is None or not 1 <= size <= _MAX_BYTES:
        raise ValueError(f"{value[:_MAX_SHOWN_LENGTH]!r} is not a valid size: write bytes such as 512Mi or 20Gi")
    return int(size)


def as_size(size: int) -> str:
    """Return bytes as a quantity with the largest binary suffix that loses nothing: 20Gi, or 1500."""
    for power, suffix in zip(range(6, 0, -1), "EPTGMK", strict=True):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{suffix}i"
    return str(size)
