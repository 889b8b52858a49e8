"""What the conditions say of a model's source: what its URI leads to, what the registry was told, what was fetched."""

from collections.abc import Mapping

from nereid.api.provenance import ObservedProvenance
from nereid.api.status import ProblemStatus, ResolutionStatus, rfc3339
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.decide.source.tagging import Tagging
from nereid.controller.observed.facts import Observed
from nereid.controller.report.verdict import Verdict

RESOLVING = "ResolvingModel"
REFRESH_FAILED = "RefreshFailed"


def model_resolved(resolution: Resolution) -> Verdict:
    """Tell what the URI leads to, and if that is not known, why."""
    known, problem = resolution.status, resolution.apply_problem
    if problem and known.resolved_uri:
        message = f"{known.uri} cannot be looked up, so {known.resolved_uri} stays in force: {problem.message}"
        return Verdict("False", REFRESH_FAILED, message)
    if problem:
        return Verdict("False", problem.reason, problem.message)
    if known.failure is None and known.resolved_uri is None:
        waits = f": {resolution.why_not_running}" if resolution.why_not_running else ""
        return Verdict("Unknown", RESOLVING, f"{known.uri} is being looked up{waits}")
    if known.failure is None:
        return Verdict("True", "Resolved", _leads_to(known))
    again = f"it is tried again at {rfc3339(known.next_check)}" if known.next_check else "it is not tried again"
    cause = f"{known.failure.message.rstrip('.')}; {again}"
    if known.resolved_uri is None:
        return Verdict("False", known.failure.reason, f"{known.uri} cannot be resolved: {cause}")
    stays = f"{known.resolved_uri} stays in force"
    message = f"{known.uri} cannot be looked up, so {stays} ({known.failure.reason}): {cause}"
    return Verdict("False", REFRESH_FAILED, message)


def _leads_to(known: ResolutionStatus) -> str:
    if known.resolved_uri == known.uri:
        return f"{known.uri} names a version that stays what it is"
    return f"{known.uri} leads to {known.resolved_uri}"


def registry_tagged(tagging: Tagging, before: ProblemStatus | None) -> Verdict:
    """Tell whether the registry knows which revision serves; `before` is why it last could not be told."""
    if tagging.failure:
        return Verdict("False", tagging.failure.reason, f"The registry could not be told: {tagging.failure.message}")
    if not tagging.jobs and tagging.tagged is None:
        return Verdict("Unknown", "NothingServes", "No registered version serves yet")
    if not tagging.jobs:
        return Verdict("True", "Tagged", f"The registry was told that revision {tagging.tagged} serves")
    if tagging.is_retry and before and before.message:
        return Verdict("False", before.reason, before.message)
    return Verdict("Unknown", "Tagging", "The registry is being told which revision serves")


def model_changed(provenance: Mapping[str, ObservedProvenance], observed: Observed) -> Verdict | None:
    """Tell of a revision whose pods have fetched something else than the first of them; None where none has."""
    for revision, known in provenance.items():
        others = [digest for digest in observed.of(revision).digests if digest != known.digest]
        if known.digest and others:
            return Verdict(
                "True",
                "DigestsDiffer",
                f"Pods of revision {revision} have fetched {known.digest} and {', '.join(others)}: what is behind its "
                "URI was changed; give every version a URI of its own, and its digest in spec.model.digest",
            )
    return None
