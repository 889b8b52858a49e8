"""Which of the hosts that a spec asks for it may have, by which Gateways, and under which address. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from nereid.controller.observed.facts import GatewayFacts, Problem
from nereid.controller.observed.situation import Rival
from nereid.controller.plan.plan import Plan

_Plan = TypeVar("_Plan", bound=Plan)


def reachable(plan: _Plan, rivals: Sequence[Rival], gateways: Mapping[str, GatewayFacts] | None) -> _Plan:
    """Return the plan without the hosts that older rivals ask for, and with what is wrong with its routes.

    `gateways` are those that exist, by NAMESPACE/NAME; None where nobody knows.
    """
    problems = []
    for rival in rivals:
        taken = {*plan.hosts, *plan.rollout.preview_hosts} & rival.hosts if rival.is_older else set[str]()
        if taken:
            plan = _without_hosts(plan, taken)
            hosts = ", ".join(sorted(taken))
            sentence = f"the older ModelDeployment {rival.name} already serves {hosts}: choose another host"
            problems.append(Problem("HostConflict", sentence))
    route_problems = (*problems, *_missing_gateways(plan, gateways))
    return replace(plan, route_problems=route_problems) if route_problems else plan


def has_tls(plan: Plan, gateways: Mapping[str, GatewayFacts] | None) -> bool:
    """Whether clients reach the plan's first host by https."""
    if not plan.hosts or gateways is None:
        return False
    return any(gateways[name].serves_with_tls(plan.hosts[0]) for name in plan.gateways if name in gateways)


def _missing_gateways(plan: Plan, gateways: Mapping[str, GatewayFacts] | None) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            "GatewayNotFound", f"the Istio Gateway {name} was not found: create it, or correct spec.traffic.gateways"
        )
        for name in plan.gateways
        if gateways is not None and name not in gateways
    )


def _without_hosts(plan: _Plan, taken: Collection[str]) -> _Plan:
    """Return the plan without hosts; without any left, it needs no gateways, of which an empty list is the mesh."""
    hosts = tuple(host for host in plan.hosts if host not in taken)
    previews = tuple(host for host in plan.rollout.preview_hosts if host not in taken)
    rollout = replace(plan.rollout, preview_hosts=previews)
    return replace(plan, hosts=hosts, gateways=plan.gateways if hosts or previews else (), rollout=rollout)
