"""Gathers who has the hosts of a ModelDeployment already, from the stores. It decides nothing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from nereid.controller.observed.host_routes import HostRoute, above
from nereid.controller.observed.model_deployment import Key, ModelDeployment
from nereid.controller.observed.situation import HostClaims, KeptHost, Rival
from nereid.controller.shell.cluster.gateways import Gateways
from nereid.controller.shell.cluster.host_routes import HostRoutes
from nereid.controller.shell.cluster.model_deployments import ModelDeployments


@dataclass(frozen=True, slots=True)
class HostClaimsReader:
    """Reads the stores. `gateways` is None if the operator may not read Gateways."""

    model_deployments: ModelDeployments
    gateways: Gateways | None
    routes: HostRoutes
    others: HostRoutes

    def rivals(self, subject: ModelDeployment) -> tuple[Rival, ...]:
        """Return the other ModelDeployments that name or serve one of the hosts by the same doors."""
        doors = self._doors(subject)
        found = [self._rival(rival, subject, doors) for rival in self.model_deployments.rivals(subject.key, doors)]
        known = {rival.name for rival in found}
        return (*found, *(rival for rival in self._unknown(subject, doors) if rival.name not in known))

    def claims(self, subject: ModelDeployment) -> HostClaims:
        """Return who has the hosts already, other than ModelDeployments that exist."""
        doors, hosts = self._doors(subject), subject.hosts
        return HostClaims(
            own=frozenset(
                (host, gateway)
                for host in hosts
                for route in self.routes.of(host)
                if subject.key in (_key(route), (route.namespace, route.orphan_of))
                for gateway in route.gateways
            ),
            taken=frozenset(host for host in hosts if self._is_taken(subject, [host], doors)),
            below=frozenset(host for host in hosts if self._is_taken(subject, above(host), doors)),
            kept=self._kept(subject),
        )

    def _doors(self, subject: ModelDeployment) -> frozenset[str]:
        return self.gateways.doors(subject.gateways) if self.gateways else subject.gateways

    def _rival(self, rival: ModelDeployment, subject: ModelDeployment, doors: Collection[str]) -> Rival:
        serves = frozenset(
            host
            for host in subject.hosts & rival.hosts
            for route in self.routes.of(host)
            if _key(route) == rival.key and not route.gateways.isdisjoint(doors)
        )
        # Of two that wait since before the start, it is not known which one had the host: not the one that was told so.
        waits, rival_waits = self._was_refused(subject), self._was_refused(rival)
        is_older = rival.is_before(subject) if waits == rival_waits else waits
        return Rival("/".join(rival.key), rival.hosts, is_older, serves)

    def _unknown(self, subject: ModelDeployment, doors: Collection[str]) -> list[Rival]:
        """Return those that have a route, and that do not exist any more, or are not known yet.

        They keep newcomers away, and take nothing from one that serves: perhaps they never were.
        """
        found: dict[str, set[str]] = {}
        for host in subject.hosts:
            for route in self.routes.of(host):
                is_unknown = route.owner and self.model_deployments.get(_key(route)) is None
                if is_unknown and not route.gateways.isdisjoint(doors):
                    found.setdefault("/".join(_key(route)), set()).add(host)
        return [
            Rival(name, frozenset(hosts), is_older=False, serves=frozenset(hosts))
            for name, hosts in sorted(found.items())
        ]

    def _is_taken(self, subject: ModelDeployment, names: Iterable[str], doors: Collection[str]) -> bool:
        """Whether a VirtualService of another namespace that no ModelDeployment controls has one of these hosts."""
        return any(
            route.namespace != subject.namespace and not route.gateways.isdisjoint(doors)
            for name in names
            for route in (*self.others.of(name), *self.routes.of(name))
            if not route.owner
        )

    def _kept(self, subject: ModelDeployment) -> Mapping[str, KeptHost]:
        kept: dict[str, KeptHost] = {}
        for host in subject.hosts:
            left = self.routes.left(host, self._uid)
            if left:
                namespace = left.route.namespace
                wanting = self.model_deployments.naming_hosts([host])
                if any(key[0] == namespace for key in wanting):
                    # Its successor may take long to start.
                    self.routes.keep(host)
                kept[host] = KeptHost(namespace, self.routes.seconds_left(left))
            elif self._was_refused(subject) and not self.routes.has_seen(host) and self.routes.unsure_seconds:
                kept[host] = KeptHost(None, self.routes.unsure_seconds)
        return kept

    def _uid(self, key: Key) -> str | None:
        found = self.model_deployments.get(key)
        return found.uid if found and not found.deleting else None

    def _was_refused(self, subject: ModelDeployment) -> bool:
        """Whether it was told before the start that somebody else has a host of its own, and nothing is known since."""
        problems = subject.status.get("problems")
        told = problems if isinstance(problems, list) else ()
        is_told = any(isinstance(one, Mapping) and one.get("reason") == "HostConflict" for one in told)
        return is_told and not any(self.routes.has_seen(host) for host in subject.hosts)


def _key(route: HostRoute) -> Key:
    return route.namespace, route.owner
