"""Looks at what the callers of all stable revisions see, outside of rollouts as well, by one query for all of them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from nereid.api import names
from nereid.controller.observed.callers import (
    LOOK_SECONDS,
    NO_ROUTE,
    REASON,
    WINDOW_SECONDS,
    FailingRequests,
    Look,
    followed,
)
from nereid.controller.observed.facts import Problem
from nereid.controller.observed.last_status import last_status
from nereid.controller.observed.model_deployment import Key, ModelDeployment
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.outcomes import Outcome, outcome
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.reporters import CALLERS_NAMESPACE, EVERYBODY, NAMESPACE, Reporters, reporters

# Namespace and name.
Service = tuple[str, str]
Row = tuple[Mapping[str, str], float]

_NAMESPACE: Final = "destination_service_namespace"
_SERVICE: Final = "destination_service_name"
_WORKLOAD: Final = "destination_workload"
_ANSWER: Final = "response_code,grpc_response_status,response_flags"
_BY: Final = f"{NAMESPACE},{_NAMESPACE},{_SERVICE},{_ANSWER}"
_BY_POD: Final = f"{NAMESPACE},{CALLERS_NAMESPACE},{_WORKLOAD},{_ANSWER}"
# The query is not to become longer than servers take.
_MOST_NAMESPACES: Final = 100
_NO_CHECKS: Final = 'source_canonical_service!~".+-checks"'
_DENIED_CODES: Final = frozenset({"401", "403"})
_DENIED_STATUSES: Final = frozenset({"7", "16"})
_NO_ROUTE: Final = frozenset({"NR", "NC"})
# The client closed the connection or broke the protocol: what it would have seen is not known.
_CLIENT: Final = frozenset({"DC", "DR", "DPE"})
_OK: Final = "200"
_NOTHING: Final = Look(0, {})

_logger = logging.getLogger(__name__)


class Callers:
    """What is known of each ModelDeployment's callers.

    `on_change` gets the key of one all of whose requests fail, or no longer do.
    """

    def __init__(
        self,
        prometheus: Prometheus,
        model_deployments: ModelDeployments,
        on_change: Callable[[Key], None],
        clock: Callable[[], datetime],
        settings: Settings,
    ) -> None:
        self._prometheus = prometheus
        self._settings = settings
        self._model_deployments = model_deployments
        self._on_change = on_change
        self._clock = clock
        self._failing: dict[Key, FailingRequests] = {}
        self._seen: set[Key] = set()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except ProviderError as error:
                # Rollouts tell of it where they need it; what was known is forgotten when it is old.
                _logger.info("what callers see is not known: %s", error)
                self._forget()
            except Exception:
                _logger.exception("looking at what callers see failed unexpectedly")
                self._forget()

    async def look(self) -> None:
        """Ask once, for all; raise ProviderError if Prometheus does not answer."""
        namespaces = {model_deployment.namespace for model_deployment in self._model_deployments.all()}
        if not namespaces:
            return
        rows = await self._prometheus.rows(_query(namespaces), self._clock().timestamp())
        self._follow(list(rows))

    def problem(self, subject: ModelDeployment) -> Problem | None:
        """Return why the requests to its stable revision fail; before the first look, what status says of it."""
        if subject.key not in self._seen:
            return _told(subject)
        failing = self._failing.get(subject.key)
        return failing.problem if failing and failing.revision == _stable(subject) else None

    def _follow(self, rows: Sequence[Row]) -> None:
        now, subjects = self._clock(), self._model_deployments.all()
        by_service = _by_service(rows)
        for subject in subjects:
            before = self.problem(subject)
            stable, was_told = _stable(subject), subject.key not in self._seen and before is not None
            look = self._look_at(subject, stable, by_service)
            found = followed(self._failing.get(subject.key), stable, look, now, was_told=was_told) if stable else None
            self._failing.pop(subject.key, None)
            if found:
                self._failing[subject.key] = found
            self._seen.add(subject.key)
            if self.problem(subject) != before:
                self._on_change(subject.key)
        self._keep({subject.key for subject in subjects})

    def _look_at(self, subject: ModelDeployment, stable: str, by_service: Mapping[Service, Sequence[Row]]) -> Look:
        """Return what was seen of requests to its stable revision, and to its root Service, which no route catches."""
        believed = reporters(self._settings, subject.namespace, _gateways(subject))
        services = (names.revision_child_name(subject.name, stable), subject.name)
        rows = [row for service in services for row in by_service.get((subject.namespace, service), ())]
        return _look(row for row in rows if _counts(row[0], believed))

    def _keep(self, keys: set[Key]) -> None:
        self._seen &= keys
        self._failing = {key: failing for key, failing in self._failing.items() if key in keys}

    def _forget(self) -> None:
        """Forget what is too old to be known, where it cannot be looked at."""
        now = self._clock()
        for key, failing in list(self._failing.items()):
            if followed(failing, failing.revision, _NOTHING, now) is None:
                del self._failing[key]
                self._on_change(key)


def _query(namespaces: Collection[str]) -> str:
    # Where there are very many, the answer is larger instead.
    among = "|".join(sorted(namespaces)) if len(namespaces) <= _MOST_NAMESPACES else ".+"
    of_callers = f'reporter="source",{_NAMESPACE}=~"{among}",{_NO_CHECKS}'
    # What a pod itself says counts for its own namespace only, as the scraper names it.
    of_pods = f'reporter="destination",{NAMESPACE}=~"{among}",{_NO_CHECKS}'
    return (
        f"sum by ({_BY}) (increase(istio_requests_total{{{of_callers}}}[{WINDOW_SECONDS}s])) > 0"
        f" or sum by ({_BY_POD}) (increase(istio_requests_total{{{of_pods}}}[{WINDOW_SECONDS}s])) > 0"
    )


def _by_service(rows: Iterable[Row]) -> dict[Service, list[Row]]:
    found: defaultdict[Service, list[Row]] = defaultdict(list)
    for labels, count in rows:
        at_pods = _WORKLOAD in labels
        service = (
            labels.get(NAMESPACE if at_pods else _NAMESPACE, ""),
            labels.get(_WORKLOAD if at_pods else _SERVICE, ""),
        )
        found[service].append((labels, count))
    return found


def _counts(labels: Mapping[str, str], believed: Reporters) -> bool:
    """Whether a row is of a caller that is believed, or of pods that have answered one that is not."""
    return believed.counts_at_pods(labels) if _WORKLOAD in labels else believed.believes(labels)


def _gateways(subject: ModelDeployment) -> frozenset[str]:
    """Return the namespaces of its Gateways; its spec may hold anything."""
    traffic = subject.spec.get("traffic")
    gateways = traffic.get("gateways") if isinstance(traffic, Mapping) else None
    named = gateways if isinstance(gateways, list) else []
    return frozenset(gateway.partition("/")[0] for gateway in named if isinstance(gateway, str)) - {EVERYBODY}


def _look(rows: Iterable[Row]) -> Look:
    answered, failed = 0.0, defaultdict[str, float](float)
    for labels, count in rows:
        seen = _failure(labels)
        if seen:
            failed[seen] += count
        elif not _CLIENT & _flags(labels):
            answered += count
    return Look(answered, failed)


def _failure(labels: Mapping[str, str]) -> str | None:
    """Return what the caller saw, if the request failed or was denied; a rejection by the model is an answer."""
    code, status = labels.get("response_code", ""), labels.get("grpc_response_status", "")
    if _NO_ROUTE & _flags(labels):
        return NO_ROUTE
    is_denied = code in _DENIED_CODES or status in _DENIED_STATUSES
    if not is_denied and outcome(labels) is not Outcome.ERROR:
        return None
    if code == _OK:
        return f"gRPC {status}"
    return f"HTTP {code}" if code not in {"", "0"} else "no answer"


def _flags(labels: Mapping[str, str]) -> set[str]:
    return set(labels.get("response_flags", "").split(","))


def _stable(subject: ModelDeployment) -> str:
    # Without reading all of the status, as this is done for each model at each look. It may hold anything.
    stable = subject.status.get("stable")
    revision = stable.get("revision") if isinstance(stable, Mapping) else None
    return revision if isinstance(revision, str) else ""


def _told(subject: ModelDeployment) -> Problem | None:
    status, _ = last_status(subject.status)
    told = (one for one in status.conditions if one.type == "Ready" and one.reason == REASON)
    return next((Problem(REASON, one.message) for one in told), None)
