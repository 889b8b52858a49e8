"""Which of its hosts a spec may have, by which Gateways, and whether with TLS. Pure.

What a ModelDeployment serves already it keeps, unless the installer's rules say otherwise. Sentences name nothing of
other namespaces but what the spec itself names, and are the same for a Gateway there that does not exist and for one
that does not accept the hosts.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from nereid.controller.observed.facts import GatewayFacts, Problem
from nereid.controller.observed.situation import Rival, Situation
from nereid.controller.plan import host_policy
from nereid.controller.plan.plan import Plan

_Plan = TypeVar("_Plan", bound=Plan)
# Each returns why a host may not be had, with `{hosts}` for all hosts of which the same is true.
_Check = Callable[[str], tuple[str, str] | None]

# A host may become free without an event that this ModelDeployment is told of.
LOOK_AGAIN_SECONDS: Final = 60.0
_ALLOW: Final = "(Helm value traffic.allowed)"


def with_hosts_that_it_may_have(plan: _Plan, situation: Situation) -> _Plan:
    """Return the plan without the hosts and Gateways that it may not have, and with the problems that say so."""
    if not plan.gateways:
        return plan
    refused = _Refused(plan, situation)
    plan = _without_gateways(plan, refused.gateways_by_rule())
    plan = _without_gateways(plan, refused.gateways_that_cost_hosts(plan))
    plan = _without_hosts(plan, refused.hosts_of(plan, [refused.by_rule, refused.by_rival, refused.by_other_route]))
    plan = _without_gateways(plan, refused.gateways_that_lack(plan))
    plan = _without_hosts(plan, refused.hosts_of(plan, [refused.by_gateways_of(plan)]))
    if not refused.problems:
        return plan
    return replace(plan, route_problems=refused.as_problems(), hosts_after=refused.hosts_after)


def has_tls(plan: Plan, gateways: Mapping[str, GatewayFacts] | None) -> bool:
    """Whether clients reach the plan's first host over https."""
    if not plan.hosts or gateways is None:
        return False
    return any(gateways[name].serves_with_tls(plan.hosts[0]) for name in plan.gateways if name in gateways)


class _Refused:
    """Finds what a plan may not have, and collects why."""

    def __init__(self, plan: Plan, situation: Situation) -> None:
        self._namespace = plan.owner.namespace
        self._gateways = plan.gateways
        self._rules = plan.settings.traffic_allowed
        self._known = situation.gateways
        self._rivals = situation.rivals
        self._claims = situation.claims
        self._usable = [name for name in plan.gateways if not self._lacks(name, plan)]
        self._staying: set[str] = set()
        self.hosts_after: float | None = None
        self.problems: dict[tuple[str, str], list[str]] = {}

    def as_problems(self) -> tuple[Problem, ...]:
        """Return one problem for each cause, with all of its hosts."""
        return tuple(
            Problem(reason, sentence.replace("{hosts}", ", ".join(sorted(hosts))))
            for (reason, sentence), hosts in self.problems.items()
        )

    def hosts_of(self, plan: Plan, checks: Sequence[_Check]) -> set[str]:
        """Return the hosts that one of the checks refuses."""
        refused = set()
        for host in _hosts(plan):
            found = next((problem for check in checks if (problem := check(host))), None)
            if found:
                self._tell(*found, host)
                refused.add(host)
        return refused

    def gateways_by_rule(self) -> list[str]:
        """Return the Gateways at which the installer's rules allow the namespace nothing."""
        if not self._rules:
            return []
        refused = [name for name in self._gateways if not host_policy.may_use(self._rules, self._namespace, name)]
        for name in refused:
            sentence = (
                f"namespace {self._namespace} may not use the Gateway {name}: correct spec.traffic.gateways, or have "
                f"it allowed {_ALLOW}"
            )
            self._tell("GatewayNotAllowed", sentence, name)
        self._leave_out(refused)
        return refused

    def gateways_that_cost_hosts(self, plan: Plan) -> list[str]:
        """Return the Gateways at which a host may not be had that is served at others already: there it stays."""
        left_out: list[str] = []
        for host in _hosts(plan):
            mine = [name for name in self._usable if (host, name) in self._claims.own and self._allows(host, name)]
            new = [name for name in self._usable if (host, name) not in self._claims.own]
            problem = self._refusal(host) if mine and new else None
            if problem:
                reason, why = problem
                out, stays = ", ".join(new), ", ".join(mine)
                sentence = f"{out} is left out of the Gateways, and {{hosts}} stays at {stays} as before: there {why}"
                self._tell(reason, sentence, host)
                self._staying.add(host)
                self._leave_out(new)
                left_out += new
        return left_out

    def by_rule(self, host: str) -> tuple[str, str] | None:
        """Refuse what the installer's rules do not allow."""
        if all(self._allows(host, name) for name in self._gateways):
            return None
        patterns = ", ".join(host_policy.hosts_of(self._rules, self._namespace)) or "no host at all"
        return "HostNotAllowed", (
            f"namespace {self._namespace} may not have {{hosts}} at all of its Gateways: choose hosts that it may have "
            f"({patterns}), or have these allowed {_ALLOW}"
        )

    def by_rival(self, host: str) -> tuple[str, str] | None:
        """Refuse what another ModelDeployment serves, or has the right to."""
        if host in self._staying:
            return None
        is_mine, kept = self._is_mine(host), self._claims.kept.get(host)
        rivals = [rival for rival in self._rivals if host in rival.hosts]
        if kept and kept.namespace == self._namespace:
            rivals = [one for one in rivals if one.namespace == self._namespace or host in one.serves]
        for rival in rivals:
            if _comes_first(rival, host, is_mine=is_mine):
                self._look_again(LOOK_AGAIN_SECONDS)
                return "HostConflict", f"{self._name(rival)} already serves {{hosts}}: choose another host"
        if kept and not is_mine and kept.namespace != self._namespace and self._may_have_kept(kept.namespace, host):
            self._look_again(kept.seconds)
            return "HostConflict", (
                "another namespace served {hosts} until a moment ago, and they are kept for it for some minutes: wait, "
                "or choose another host"
            )
        return None

    def by_other_route(self, host: str) -> tuple[str, str] | None:
        """Refuse what belongs to somebody else's VirtualService in another namespace."""
        if self._is_mine(host):
            return None
        if host in self._claims.taken:
            return "HostConflict", "a VirtualService of another namespace already serves {hosts}: choose another host"
        if host in self._claims.below and not self._rules:
            return "HostNotAllowed", (
                "{hosts} lies below a host that a VirtualService of another namespace has at the same Gateway: choose "
                f"another host, or have it allowed to namespace {self._namespace} {_ALLOW}"
            )
        return None

    def gateways_that_lack(self, plan: Plan) -> list[str]:
        """Return the Gateways that do not exist or accept none of the hosts, without those that serve one already."""
        lacking = [name for name in plan.gateways if self._lacks(name, plan)]
        for name in lacking:
            self._tell("GatewayNotFound", self._why_it_lacks(name, plan), name)
        return [name for name in lacking if not self._serves(name, plan)]

    def by_gateways_of(self, plan: Plan) -> _Check:
        """Return the check that refuses what no Gateway of the plan accepts, unless one may that cannot be seen."""
        known = self._known if self._known is not None else {}
        facts = [known.get(name) for name in plan.gateways]

        def check(host: str) -> tuple[str, str] | None:
            if self._is_mine(host) or any(one is None or one.accepts(host, self._namespace) for one in facts):
                return None
            return "HostNotAllowed", (
                f"the Gateways {', '.join(plan.gateways)} accept no {{hosts}} of namespace {self._namespace}: choose "
                f"another host, or have {self._namespace}/HOST added to the hosts of one of their servers"
            )

        return check

    def _tell(self, reason: str, sentence: str, of: str) -> None:
        self.problems.setdefault((reason, sentence), []).append(of)

    def _look_again(self, seconds: float) -> None:
        seconds = min(max(seconds, 1.0), LOOK_AGAIN_SECONDS)
        self.hosts_after = min(self.hosts_after or seconds, seconds)

    def _is_mine(self, host: str) -> bool:
        """Whether it has a host already, wherever it can have it."""
        return bool(self._usable) and all((host, gateway) in self._claims.own for gateway in self._usable)

    def _refusal(self, host: str) -> tuple[str, str] | None:
        return self.by_rule(host) or self.by_rival(host) or self.by_other_route(host)

    def _allows(self, host: str, gateway: str) -> bool:
        return not self._rules or host_policy.may_have(self._rules, self._namespace, host, gateway)

    def _leave_out(self, gateways: Collection[str]) -> None:
        self._gateways = tuple(name for name in self._gateways if name not in gateways)
        self._usable = [name for name in self._usable if name not in gateways]

    def _may_have_kept(self, namespace: str | None, host: str) -> bool:
        if namespace is None or not self._rules:
            return True
        return any(host_policy.may_have(self._rules, namespace, host, name) for name in self._gateways)

    def _lacks(self, gateway: str, plan: Plan) -> bool:
        """Whether a Gateway is known not to let in any of the hosts."""
        if self._known is None:
            return False
        facts = self._known.get(gateway)
        if facts is None or not any(facts.accepts(host, self._namespace) for host in _hosts(plan)):
            return True
        is_for_outside = not facts.is_egress or host_policy.names_gateway(self._rules, self._namespace, gateway)
        return not (is_for_outside or self._serves(gateway, plan))

    def _serves(self, gateway: str, plan: Plan) -> bool:
        return any((host, gateway) in self._claims.own for host in _hosts(plan))

    def _why_it_lacks(self, gateway: str, plan: Plan) -> str:
        namespace = self._namespace
        if gateway.partition("/")[0] == namespace and self._known is not None and gateway not in self._known:
            return f"the Istio Gateway {gateway} was not found: create it, or correct spec.traffic.gateways"
        return (
            f"the Istio Gateway {gateway} was not found, or takes no requests from outside for "
            f"{', '.join(_hosts(plan))} of namespace {namespace}: correct spec.traffic.gateways, or have "
            f"{namespace}/HOST added to the hosts of its servers"
        )

    def _name(self, rival: Rival) -> str:
        if rival.namespace != self._namespace:
            return "a ModelDeployment of another namespace"
        return f"the ModelDeployment {rival.name}"


def _comes_first(rival: Rival, host: str, *, is_mine: bool) -> bool:
    if is_mine != (host in rival.serves):
        return not is_mine
    return rival.is_older


def _hosts(plan: Plan) -> tuple[str, ...]:
    return (*plan.hosts, *plan.rollout.preview_hosts)


def _without_hosts(plan: _Plan, refused: Collection[str]) -> _Plan:
    """Return the plan without these hosts; if none is left, without Gateways: the model is reached in the mesh only."""
    hosts = tuple(host for host in plan.hosts if host not in refused)
    previews = tuple(host for host in plan.rollout.preview_hosts if host not in refused)
    rollout = replace(plan.rollout, preview_hosts=previews)
    return replace(plan, hosts=hosts, gateways=plan.gateways if hosts or previews else (), rollout=rollout)


def _without_gateways(plan: _Plan, refused: Collection[str]) -> _Plan:
    """Return the plan without these Gateways; if none is left, without hosts."""
    gateways = tuple(gateway for gateway in plan.gateways if gateway not in refused)
    plan = replace(plan, gateways=gateways)
    return plan if gateways else _without_hosts(plan, _hosts(plan))
