"""The store of Istio Gateways: which of those that ModelDeployments name exist, and which hosts they serve with TLS.

Gateways belong to whoever runs the mesh; Nereid only reads them, so that a misspelt name becomes a condition instead of
requests that are not answered.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nereid.controller.observed.facts import GatewayFacts
from nereid.controller.observed.objects import gateway_facts


@dataclass(frozen=True, slots=True)
class _Record:
    uid: str
    resource_version: int
    facts: GatewayFacts


class Gateways:
    """All Gateways. `on_change` is called with NAMESPACE/NAME of one that came, went, or serves other hosts."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        self._records: dict[str, _Record] = {}

    def get(self, reference: str) -> GatewayFacts | None:
        """Return the facts of the Gateway NAMESPACE/NAME; None when it does not exist."""
        record = self._records.get(reference)
        return record.facts if record else None

    def doors(self, references: Iterable[str]) -> frozenset[str]:
        """Return the Gateways that lead in by the same doors as these, themselves among them.

        Two of them that configure the same port of the same pods are one door with two names.
        """
        named = frozenset(references)
        known = [record.facts for reference in named if (record := self._records.get(reference))]
        same = {
            reference
            for reference, record in self._records.items()
            if any(record.facts.is_same_door(facts) for facts in known)
        }
        return named | same

    def observe(self, _kind: str, raw: Mapping[str, Any]) -> None:
        """Store a Gateway from the watch."""
        reference, metadata = _reference(raw), raw["metadata"]
        before = self._records.get(reference)
        facts = gateway_facts(raw)
        self._records[reference] = _Record(metadata["uid"], int(metadata["resourceVersion"]), facts)
        if before is None or before.facts != facts:
            self._on_change(reference)

    def remove(self, _kind: str, raw: Mapping[str, Any]) -> None:
        """Forget a Gateway that was deleted."""
        self._forget(_reference(raw))

    def retain(self, _kind: str, _namespace: str | None, listed: set[str], resource_version: int) -> None:
        """Forget what is older than a complete list and whose uid is not in it."""
        for reference, record in list(self._records.items()):
            if record.uid not in listed and record.resource_version <= resource_version:
                self._forget(reference)

    def _forget(self, reference: str) -> None:
        if self._records.pop(reference, None):
            self._on_change(reference)


def _reference(raw: Mapping[str, Any]) -> str:
    return f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"
