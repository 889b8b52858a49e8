"""Which metrics are judged and against what, and what is left of the evidence when the spec changes that.

Only the evidence about what was edited begins anew. Alpha holds for the whole rollout, whatever is edited: a process
that begins anew is worth no more than before (see `judge.eprocess`), and so is one of a metric that joins; alpha stays
shared among all metrics that were ever judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from nereid.api import names
from nereid.api.status import QueryStatus
from nereid.controller.decide.judge.eprocess import EProcess, log_mean
from nereid.controller.decide.judge.evidence import Evidence, Margins, refitted
from nereid.controller.decide.rollout.query_results import definition_of
from nereid.controller.decide.rollout.state import Event, RolloutState
from nereid.controller.observed.sample import ERRORS, REJECTIONS, SLOW
from nereid.controller.plan.plan import Analysis, Plan

_ALL: Final = "all evidence"


@dataclass(frozen=True, slots=True)
class JudgedMetric:
    """What a metric is judged against. `subject`: what counts as bad, where the spec says that."""

    margins: Margins
    subject: str | None = None


def judged_metrics(analysis: Analysis) -> dict[str, JudgedMetric]:
    """Return the metrics that are judged, by name."""
    ceilings = {ERRORS: analysis.guard.errors}
    subjects: dict[str, str | None] = {ERRORS: None}
    if analysis.provider == "Prometheus":
        subjects[REJECTIONS] = None
        if analysis.latency_objective is not None:
            subjects[SLOW] = f"slower than {analysis.latency_objective} ms"
            if analysis.guard.slow is not None:
                ceilings[SLOW] = analysis.guard.slow
        subjects |= {metric.name: names.content_hash([metric.bad, metric.total]) for metric in analysis.business}
    return {name: JudgedMetric(_margins(analysis, ceilings.get(name)), subject) for name, subject in subjects.items()}


def _margins(analysis: Analysis, ceiling: float | None) -> Margins:
    return Margins(analysis.tolerated, analysis.against, analysis.negligible, ceiling, analysis.burst)


def joined(analysis: Analysis, known: Mapping[str, Evidence], shares: int) -> tuple[dict[str, Evidence], int]:
    """Return evidence of every metric that is judged, and among how many alpha is shared then.

    One that joins later is worth no more than the others are on average, so that the average of all does not grow.
    """
    wanted = judged_metrics(analysis)
    evidence = {name: known[name] if name in known else _new(metric, known) for name, metric in wanted.items()}
    return evidence, max(shares, len(known)) + len(wanted.keys() - known.keys())


def _new(metric: JudgedMetric, known: Mapping[str, Evidence]) -> Evidence:
    failing, worse = ([getattr(one, name).log_value for one in known.values()] for name in ("failing", "worse"))
    return Evidence(
        metric.margins,
        failing=EProcess(log_start=min(0.0, log_mean(failing)) if failing else 0.0),
        worse=EProcess(log_start=min(0.0, log_mean(worse)) if worse else 0.0),
        subject=metric.subject,
    )


def fitted(plan: Plan, state: RolloutState) -> tuple[RolloutState, tuple[Event, ...]]:
    """Return the state whose evidence is about what the spec asks for now, and what of it began anew."""
    judged, analysis = state.analysis, plan.rollout.analysis
    is_judged = state.candidate is not None or state.first_bake is not None
    if judged is None or not is_judged or analysis.provider == "None" or not judged.evidence:
        return state, ()
    wanted = judged_metrics(analysis)
    kept = {name: one for name, one in judged.evidence.items() if name in wanted}
    fitting = {name: refitted(one, wanted[name].margins, wanted[name].subject) for name, one in kept.items()}
    evidence, shares = joined(analysis, fitting, max(judged.shares, len(judged.evidence)))
    queries = _fitted_queries(analysis, judged.queries)
    if (evidence, queries) == (dict(judged.evidence), judged.queries):
        return state, ()
    edits = [*_edits(kept, fitting), *_query_edits(judged.queries, queries)]
    anew = replace(judged, evidence=evidence, shares=shares, queries=queries, verdict="Continue")
    return replace(state, analysis=anew), _events(edits, judged.evidence.keys() - wanted.keys(), wanted.keys() - kept)


def _fitted_queries(analysis: Analysis, known: tuple[QueryStatus, ...]) -> tuple[QueryStatus, ...]:
    before = {status.name: status for status in known}
    fitting = []
    for query in analysis.queries:
        definition, status = definition_of(query), before.get(query.name)
        if status is None or status.definition not in {None, definition}:
            status = QueryStatus(name=query.name, failures=0)
        fitting.append(status.model_copy(update={"definition": definition}))
    return tuple(fitting)


def _edits(before: Mapping[str, Evidence], after: Mapping[str, Evidence]) -> list[str]:
    """Return which evidence begins anew, and why, in words for users."""
    metrics_by_edit: dict[tuple[str, str], list[str]] = {}
    for name, one in before.items():
        for edit in _edits_of(name, one, after[name]):
            metrics_by_edit.setdefault(edit, []).append(name)
    return [
        f"{what} of {' and '.join(metrics)} begins anew, as {why}" for (what, why), metrics in metrics_by_edit.items()
    ]


def _edits_of(name: str, before: Evidence, after: Evidence) -> list[tuple[str, str]]:
    old, new = before.margins, after.margins
    if before == Evidence(old, subject=before.subject):
        return []  # Nothing was gathered yet, or it could not be read, which is told elsewhere.
    if before.subject not in {None, after.subject}:
        return [(f"{_ALL} and counts", "what counts as bad was edited")]
    if old.burst != new.burst:
        return [(_ALL, f"judge.burst is {new.burst} and was {old.burst}")]
    edits = []
    if old.tolerated != new.tolerated:
        edits.append(("evidence for failing", f"judge.tolerated is {new.tolerated:g} and was {old.tolerated:g}"))
    if old.against != new.against:
        edits.append(("evidence for passing", f"judge.against is {new.against:g} and was {old.against:g}"))
    if old.negligible != new.negligible:
        was = f"{_percent(new.negligible)} and was {_percent(old.negligible)}"
        edits.append(("evidence for passing", f"judge.negligiblePercent is {was}"))
    if old.ceiling != new.ceiling:
        field = "guard.maxSlowPercent" if name == SLOW else "guard.maxErrorPercent"
        was = f"{_percent(new.ceiling)} and was {_percent(old.ceiling)}"
        edits.append(("evidence about the guard's ceiling", f"{field} is {was}"))
    return edits


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share * 100:g}"


def _query_edits(before: tuple[QueryStatus, ...], after: tuple[QueryStatus, ...]) -> list[str]:
    old = {status.name: status.definition for status in before}
    edited = [one.name for one in after if old.get(one.name) not in {None, one.definition}]
    return [f"query {name} begins anew, as it was edited" for name in edited]


def _events(edits: list[str], left: set[str], new: set[str]) -> tuple[Event, ...]:
    edits = [
        *edits,
        *(f"{name} is no longer judged" for name in sorted(left)),
        *(f"{name} is judged from now on" for name in sorted(new)),
    ]
    if not edits:
        return ()
    sentence = f"spec.rollout.analysis was edited: {'; '.join(edits)}. All other evidence goes on"
    return (Event("Normal", "EvidenceReset", sentence),)
