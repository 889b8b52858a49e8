"""The store of the hosts that VirtualServices have at Gateways: Nereid's own, and those of others.

Only the hosts, Gateways and owners are kept. Of Nereid's own that are deleted it also remembers for a while whose they
were, so that a ModelDeployment that is deleted and made again finds its hosts free. Whose they were is believed of a
ModelDeployment that was seen, or of a route that was there at the start: anybody may make a route that names an owner.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from nereid.controller.observed.host_routes import HostRoute, host_route

KEEP_SECONDS: Final = 600.0
# The watch of ModelDeployments may show later than that of VirtualServices that both are gone.
_LATEST_NEWS_SECONDS: Final = 5.0
_MOST_REMEMBERED: Final = 50_000

RouteKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Record:
    uid: str
    resource_version: int
    route: HostRoute
    is_from_start: bool


@dataclass(frozen=True, slots=True)
class Left:
    """A host whose route was deleted: which ModelDeployment had it, since when, and until when it is kept."""

    route: HostRoute
    left_at: float
    free_at: float


class HostRoutes:
    """Hosts at Gateways, by the VirtualServices that have them. `on_change` is called with hosts that came or went.

    Its second argument is whether those that lie below these hosts are concerned too: of ModelDeployments they are not.
    has_seen_owner: whether a ModelDeployment with a uid was there since the start.
    """

    def __init__(
        self,
        on_change: Callable[[Collection[str], bool], None],
        clock: Callable[[], float] = time.monotonic,
        has_seen_owner: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._on_change = on_change
        self._has_seen_owner = has_seen_owner
        self._clock = clock
        self._started = clock()
        self._records: dict[RouteKey, _Record] = {}
        self._by_host: dict[str, set[RouteKey]] = {}
        # In the order in which they get free.
        self._left: OrderedDict[str, Left] = OrderedDict()
        self._seen: set[str] = set()
        self._listed: set[str | None] = set()

    def of(self, host: str) -> list[HostRoute]:
        """Return the routes of exactly this host."""
        return [self._records[key].route for key in self._by_host.get(host, ())]

    def left(self, host: str, uid_of: Callable[[RouteKey], str | None]) -> Left | None:
        """Return who had a host lately, unless it is free.

        It is free at once if the route went while the ModelDeployment stays (`uid_of` its namespace and name), which
        is then not to have the host any more.
        """
        found, now = self._left.get(host), self._clock()
        if found is None or found.free_at <= now:
            return None
        stays = uid_of((found.route.namespace, found.route.owner)) == found.route.owner_uid
        return None if stays and now > found.left_at + _LATEST_NEWS_SECONDS else found

    def keep(self, host: str) -> None:
        """Keep a host that was left for its whole time again."""
        if found := self._left.get(host):
            self._leave(host, replace(found, free_at=self._clock() + KEEP_SECONDS))

    def seconds_left(self, left: Left) -> float:
        """Return for how long a host is kept yet."""
        return max(left.free_at - self._clock(), 0.0)

    def has_seen(self, host: str) -> bool:
        """Whether any route of a host was there since the start, so that it is known who had it."""
        return host in self._by_host or host in self._seen

    @property
    def unsure_seconds(self) -> float:
        """For how long yet a host that was left before the start may not be free."""
        return max(self._started + KEEP_SECONDS - self._clock(), 0.0)

    def observe(self, _kind: str, raw: Mapping[str, Any]) -> None:
        """Store a VirtualService from a watch."""
        metadata = raw["metadata"]
        key, version = (metadata["namespace"], metadata["name"]), int(metadata["resourceVersion"])
        before, route = self._records.get(key), host_route(raw)
        if before and before.resource_version >= version:
            return
        self._unlink(key)
        if route:
            # One record's later versions may have been made up.
            is_from_start = not before and self._listed.isdisjoint((None, key[0]))
            record = self._records[key] = _Record(metadata["uid"], version, route, is_from_start)
            self._remember(route.hosts)
            for host in route.hosts:
                self._by_host.setdefault(host, set()).add(key)
                if self._is_believed(record):
                    self._left.pop(host, None)
        self._tell(before.route if before else None, route)

    def remove(self, _kind: str, raw: Mapping[str, Any]) -> None:
        """Forget a VirtualService that was deleted."""
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        record = self._records.get(key)
        if record and record.uid == metadata["uid"]:
            self._forget(key)

    def retain(self, _kind: str, namespace: str | None, listed: set[str], resource_version: int) -> None:
        """Forget what is older than a complete list and whose uid is not in it."""
        self._listed.add(namespace)
        for key, record in list(self._records.items()):
            is_listed = record.uid in listed or namespace not in (None, key[0])
            if not is_listed and record.resource_version <= resource_version:
                self._forget(key)

    def _forget(self, key: RouteKey) -> None:
        record = self._records[key]
        route = record.route
        self._unlink(key)
        if self._is_believed(record):
            self._purge()
            now = self._clock()
            for host in route.hosts:
                self._leave(host, Left(route, now, now + KEEP_SECONDS))
        self._tell(route, None)

    def _is_believed(self, record: _Record) -> bool:
        return bool(record.route.owner) and (record.is_from_start or self._has_seen_owner(record.route.owner_uid))

    def _remember(self, hosts: frozenset[str]) -> None:
        if len(self._seen) < _MOST_REMEMBERED:
            self._seen |= hosts

    def _purge(self) -> None:
        now = self._clock()
        while self._left and next(iter(self._left.values())).free_at <= now:
            self._left.popitem(last=False)

    def _leave(self, host: str, left: Left) -> None:
        self._left[host] = left
        self._left.move_to_end(host)
        if len(self._left) > _MOST_REMEMBERED:
            self._left.popitem(last=False)

    def _unlink(self, key: RouteKey) -> None:
        record = self._records.pop(key, None)
        for host in record.route.hosts if record else ():
            self._by_host[host].discard(key)
            if not self._by_host[host]:
                del self._by_host[host]

    def _tell(self, before: HostRoute | None, after: HostRoute | None) -> None:
        if before == after:
            return
        routes = [route for route in (before, after) if route]
        hosts = frozenset[str]().union(*(route.hosts for route in routes))
        self._on_change(hosts, not all(route.owner for route in routes))


def nothing_routed() -> HostRoutes:
    """Return a store without any routes, of which nobody is told."""
    return HostRoutes(lambda _hosts, _below: None)
