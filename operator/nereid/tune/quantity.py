"""Kubernetes' quantities as numbers: 500m is half a core, 2Gi is 2147483648 bytes."""

import re
from decimal import Decimal
from typing import Final

_QUANTITY: Final = re.compile(r"(?P<number>[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.)(?P<suffix>[a-zA-Z]*)")
_SUFFIXES: Final = {
    "n": Decimal(10) ** -9,
    "u": Decimal(10) ** -6,
    "m": Decimal(10) ** -3,
    "": Decimal(1),
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def quantity(text: str) -> float:
    """Return the number that a quantity stands for; raises ValueError where it is none."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match["suffix"] not in _SUFFIXES:
        raise ValueError(f"{text!r} is no quantity: write a number as in 2, 500m or 4Gi")
    return float(Decimal(match["number"]) * _SUFFIXES[match["suffix"]])
