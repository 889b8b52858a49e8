"""What each revision's model was made from and fetched from: gathered while it is known, and kept with the revision."""

from collections.abc import Mapping

from nereid.api.provenance import ObservedProvenance
from nereid.api.status import ModelDeploymentStatus, ServedRevision
from nereid.controller.decide.source.resolution import made_from
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Specified
from nereid.controller.report.conditions import ReportInput


def provenances(report_input: ReportInput, previous: ModelDeploymentStatus) -> dict[str, ObservedProvenance]:
    """Return the provenance of stable and candidate, by revision.

    That of the spec's own revision comes from the spec and its registry; any other keeps the one in status. The digest
    is that of its first pods: a later one that differs causes a warning and changes nothing.
    """
    state = report_input.decision.state
    recorded = _recorded(previous)
    result = {}
    for revision in (state.stable, state.candidate):
        if revision is None:
            continue
        before = recorded.get(revision, ObservedProvenance())
        provenance = (
            _of_the_spec(report_input, report_input.plan, _lasting(before, revision, previous))
            if isinstance(report_input.plan, Specified) and revision == report_input.plan.revision
            else before
        )
        result[revision] = _with_digest(provenance, before, report_input.observed, revision)
    return result


def or_none(provenance: ObservedProvenance | None) -> ObservedProvenance | None:
    """Return a provenance, or None if it is empty."""
    return provenance if provenance != ObservedProvenance() else None


def with_provenance(
    history: tuple[ServedRevision, ...], provenance: Mapping[str, ObservedProvenance]
) -> list[ServedRevision]:
    """Return the history with the provenance of the revision that serves, so that it is kept there."""
    if not history or history[0].revision not in provenance:
        return list(history)
    serving = history[0].model_copy(update={"provenance": or_none(provenance[history[0].revision])})
    return [serving, *history[1:]]


def _recorded(previous: ModelDeploymentStatus) -> dict[str, ObservedProvenance]:
    """Return the provenances in a status by revision; if one served several times, the last one."""
    served = (*reversed(previous.history), previous.candidate, previous.stable)
    return {entry.revision: entry.provenance for entry in served if entry and entry.provenance}


def _lasting(before: ObservedProvenance, revision: str, previous: ModelDeploymentStatus) -> ObservedProvenance:
    """Return the recorded provenance, without who applied it if the spec returns to an earlier revision."""
    if revision in {live.revision for live in (previous.stable, previous.candidate) if live}:
        return before
    return before.model_copy(update={"applied_by": None, "applied_at": None})


def _of_the_spec(report_input: ReportInput, plan: Specified, before: ObservedProvenance) -> ObservedProvenance:
    resolution = report_input.resolution.status if report_input.resolution else None
    if resolution and resolution.resolved_at is None:
        # A version that served before, and has not been looked up in the registry again yet.
        resolution = resolution.model_copy(update={"provenance": before})
    provenance = made_from(plan.model.provenance, resolution)
    if before.applied_at is None and report_input.author:
        return provenance.model_copy(
            update={"applied_by": report_input.author.manager, "applied_at": report_input.author.at}
        )
    return provenance.model_copy(update={"applied_by": before.applied_by, "applied_at": before.applied_at})


def _with_digest(
    provenance: ObservedProvenance, before: ObservedProvenance, observed: Observed, revision: str
) -> ObservedProvenance:
    digest = before.digest or next(iter(observed.of(revision).digests), None)
    return provenance if provenance.digest == digest else provenance.model_copy(update={"digest": digest})
