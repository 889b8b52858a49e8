"""Whose series of Istio's metrics count as requests to a revision. Pure.

A page of metrics tells itself which destination its requests had, so that any pod which Prometheus scrapes can tell of
anybody's. What it cannot tell is where it was scraped: the labels `namespace` and `pod` of a target are Prometheus'
own. So callers are believed where they run in the model's own namespace or in one that the installer trusts, such as
that of a gateway. What others asked counts as the model's own sidecars have answered it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from nereid.controller.plan.settings import Settings

# As a trusted namespace: all callers are believed, wherever they run.
EVERYBODY: Final = "*"
# What a sidecar says of a caller that has none; its requests go to stable, as it knows no routes.
UNKNOWN: Final = "unknown"
NAMESPACE: Final = "namespace"
CALLERS_NAMESPACE: Final = "source_workload_namespace"


@dataclass(frozen=True, slots=True)
class Reporters:
    """The namespaces whose proxies are believed about the requests to the models of one namespace."""

    own: str
    trusted: frozenset[str]

    @property
    def are_all(self) -> bool:
        """Whether all callers are believed."""
        return EVERYBODY in self.trusted

    @property
    def matchers(self) -> str:
        """What selects the series of believed callers, to append to a selector; empty if all are."""
        return "" if self.are_all else f',{NAMESPACE}=~"{self._pattern}"'

    @property
    def other_matchers(self) -> str:
        """What selects the series of all other callers, by the labels of the scrape."""
        return f',{NAMESPACE}!~"{self._pattern}"'

    def believes(self, labels: Mapping[str, str]) -> bool:
        """Whether a caller's series counts, by where it was scraped."""
        namespace = labels.get(NAMESPACE, "")
        return self.are_all or namespace == self.own or namespace in self.trusted

    def routes_for_others(self, labels: Mapping[str, str]) -> bool:
        """Whether a believed caller's series is of a proxy that only passes on what others ask, as a gateway does."""
        namespace = labels.get(NAMESPACE, "")
        return namespace != self.own and (not namespace or namespace in self.trusted)

    def counts_at_pods(self, labels: Mapping[str, str]) -> bool:
        """Whether a request that a pod of the model has answered counts there: its caller is not believed itself."""
        caller = labels.get(CALLERS_NAMESPACE, "")
        return not self.are_all and caller not in {"", UNKNOWN, self.own} and caller not in self.trusted

    @property
    def _pattern(self) -> str:
        return "|".join(sorted({self.own, *self.trusted}))


def reporters(settings: Settings, own: str, gateways: Iterable[str] = ()) -> Reporters:
    """Return who is believed about the models of a namespace, whose Gateways are in these namespaces."""
    return Reporters(own, settings.trusted_reporters | frozenset(gateways))
