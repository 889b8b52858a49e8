"""What one check has found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether the candidate passed, and the figures in a sentence."""

    passed: bool
    message: str
