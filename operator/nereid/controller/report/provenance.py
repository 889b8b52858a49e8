"""What each revision's model was made from and fetched from: gathered while it is known, and kept with the revision."""

from collections.abc import Mapping

from nereid.api.provenance import ObservedProvenance
from nereid.api.status import ModelDeploymentStatus, ServedRevision
from nereid.controller.decide.source.resolution import made_from
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Specified
from nereid.controller.report.conditions import ReportInput


def provenances(report_input: ReportInput, previous: ModelDeploymentStatus) -> dict[str, ObservedProvenance]:
    """Return what is known of stable and candidate, by revision.

    Of the revision that the spec asks for, the spec and its registry tell; of any other, what was known of it. The
    digest is that of its first pods: a later one that differs is a warning, and no correction.
    """
    state = report_input.decision.state
    known = _known(previous)
    found = {}
    for revision in (state.stable, state.candidate):
        if revision is None:
            continue
        before = known.get(revision, ObservedProvenance())
        told = (
            _of_the_spec(report_input, report_input.plan, _lasting(before, revision, previous))
            if isinstance(report_input.plan, Specified) and revision == report_input.plan.revision
            else before
        )
        found[revision] = _with_digest(told, before, report_input.observed, revision)
    return found


def or_none(provenance: ObservedProvenance | None) -> ObservedProvenance | None:
    """Return a provenance that tells anything."""
    return provenance if provenance != ObservedProvenance() else None


def with_provenance(
    history: tuple[ServedRevision, ...], found: Mapping[str, ObservedProvenance]
) -> list[ServedRevision]:
    """Return the history; what is known of the revision that serves is told of it there too, where it stays."""
    if not history or history[0].revision not in found:
        return list(history)
    serving = history[0].model_copy(update={"provenance": or_none(found[history[0].revision])})
    return [serving, *history[1:]]


def _known(previous: ModelDeploymentStatus) -> dict[str, ObservedProvenance]:
    """Return what was known by revision; of one that served several times, what was known last."""
    told = (*reversed(previous.history), previous.candidate, previous.stable)
    return {one.revision: one.provenance for one in told if one and one.provenance}


def _lasting(before: ObservedProvenance, revision: str, previous: ModelDeploymentStatus) -> ObservedProvenance:
    """Return what was known, without who applied a revision that is asked for again after another."""
    if revision in {one.revision for one in (previous.stable, previous.candidate) if one}:
        return before
    return before.model_copy(update={"applied_by": None, "applied_at": None})


def _of_the_spec(report_input: ReportInput, plan: Specified, before: ObservedProvenance) -> ObservedProvenance:
    resolution = report_input.resolution.status if report_input.resolution else None
    if resolution and resolution.resolved_at is None:
        # A version that served before, of which the registry has not been asked again yet.
        resolution = resolution.model_copy(update={"provenance": before})
    told = made_from(plan.model.provenance, resolution)
    if before.applied_at is None and report_input.author:
        return told.model_copy(update={"applied_by": report_input.author.manager, "applied_at": report_input.author.at})
    return told.model_copy(update={"applied_by": before.applied_by, "applied_at": before.applied_at})


def _with_digest(
    told: ObservedProvenance, before: ObservedProvenance, observed: Observed, revision: str
) -> ObservedProvenance:
    digest = before.digest or next(iter(observed.of(revision).digests), None)
    return told if told.digest == digest else told.model_copy(update={"digest": digest})
