"""What a reference resolves to: the last resolution, and when it is to be resolved next.

An alias or `latest` of MLflow, a tag of an image, a branch of a hub: only their servers know what they stand for, and a
Job in the user's namespace asks them. A registered version and a run are fixed; they are looked up for the provenance
that the registry has. Pure: no client, no clock.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from nereid.api import names
from nereid.api.model_uri import LONGEST_URI
from nereid.api.provenance import ObservedProvenance
from nereid.api.schema import seconds
from nereid.api.status import MOST_COUNTED, ResolutionFailure, ResolutionStatus
from nereid.contract.model_job import ModelJobAnswer
from nereid.contract.source import source_of
from nereid.controller.observed.model_jobs import UNANSWERED, ModelJobFacts, progress
from nereid.controller.plan.plan import SourceSpec

# The waits after failures in a row: what is missing may be created at any time.
BACK_OFF_SECONDS: Final = (10, 30, 60, 120, 300)
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ResolutionRequest:
    """A URI to be looked up, and how often in seconds (None: once).

    `id` changes with every field of the spec that may change the answer, but not with the operator's settings: an
    upgrade must not resolve again, which could start a rollout. `owner` is the uid of the ModelDeployment: Jobs of an
    earlier object of the same name do not count.
    """

    id: str
    owner: str
    uri: str
    refresh: int | None

    @property
    def is_fixed(self) -> bool:
        """Whether the URI is fixed, so that it is its own resolution."""
        source = source_of(self.uri)
        return source is not None and not source.moves


def request_of(source: SourceSpec) -> ResolutionRequest | None:
    """Return what is to be looked up for a spec's model; None if nothing is."""
    model, parsed = source.model, source_of(source.model.uri)
    if parsed is None or not (parsed.moves or parsed.has_provenance):
        return None
    refresh = max(source.settings.shortest_refresh, seconds(model.refresh)) if model.refresh else None
    return ResolutionRequest(_id(source), source.owner.uid, model.uri, refresh)


def _id(source: SourceSpec) -> str:
    fields = {"uri", "endpoint", "credentials", "ca_bundle"}
    access = source.model.model_dump(mode="json", include=fields, exclude_none=True)
    return names.content_hash([access, source.runtime.service_account_name or ""])


def resolved(
    request: ResolutionRequest,
    before: ResolutionStatus | None,
    facts: Sequence[ModelJobFacts],
    served: Collection[str],
    now: datetime,
) -> ResolutionStatus:
    """Return the resolution of a URI, from the one `before` and the answers of Jobs.

    `served` are the URIs of stable and former revisions: a fixed URI among them counts as resolved at once.
    """
    status = _dated(request, _initial(request, before, served))
    if wait_of(request, status, now) is not None:
        return status
    job = progress(run_of(request, status), facts, now)
    return _answered(request, status, job.answer, job.failure, now) if job.is_over else status


def wait_of(request: ResolutionRequest, status: ResolutionStatus, now: datetime) -> float | None:
    """Return the seconds until the next look-up, infinity for never; None if one is due."""
    due = next_look(request, status)
    if due is None:
        return math.inf
    is_later = now < due <= now + timedelta(seconds=_longest_wait(request))
    return (due - now).total_seconds() if is_later else None


def _initial(request: ResolutionRequest, before: ResolutionStatus | None, served: Collection[str]) -> ResolutionStatus:
    if before is not None and before.id == request.id:
        return before
    resolved = request.uri if request.is_fixed and request.uri in served else None
    return ResolutionStatus(
        id=request.id, uri=request.uri, resolved_uri=resolved, tagged=before.tagged if before else None
    )


def run_of(request: ResolutionRequest, status: ResolutionStatus) -> str:
    """Return the name of the next look-up's run, which is a new one after each answer."""
    before = int(status.checked_at.timestamp()) if status.checked_at else 0
    return f"{names.content_hash([request.id, request.owner])}-{before}"


def _wait(request: ResolutionRequest, status: ResolutionStatus) -> int | None:
    if status.failures:
        return BACK_OFF_SECONDS[min(status.failures, len(BACK_OFF_SECONDS)) - 1]
    return None if request.is_fixed else request.refresh


def _longest_wait(request: ResolutionRequest) -> int:
    """Return a bound of all waits, in seconds: a later time was written before the clock was set back."""
    return max(BACK_OFF_SECONDS[-1], request.refresh or 0) + 1


def next_look(request: ResolutionRequest, status: ResolutionStatus) -> datetime | None:
    """Return when the URI is to be looked up next; None for never."""
    if status.checked_at is None:
        return _ALWAYS
    wait = _wait(request, status)
    return None if wait is None else status.checked_at + timedelta(seconds=wait)


def _dated(request: ResolutionRequest, status: ResolutionStatus) -> ResolutionStatus:
    """Return the status with the time of the next look-up by the present spec."""
    due = next_look(request, status) if status.checked_at else None
    return status if status.next_check == due else status.model_copy(update={"next_check": due})


def _answered(
    request: ResolutionRequest,
    status: ResolutionStatus,
    answer: ModelJobAnswer | None,
    failure: ResolutionFailure | None,
    now: datetime,
) -> ResolutionStatus:
    checked = now.replace(microsecond=0)
    uri = request.uri if request.is_fixed else answer.uri if answer else None
    if failure is None and not _is_answer(request, uri):
        failure = ResolutionFailure(
            reason=UNANSWERED, message=f"the Job answered {uri}, which is not a fixed URI of the same model"
        )
    if failure is not None or answer is None:
        update = {"checked_at": checked, "failures": min(status.failures, MOST_COUNTED) + 1, "failure": failure}
        return _dated(request, status.model_copy(update=update))
    is_same = status.resolved_uri == uri and status.resolved_at is not None
    update = {
        "resolved_uri": uri,
        "resolved_at": status.resolved_at if is_same else checked,
        "checked_at": checked,
        "failures": 0,
        "failure": None,
        "provenance": _provenance(answer),
    }
    return _dated(request, status.model_copy(update=update))


def _is_answer(request: ResolutionRequest, uri: str | None) -> bool:
    """Whether a URI is a fixed one of the same model as the request's."""
    reference, answer = source_of(request.uri), source_of(uri or "")
    if reference is None or answer is None or len(uri or "") > LONGEST_URI:
        return False
    # An answer must be in canonical form; any other may stand for something else.
    return uri == request.uri if request.is_fixed else reference.leads_to(answer) and uri == str(answer)


def _provenance(answer: ModelJobAnswer) -> ObservedProvenance | None:
    fields = answer.provenance.model_dump(exclude_none=True) if answer.provenance else {}
    return ObservedProvenance(**fields) if fields else None
