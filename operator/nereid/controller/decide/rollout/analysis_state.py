"""The state of the analysis, as status holds it: without rounding, so that a restart changes no verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nereid.api.status import AnalysisStatus, QueryStatus, RateStatus, VerdictName
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import Comparison


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """The evidence so far.

    sampled_at: until when requests have been counted. looked_at: when the provider was last asked. errors: how many
    times in a row it failed. revision: the candidate that it is about. shares: among how many metrics alpha is shared.
    exposed_at: when the candidate got more traffic; None as long as it has what it got first.
    """

    sampled_at: datetime
    looked_at: datetime
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    queries: tuple[QueryStatus, ...] = ()
    verdict: VerdictName = "Continue"
    errors: int = 0
    error: str | None = None
    triton: Comparison | None = None
    revision: str | None = None
    shares: int = 0
    exposed_at: datetime | None = None

    @classmethod
    def from_status(cls, status: AnalysisStatus) -> "AnalysisState":
        """Read the state back from status."""
        return cls(
            sampled_at=status.sampled_at,
            looked_at=status.looked_at,
            evidence={metric.name: Evidence.from_json(metric.evidence) for metric in status.metrics},
            queries=tuple(status.queries),
            verdict=status.verdict,
            errors=status.errors,
            error=status.error,
            triton=_comparison(status.triton_candidate, status.triton_stable),
            revision=status.revision,
            shares=max(status.shares or 0, len(status.metrics)),
            exposed_at=status.exposed_at,
        )


def _comparison(candidate: RateStatus | None, stable: RateStatus | None) -> Comparison | None:
    if candidate is None or stable is None:
        return None
    return Comparison(Counts(candidate.requests, candidate.bad), Counts(stable.requests, stable.bad))
