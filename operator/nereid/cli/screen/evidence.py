"""What is known about the candidate's quality: the judge's numbers, the user's queries and checks. Pure."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group
from rich.table import Table
from rich.text import Text

from nereid.api.status import AnalysisStatus, EvidenceStatus, MetricStatus, QueryStatus, RateStatus, RolloutStatus
from nereid.cli.figures import count, odds, rate, since, value
from nereid.cli.screen.layout import BAD, FAINT, GOOD, mark, section, table
from nereid.cli.view import View


def judge(view: View, now: datetime) -> Group | None:
    """Return the judge's numbers, metric by metric; None if nothing was judged."""
    if view.rollout is None or view.rollout.analysis is None:
        return None
    analysis = view.rollout.analysis
    whose = "" if view.status.candidate else ", of the last rollout"
    heading = f"Judge ({analysis.verdict}, {since(analysis.looked_at, now)} ago{whose})"
    return section(heading, *_sentences(view.rollout, analysis), _rates(analysis), *_evidence(analysis))


def queries(view: View) -> Group | None:
    """Return the last values of the user's queries; None if there are none."""
    analysis = view.rollout.analysis if view.rollout else None
    if analysis is None or not analysis.queries:
        return None
    rows = table("", "", "CANDIDATE", "STABLE", "")
    for query in analysis.queries:
        stable = "" if query.stable_value is None else value(query.stable_value)
        rows.add_row(mark(is_good=query.passed), query.name, value(query.value), stable, _failures(query))
    return section("Queries", rows)


def checks(view: View) -> Group | None:
    """Return the results of the checks that ran last; None if none did."""
    last_run = view.rollout.checks if view.rollout else None
    if last_run is None or not last_run.results:
        return None
    rows = table("", "", "")
    for result in last_run.results:
        rows.add_row(mark(is_good=result.passed), result.name, result.message)
    is_last = view.plan is not None and last_run.step >= len(view.plan.steps)
    return section(f"Checks before {'all traffic' if is_last else f'step {last_run.step + 1}'}", rows)


def _sentences(rollout: RolloutStatus, analysis: AnalysisStatus) -> list[Text]:
    """Return what the numbers mean, unless the first lines of the screen say so already."""
    sentences = [analysis.message] if analysis.message and analysis.message not in rollout.message else []
    if analysis.error and analysis.error not in analysis.message:
        sentences.append(f"The metrics provider failed {analysis.errors} times in a row: {analysis.error}")
    return [Text(sentence, style=BAD if analysis.error else "") for sentence in sentences]


def _rates(analysis: AnalysisStatus) -> Table:
    rows = table("METRIC", "", "REQUESTS", "BAD", "RATE (95% INTERVAL)", numbers=["REQUESTS", "BAD"])
    for metric in analysis.metrics:
        _add_rates(rows, metric.name, metric.candidate, metric.stable)
    if analysis.triton_candidate and analysis.triton_stable:
        _add_rates(rows, "errors, as Triton counts", analysis.triton_candidate, analysis.triton_stable)
    return rows


def _add_rates(rows: Table, name: str, candidate: RateStatus, stable: RateStatus) -> None:
    rows.add_row(name, "candidate", count(candidate.requests), count(candidate.bad), rate(candidate))
    rows.add_row("", "stable", count(stable.requests), count(stable.bad), rate(stable), style=FAINT)


def _evidence(analysis: AnalysisStatus) -> list[Table]:
    # Without requests to stable at the same time there is nothing to compare, and so no evidence.
    compared = [metric for metric in analysis.metrics if metric.stable.requests]
    if not compared:
        return []
    rows = table("EVIDENCE", "THAT IT IS WORSE", "THAT IT IS GOOD ENOUGH")
    for metric in compared:
        passing = _reached(metric.passing, GOOD)
        if metric.passing.more_requests:
            passing.append(f", about {count(metric.passing.more_requests)} more requests")
        rows.add_row(metric.name, _reached(metric.failing, BAD), passing)
    return [rows, *_comparisons(compared)]


def _comparisons(metrics: Sequence[MetricStatus]) -> list[Table]:
    """Return whether the user's own metrics are better or worse than stable's."""
    rows = table("BUSINESS METRIC", "COMPARED WITH STABLE", "THAT IT IS BETTER", "THAT IT IS WORSE")
    for metric in metrics:
        if metric.comparison and metric.better and metric.worse:
            style = {"Better": GOOD, "Worse": BAD}.get(metric.comparison, "")
            found = Text(metric.comparison.lower(), style=style)
            rows.add_row(metric.name, found, _reached(metric.better, GOOD), _reached(metric.worse, BAD))
    return [rows] if rows.row_count else []


def _reached(evidence: EvidenceStatus, style: str) -> Text:
    return Text(odds(evidence), style=style if evidence.reached >= evidence.needed else "")


def _failures(query: QueryStatus) -> str:
    return f"outside its limits {query.failures} times in a row" if query.failures else ""
