"""The conditions about a model's source: what its URI leads to, whether its registry is tagged, what was fetched."""

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
    """Return condition ModelResolved: what the URI leads to or, if that is not known, why."""
    status = resolution.status
    if resolution.apply_problem and status.resolved_uri:
        return Verdict("False", REFRESH_FAILED, f"{_still_used(status)}: {resolution.apply_problem.message}")
    if resolution.apply_problem:
        return Verdict("False", resolution.apply_problem.reason, resolution.apply_problem.message)
    if status.failure is None and status.resolved_uri is None:
        cause = f": {resolution.why_not_running}" if resolution.why_not_running else ""
        return Verdict("Unknown", RESOLVING, f"{status.uri} is being resolved{cause}")
    if status.failure is None:
        return Verdict("True", "Resolved", _leads_to(status))
    again = f"the next attempt is at {rfc3339(status.next_check)}" if status.next_check else "it is not tried again"
    cause = f"{status.failure.message.rstrip('.')}; {again}"
    if status.resolved_uri is None:
        return Verdict("False", status.failure.reason, f"{status.uri} cannot be resolved: {cause}")
    return Verdict("False", REFRESH_FAILED, f"{_still_used(status)} ({status.failure.reason}): {cause}")


def _still_used(status: ResolutionStatus) -> str:
    return f"{status.uri} cannot be resolved again, so {status.resolved_uri} is still used"


def _leads_to(status: ResolutionStatus) -> str:
    if status.resolved_uri == status.uri:
        return f"{status.uri} names a version that never changes"
    return f"{status.uri} leads to {status.resolved_uri}"


def registry_tagged(tagging: Tagging, before: ProblemStatus | None) -> Verdict:
    """Return condition RegistryTagged: whether the registry shows which revision serves.

    `before` is why the last attempt to tag it failed, if it did.
    """
    if tagging.failure:
        return Verdict("False", tagging.failure.reason, f"The registry could not be tagged: {tagging.failure.message}")
    if not tagging.jobs and tagging.tagged is None:
        return Verdict("Unknown", "NothingServes", "No registered version serves yet")
    if not tagging.jobs:
        return Verdict("True", "Tagged", f"The registry shows that revision {tagging.tagged} serves")
    if tagging.is_retry and before and before.message:
        return Verdict("False", before.reason, before.message)
    return Verdict("Unknown", "Tagging", "The registry is being tagged with the revision that serves")


def model_changed(provenance: Mapping[str, ObservedProvenance], observed: Observed) -> Verdict | None:
    """Return condition ModelChanged if pods of one revision have fetched different models; otherwise None."""
    for revision, recorded in provenance.items():
        others = [digest for digest in observed.of(revision).digests if digest != recorded.digest]
        if recorded.digest and others:
            return Verdict(
                "True",
                "DigestsDiffer",
                f"Pods of revision {revision} have fetched {recorded.digest} and {', '.join(others)}: the model behind "
                "its URI has changed; give every version its own URI, and set spec.model.digest",
            )
    return None
