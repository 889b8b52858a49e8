"""Which of its hosts a spec may have, by which existing Gateways, and whether with TLS. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from nereid.controller.observed.facts import GatewayFacts, Problem
from nereid.controller.observed.situation import Rival
from nereid.controller.plan.plan import Plan

_Plan = TypeVar("_Plan", bound=Plan)


def without_conflicting_hosts(
    plan: _Plan, rivals: Sequence[Rival], gateways: Mapping[str, GatewayFacts] | None
) -> _Plan:
    """Return the plan without the hosts of older rivals, and with the problems of its routes.

    `gateways` are those that exist, by NAMESPACE/NAME; None if that is not known.
    """
    problems = []
    for rival in rivals:
        conflicting = {*plan.hosts, *plan.rollout.preview_hosts} & rival.hosts if rival.is_older else set[str]()
        if conflicting:
            plan = _without_hosts(plan, conflicting)
            hosts = ", ".join(sorted(conflicting))
            sentence = f"the older ModelDeployment {rival.name} already serves {hosts}: choose another host"
            problems.append(Problem("HostConflict", sentence))
    route_problems = (*problems, *_missing_gateways(plan, gateways))
    return replace(plan, route_problems=route_problems) if route_problems else plan


def has_tls(plan: Plan, gateways: Mapping[str, GatewayFacts] | None) -> bool:
    """Whether clients reach the plan's first host over https."""
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


def _without_hosts(plan: _Plan, conflicting: Collection[str]) -> _Plan:
    """Return the plan without these hosts; if none is left, without Gateways: the model is reached in the mesh only."""
    hosts = tuple(host for host in plan.hosts if host not in conflicting)
    previews = tuple(host for host in plan.rollout.preview_hosts if host not in conflicting)
    rollout = replace(plan.rollout, preview_hosts=previews)
    return replace(plan, hosts=hosts, gateways=plan.gateways if hosts or previews else (), rollout=rollout)
