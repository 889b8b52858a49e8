"""The store of ModelDeployments, as last received from Kopf's watch or in the response to our own status write."""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from nereid.controller.observed.model_deployment import Key, ModelDeployment

_MOST_REMEMBERED: Final = 50_000


class ModelDeployments:
    """All ModelDeployments that are watched."""

    def __init__(self) -> None:
        self._by_key: dict[Key, ModelDeployment] = {}
        self._by_host: dict[str, set[Key]] = {}
        self._by_gateway: dict[str, set[Key]] = {}
        # Hosts that lie below one another's are neighbours, spelt backwards.
        self._backwards: list[str] = []
        self._seen: dict[str, None] = {}

    def get(self, key: Key) -> ModelDeployment | None:
        """Return a ModelDeployment; None if it does not exist."""
        return self._by_key.get(key)

    def all(self) -> tuple[ModelDeployment, ...]:
        """Return all of them as a snapshot, which another thread may iterate over."""
        return tuple(self._by_key.values())

    def put(self, raw: Mapping[str, Any]) -> bool:
        """Store an object if it is newer than the stored one; return whether it was."""
        new = ModelDeployment.from_raw(raw)
        old = self._by_key.get(new.key)
        if old and old.resource_version >= new.resource_version:
            return False
        self._forget(new.key)
        self._by_key[new.key] = new
        self._see(new.uid)
        for host in new.hosts:
            if host not in self._by_host:
                self._by_host[host] = set()
                insort(self._backwards, host[::-1])
            self._by_host[host].add(new.key)
        for gateway in new.gateways:
            self._by_gateway.setdefault(gateway, set()).add(new.key)
        return True

    def remove(self, raw: Mapping[str, Any]) -> None:
        """Forget an object that was deleted, unless its successor is already stored."""
        self.forget(ModelDeployment.from_raw(raw))

    def forget(self, deleted: ModelDeployment) -> None:
        """Forget an object that no longer exists, unless its successor is already stored."""
        stored = self._by_key.get(deleted.key)
        if stored and stored.uid == deleted.uid:
            self._forget(deleted.key)

    def has_seen(self, uid: str) -> bool:
        """Whether one with this uid was there since the start, as far as is remembered."""
        return uid in self._seen

    def naming_gateway(self, reference: str) -> Collection[Key]:
        """Return the keys of those whose spec names the Gateway NAMESPACE/NAME."""
        return tuple(self._by_gateway.get(reference, ()))

    def naming_hosts(self, hosts: Iterable[str]) -> set[Key]:
        """Return the keys of those whose specs name one of the hosts."""
        return set[Key]().union(*(self._by_host.get(host, ()) for host in hosts))

    def naming_hosts_below(self, hosts: Collection[str]) -> Collection[Key]:
        """Return the keys of those whose specs name one of the hosts, or one that lies below."""
        below: list[str] = []
        last = 0
        # Each host is looked at once, however many of the names it lies below.
        for first, end in sorted(self._below(name) for name in hosts):
            below += self._backwards[max(first, last) : end]
            last = max(last, end)
        return self.naming_hosts(hosts) | self.naming_hosts(host[::-1] for host in below)

    def rivals(self, key: Key, doors: Collection[str] | None = None) -> list[ModelDeployment]:
        """Return the others whose specs have one of its hosts on one of `doors`, by default its Gateways."""
        mine = self._by_key.get(key)
        if mine is None:
            return []
        doors = mine.gateways if doors is None else doors
        others = [self._by_key[other] for other in sorted(self.naming_hosts(mine.hosts)) if other != key]
        return [other for other in others if not other.gateways.isdisjoint(doors)]

    def _see(self, uid: str) -> None:
        self._seen.pop(uid, None)
        self._seen[uid] = None
        if len(self._seen) > _MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def _below(self, name: str) -> tuple[int, int]:
        """Return where the hosts are, spelt backwards, that lie below a name or wildcard."""
        if name == "*":
            return 0, len(self._backwards)
        suffix = f".{name.removeprefix('*.')}"[::-1]
        # No character lies between "." and "/".
        return bisect_left(self._backwards, suffix), bisect_left(self._backwards, f"{suffix[:-1]}/")

    def _forget(self, key: Key) -> None:
        old = self._by_key.pop(key, None)
        if old is None:
            return
        for host in old.hosts:
            self._by_host[host].discard(key)
            if not self._by_host[host]:
                del self._by_host[host]
                del self._backwards[bisect_left(self._backwards, host[::-1])]
        for gateway in old.gateways:
            self._by_gateway[gateway].discard(key)
            if not self._by_gateway[gateway]:
                del self._by_gateway[gateway]
