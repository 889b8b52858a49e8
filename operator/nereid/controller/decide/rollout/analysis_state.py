"""The state of the analysis, as status holds it: without rounding, so that a restart changes no verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nereid.api.status import AnalysisStatus, QueryStatus, RateStatus, VerdictName
from nereid.controller.decide.judge.bake import Bake
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.decide.judge.verdict import MOST_SHARES
from nereid.controller.decide.rollout.route_share import RouteShare
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import Comparison, LeftOut


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """The evidence so far.

    sampled_at: until when requests have been counted. looked_at: when the provider was last asked. errors: how many
    times in a row it failed; error says why, and error_reason in one word where the counts themselves disagree.
    left_out: which requests the last sample did not count, and why.
    revision: the candidate that it is about. shares: among how many metrics alpha is shared. exposed_at: when the
    candidate got more traffic; None as long as it has what it got first. audience: whom an A/B test picks. share: what
    the candidate got of the requests, where that can be compared with its weight. usual: stable's requests and errors
    before the bake, by which that is judged; bake: what is known since it began.
    """

    sampled_at: datetime
    looked_at: datetime
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    queries: tuple[QueryStatus, ...] = ()
    verdict: VerdictName = "Continue"
    errors: int = 0
    error: str | None = None
    error_reason: str | None = None
    left_out: LeftOut | None = None
    triton: Comparison | None = None
    revision: str | None = None
    shares: int = 0
    exposed_at: datetime | None = None
    audience: str | None = None
    share: RouteShare | None = None
    usual: Counts = field(default_factory=Counts)
    bake: Bake | None = None

    @classmethod
    def from_status(cls, status: AnalysisStatus) -> "AnalysisState":
        """Read the state back from status."""
        return cls(
            sampled_at=status.sampled_at,
            looked_at=status.looked_at,
            evidence={metric.name: Evidence.from_json(metric.evidence) for metric in status.metrics[:MOST_SHARES]},
            queries=tuple(status.queries),
            verdict=status.verdict,
            errors=status.errors,
            error=status.error,
            error_reason=status.error_reason,
            left_out=LeftOut(status.left_out.reason, status.left_out.message) if status.left_out else None,
            share=RouteShare.from_status(status.route) if status.route else None,
            triton=_comparison(status.triton_candidate, status.triton_stable),
            revision=status.revision,
            shares=max(status.shares or 0, len(status.metrics)),
            exposed_at=status.exposed_at,
            audience=status.audience,
            usual=_counts(status.usual) or Counts(),
            bake=Bake.from_json(status.bake.state) if status.bake else None,
        )


def unreadable_evidence(status: AnalysisStatus) -> tuple[str, ...]:
    """Return the metrics whose evidence in status cannot be what the operator wrote, and so begins anew."""
    metrics = (
        f"rollout.analysis.metrics.{metric.name}.evidence"
        for metric in status.metrics
        if not Evidence.is_readable(metric.evidence)
    )
    is_lost = status.bake is not None and Bake.from_json(status.bake.state) is None
    return (*metrics, *(("rollout.analysis.bake.state",) if is_lost else ()))


def _counts(rate: RateStatus | None) -> Counts | None:
    """Return the counts of a rate; None if it adds up to nothing."""
    return Counts(rate.requests, rate.bad) if rate and rate.bad <= rate.requests else None


def _comparison(candidate: RateStatus | None, stable: RateStatus | None) -> Comparison | None:
    of_candidate, of_stable = _counts(candidate), _counts(stable)
    # For people only.
    return Comparison(of_candidate, of_stable) if of_candidate and of_stable else None
