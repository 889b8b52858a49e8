"""The result of one check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether the candidate passed, and the figures in a sentence."""

    passed: bool
    message: str
