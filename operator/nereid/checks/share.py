"""A part of a whole, compared with a percentage without rounding."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`, which is not zero."""

    part: int
    whole: int

    def reaches(self, percent: float) -> bool:
        """Whether it is at least so many percent, taken as the decimal number that was written: 95.1 is 951 of 1000."""
        return self.part * _PERCENT >= Fraction(repr(percent)) * self.whole

    def __add__(self, other: "Share") -> "Share":
        return Share(self.part + other.part, self.whole + other.whole)

    def __str__(self) -> str:
        """Return the percentage with one decimal, rounded down, so that too low never looks like high enough."""
        tenths = self.part * _PERCENT * 10 // self.whole
        return f"{tenths // 10}.{tenths % 10}%"
