"""What the callers of a stable revision see: whether all of their recent requests fail, whatever the cause. Pure.

Several looks have to agree, so that a pod that restarts and a single caller's burst say nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from nereid.controller.observed.facts import Problem

REASON: Final = "RequestsFailing"
# How far back a look counts.
WINDOW_SECONDS: Final = 60
# Looks overlap: a request counts in each of them.
LOOK_SECONDS: Final = 30
_MINIMUM: Final = 5
# Between the first and the last look that saw failures: the requests of a moment are seen for as long as the window.
_LEAST_SPAN: Final = timedelta(seconds=WINDOW_SECONDS + 60)
# Without any request for so long, nothing is known any more.
_FORGOTTEN: Final = timedelta(seconds=300)
_DENIED: Final = frozenset({"HTTP 401", "HTTP 403", "gRPC 7", "gRPC 16"})
NO_ROUTE: Final = "no route"


@dataclass(frozen=True, slots=True)
class Look:
    """The requests of the last WINDOW_SECONDS: how many were answered, and how many failed, by what callers saw."""

    answered: float
    failed: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FailingRequests:
    """Requests to a revision that all failed, since the first look that saw none but such, until the last one.

    count: about how many. sight: what most of the callers saw. `problem` stands once it is sure, with the figures of
    that moment, so that status does not change with each look.
    """

    revision: str
    since: datetime
    until: datetime
    count: float
    sight: str
    problem: Problem | None = None


def followed(
    before: FailingRequests | None, revision: str, look: Look, now: datetime, *, was_told: bool = False
) -> FailingRequests | None:
    """Return what is known after another look; None if a request was answered, or none has come for long.

    `was_told`: an earlier operator has told of it already, so that a single look confirms it.
    """
    failed = sum(look.failed.values())
    if before and before.revision != revision:
        before = None
    if look.answered > 0:
        return None
    if not failed:
        return None if before is None or now - before.until > _FORGOTTEN else before
    count = failed * LOOK_SECONDS / WINDOW_SECONDS + (before.count if before else 0)
    sight = max(look.failed, key=lambda seen: look.failed[seen])
    since = before.since if before else now
    known = FailingRequests(revision, since, now, count, sight, before.problem if before else None)
    is_sure = was_told or (count >= _MINIMUM and now - since >= _LEAST_SPAN)
    return replace(known, problem=_problem(known)) if is_sure and known.problem is None else known


def _problem(known: FailingRequests) -> Problem:
    seconds = WINDOW_SECONDS + round((known.until - known.since).total_seconds())
    count = max(1, round(known.count))
    return Problem(
        REASON,
        f"All requests to revision {known.revision} fail, though its pods are ready: {count} of {count} in the last "
        f"{seconds} s, most of them with {known.sight}. {_advice(known.sight)}",
    )


def _advice(sight: str) -> str:
    if sight in _DENIED:
        return "Look for an AuthorizationPolicy or a RequestAuthentication that denies them"
    if sight == NO_ROUTE:
        return "Look for another VirtualService with the same hosts"
    return (
        "See the log of its pods; if these got no request, look for a PeerAuthentication, a DestinationRule or a "
        "NetworkPolicy between them and their callers"
    )
