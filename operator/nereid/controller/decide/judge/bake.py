"""The errors of a candidate that has all traffic, against a ceiling that the rollout has learned.

There is nothing left to compare it with at the same time, and the guard's ceiling is the same for every model. Stable's
own rate in this rollout says what is usual for this one: the ceiling is `against` times the upper end of its Wilson
interval, so few requests make a high ceiling, and at least `negligible`. Rates drift by the hour, by less than that.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from nereid.controller.decide.judge.eprocess import EProcess, is_possible, multiplied
from nereid.controller.decide.judge.evidence import BEYOND_ODDS, Margins, beyond_ratios
from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.observed.counters import LARGEST_COUNT, Counts

_MOST: Final = 0.9


@dataclass(frozen=True, slots=True)
class Bake:
    """The evidence that the candidate's error rate is above `ceiling`, since it has had all traffic.

    `burst`: about how many errors have one cause, so that they come together.
    """

    ceiling: float
    burst: int = 1
    candidate: Counts = field(default_factory=Counts)
    beyond: EProcess = field(default_factory=EProcess)

    def to_json(self) -> dict[str, Any]:
        """Return the evidence as status holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Bake | None":
        """Return the evidence from status; None if it is not of this form, and then it begins anew."""
        try:
            return cls._from_valid(document)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            return None

    @classmethod
    def _from_valid(cls, document: Mapping[str, Any]) -> "Bake":
        beyond = EProcess(document["beyond"]["intervals"], tuple(document["beyond"]["log_sums"]))
        bake = cls(document["ceiling"], document["burst"], Counts(**document["candidate"]), beyond)
        if not is_possible(beyond) or len(beyond.log_sums) not in {0, len(BEYOND_ODDS)}:
            raise ValueError("no intervals lead to this process")
        if not all(type(n) is int and n <= LARGEST_COUNT for n in (bake.candidate.requests, bake.candidate.errors)):
            raise ValueError("no counters add up to this")
        if type(bake.ceiling) not in {int, float} or type(bake.burst) is not int:
            raise TypeError("numbers are needed")
        bake._margins()  # raises if they are not possible
        return bake

    def _margins(self) -> Margins:
        return Margins(ceiling=self.ceiling, burst=self.burst)

    def further(self, candidate: Counts) -> "Bake":
        """Return the evidence after one more interval; as errors come in bursts, none decides alone."""
        ratios = beyond_ratios(self._margins(), candidate)
        beyond = multiplied(self.beyond, ratios) if any(ratios) else self.beyond
        return replace(self, candidate=self.candidate + candidate, beyond=beyond)


def learned_ceiling(stable: Counts, against: float, negligible: float) -> float | None:
    """Return the highest share of errors that stable's own makes plausible; None if stable had no requests."""
    usual = wilson(stable)
    return min(_MOST, max(negligible, against * usual.high)) if usual else None
