"""How requests reach the pods: the VirtualServices in front of the revisions' Services, and the root Service.

Each revision has a destination host of its own, so that no DestinationRule subset can be missing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from nereid.api import names
from nereid.api.rollout import ABTestSpec, CookieMatch
from nereid.api.schema import seconds
from nereid.contract.proof import route_proof
from nereid.controller.build.metadata import Manifest, annotated, child
from nereid.controller.build.revision import revision_host, service_host, service_spec
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.observed.facts import MATCHED
from nereid.controller.plan.autoscaling import DEFAULT_COLD_START_TIMEOUT
from nereid.controller.plan.plan import ALL_TRAFFIC, Plan
from nereid.controller.plan.web_links import annotations

Headers = Mapping[str, Any]
Route = dict[str, Any]

# gRPC and REST share the gateway's port; gRPC's content type distinguishes them (gRPC over HTTP/2, "Requests").
_GRPC: Final[Headers] = {"content-type": {"prefix": "application/grpc"}}
_ANY: Final[Headers] = {}
_NO_LABELS: Final[Mapping[str, str]] = {}


def virtual_services(plan: Plan, live: Sequence[LiveRevision]) -> tuple[Manifest, ...]:
    """Return the VirtualServices: one inside the mesh, one for gateways if there are any, one for preview hosts.

    They are separate, so that an external host is bound to the gateways only: bound to the mesh too, it would capture
    the requests of every client in the mesh to that name, whoever owns it.
    """
    name, routes = plan.owner.name, _routes(plan, live)
    services = [_virtual_service(plan, name, [_service_host(plan, name)], ["mesh"], routes)]
    # With a dot, which is not allowed in a ModelDeployment's name, so that names of two of them never collide.
    if plan.hosts:
        services.append(_virtual_service(plan, f"{name}.gateways", plan.hosts, plan.gateways, routes))
    if plan.rollout.preview_hosts:
        services.append(_preview(plan, live))
    return tuple(services)


def root_service(plan: Plan, primary: LiveRevision) -> Manifest:
    """Return the Service by which clients inside the mesh reach the model.

    In the mesh the VirtualService decides where its requests go; its selector is for clients without a proxy.
    """
    spec = service_spec(plan.owner, primary.revision)
    labels = {"app": plan.owner.name}
    return annotated(child("v1", "Service", plan.owner.name, plan.owner, labels, {"spec": spec}), annotations(plan))


def url(plan: Plan, *, tls: bool) -> str:
    """Return where clients send requests: the first host, or the root Service inside the mesh.

    `tls`: whether a gateway serves the first host by https.
    """
    if not plan.hosts:
        return f"http://{_service_host(plan, plan.owner.name)}:{names.PORT_HTTP}"
    return f"{'https' if tls else 'http'}://{plan.hosts[0]}"


def _virtual_service(
    plan: Plan,
    name: str,
    hosts: Sequence[str],
    gateways: Sequence[str],
    routes: Sequence[Route],
    labels: Mapping[str, str] = _NO_LABELS,
) -> Manifest:
    spec = {"hosts": list(hosts), "gateways": list(gateways), "http": list(routes)}
    labels = {"app": plan.owner.name, **labels}
    return child("networking.istio.io/v1", "VirtualService", name, plan.owner, labels, {"spec": spec})


def _preview(plan: Plan, live: Sequence[LiveRevision]) -> Manifest:
    """Return the routes of preview hosts: to the previewed candidate, else the revision with all traffic, else stable.

    `live` begins with the primary revision, which is the default.
    """
    previewed = min(live, key=lambda served: (not served.exposure.preview, served.weight < ALL_TRAFFIC.weight))
    routes = _by_protocol(plan, [replace(previewed, exposure=ALL_TRAFFIC)])
    hosts, label = plan.rollout.preview_hosts, {names.LABEL_ROUTE: names.ROUTE_PREVIEW}
    return _virtual_service(plan, f"{plan.owner.name}.preview", hosts, plan.gateways, routes, label)


def _routes(plan: Plan, live: Sequence[LiveRevision]) -> list[Route]:
    """Return the routes in the order in which they are tried: requests that an A/B test matches, then all others."""
    tested = [replace(served, exposure=ALL_TRAFFIC) for served in live if served.exposure.matched]
    matched = _by_protocol(plan, tested, MATCHED, _matches(plan.rollout.match)) if tested and plan.rollout.match else []
    return [*matched, *_by_protocol(plan, live)]


def _by_protocol(
    plan: Plan, live: Sequence[LiveRevision], prefix: str = "", matches: Sequence[Headers] = (_ANY,)
) -> list[Route]:
    """Return two routes for requests with the headers of one of `matches`: of gRPC first, then of anything else."""
    grpc = {"match": [{"headers": {**headers, **_GRPC}} for headers in matches]}
    http = {"match": [{"headers": headers} for headers in matches]} if all(matches) else {}
    return [
        {"name": f"{prefix}grpc", **grpc, **_route(plan, live, names.PORT_GRPC)},
        {"name": f"{prefix}http", **http, **_route(plan, live, names.PORT_HTTP)},
    ]


def _matches(ab_test: ABTestSpec) -> list[Headers]:
    """Return the alternative matches of the candidate's requests: all of the headers, or the cookie."""
    headers = {header.name: header.model_dump(exclude={"name"}, exclude_none=True) for header in ab_test.headers or ()}
    cookie = [{"cookie": {"regex": _among_cookies(ab_test.cookie)}}] if ab_test.cookie else []
    return [*([headers] if headers else []), *cookie]


def _among_cookies(cookie: CookieMatch) -> str:
    """Return the expression that finds a cookie among all those that a browser sends in one header."""
    return rf"^(.*?;\s*)?{re.escape(cookie.name)}={re.escape(cookie.value)}(;.*)?$"


def _route(plan: Plan, live: Sequence[LiveRevision], port: int) -> Route:
    routed = [served for served in live if served.weight > 0]
    gated = next((served for served in routed if served.is_gated), None)
    if gated is not None and plan.settings.activator_service:
        return _gated_route(plan, gated, port)
    destinations = [
        {"destination": _destination(plan, served.revision, port), "weight": served.weight} for served in routed
    ]
    if len(routed) == 1:
        del destinations[0]["weight"]
    return {"route": destinations, **_mirror(plan, live, port), **_limits(plan.timeout)}


def _gated_route(plan: Plan, live: LiveRevision, port: int) -> Route:
    """Return the route through the activator, where a request waits for a pod of the revision."""
    # It may be waking up because it is no longer scaled.
    patience = plan.autoscaling.cold_start_timeout if plan.autoscaling else seconds(DEFAULT_COLD_START_TIMEOUT)
    target = _destination(plan, live.revision, port)["host"]
    headers = {names.HEADER_TARGET: target, names.HEADER_COLD_START_SECONDS: str(patience)}
    if plan.activator_key:
        headers[names.HEADER_PROOF] = route_proof(plan.activator_key, target, str(patience))
    # Set, not added: whatever a client sends in these headers is gone.
    destination = {"destination": {"host": plan.settings.activator_host, "port": {"number": port}}}
    return {"route": [destination], "headers": {"request": {"set": headers}}, **_limits(patience + plan.timeout)}


def _limits(timeout: int) -> Route:
    # Istio's default of two retries would hide a revision's failures.
    return {"timeout": f"{timeout}s", "retries": {"attempts": 0}}


def _mirror(plan: Plan, live: Sequence[LiveRevision], port: int) -> dict[str, Any]:
    for served in live:
        if served.exposure.mirror > 0:
            percentage = {"value": served.exposure.mirror}
            return {"mirror": _destination(plan, served.revision, port), "mirrorPercentage": percentage}
    return {}


def _destination(plan: Plan, revision: str, port: int) -> dict[str, Any]:
    host = revision_host(plan.owner, revision, plan.settings.cluster_domain)
    return {"host": host, "port": {"number": port}}


def _service_host(plan: Plan, service: str) -> str:
    return service_host(plan.owner, service, plan.settings.cluster_domain)
