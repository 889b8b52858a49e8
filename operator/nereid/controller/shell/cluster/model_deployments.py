"""The store of ModelDeployments as they were last seen, by Kopf's watch or in the answer to our own status write."""

from collections.abc import Collection, Mapping
from typing import Any

from nereid.controller.observed.model_deployment import Key, ModelDeployment


class ModelDeployments:
    """All ModelDeployments that are watched."""

    def __init__(self) -> None:
        self._found: dict[Key, ModelDeployment] = {}
        self._by_host: dict[str, set[Key]] = {}
        self._by_gateway: dict[str, set[Key]] = {}

    def get(self, key: Key) -> ModelDeployment | None:
        """Return what is known of a ModelDeployment; None when it does not exist."""
        return self._found.get(key)

    def all(self) -> tuple[ModelDeployment, ...]:
        """Return all of them as they are now; what another thread may iterate over."""
        return tuple(self._found.values())

    def put(self, raw: Mapping[str, Any]) -> bool:
        """Take an object, unless it is known already or older than what is known; return whether it was news."""
        new = ModelDeployment.from_raw(raw)
        old = self._found.get(new.key)
        if old and old.resource_version >= new.resource_version:
            return False
        self._forget(new.key)
        self._found[new.key] = new
        for host in new.hosts:
            self._by_host.setdefault(host, set()).add(new.key)
        for gateway in new.gateways:
            self._by_gateway.setdefault(gateway, set()).add(new.key)
        return True

    def remove(self, raw: Mapping[str, Any]) -> None:
        """Forget an object that was deleted, unless its successor is known already."""
        self.forget(ModelDeployment.from_raw(raw))

    def forget(self, gone: ModelDeployment) -> None:
        """Forget an object that is found not to exist any more, unless its successor is known already."""
        known = self._found.get(gone.key)
        if known and known.uid == gone.uid:
            self._forget(gone.key)

    def naming_gateway(self, reference: str) -> Collection[Key]:
        """Return the keys of those that want to be reached through the Gateway NAMESPACE/NAME."""
        return tuple(self._by_gateway.get(reference, ()))

    def rivals(self, key: Key) -> list[ModelDeployment]:
        """Return the others that ask for one of its hosts on one of its Gateways."""
        mine = self._found.get(key)
        if mine is None:
            return []
        keys = set[Key]().union(*(self._by_host[host] for host in mine.hosts)) - {key}
        return [self._found[other] for other in sorted(keys) if self._found[other].gateways & mine.gateways]

    def _forget(self, key: Key) -> None:
        old = self._found.pop(key, None)
        if old is None:
            return
        for index, values in ((self._by_host, old.hosts), (self._by_gateway, old.gateways)):
            for value in values:
                index[value].discard(key)
                if not index[value]:
                    del index[value]
