"""How requests find the pods: the VirtualService in front of the revisions' Services, and the root Service.

Each revision is a destination host of its own, so that there is no DestinationRule subset to miss.
"""

from collections.abc import Sequence
from typing import Any, Final

from nereid import names
from nereid.build.metadata import Manifest, child
from nereid.build.revision import service_host, service_spec
from nereid.plan import LiveRevision, Plan

# gRPC and REST share the gateway's port; gRPC's content type is what tells them apart (gRPC over HTTP/2, "Requests").
_GRPC_MATCH: Final = [{"headers": {"content-type": {"prefix": "application/grpc"}}}]


def virtual_services(plan: Plan, live: Sequence[LiveRevision]) -> tuple[Manifest, ...]:
    """Return the VirtualServices that split requests by weight: inside the mesh, and through gateways if there are any.

    They are two, so that a host of the outside is bound to the gateways alone: bound to the mesh as well, it would
    catch what every client inside sends to that name, whoever it belongs to.
    """
    inside = _virtual_service(plan, live, plan.owner.name, [_service_host(plan, plan.owner.name)], ["mesh"])
    if not plan.hosts:
        return (inside,)
    # A dot, which no ModelDeployment has in its name, so that the two can never be another one's.
    outside = _virtual_service(plan, live, f"{plan.owner.name}.gateways", plan.hosts, plan.gateways)
    return (inside, outside)


def _virtual_service(
    plan: Plan, live: Sequence[LiveRevision], name: str, hosts: Sequence[str], gateways: Sequence[str]
) -> Manifest:
    spec = {
        "hosts": list(hosts),
        "gateways": list(gateways),
        "http": [
            {"name": "grpc", "match": _GRPC_MATCH, **_route(plan, live, names.PORT_GRPC)},
            {"name": "http", **_route(plan, live, names.PORT_HTTP)},
        ],
    }
    return child("networking.istio.io/v1", "VirtualService", name, plan.owner, {"app": plan.owner.name}, {"spec": spec})


def root_service(plan: Plan, primary: LiveRevision) -> Manifest:
    """Return the Service by which clients inside the mesh know the model.

    In the mesh the VirtualService decides where its requests go; its selector is for clients without a proxy.
    """
    spec = service_spec(plan.owner, primary.revision)
    return child("v1", "Service", plan.owner.name, plan.owner, {"app": plan.owner.name}, {"spec": spec})


def url(plan: Plan, *, tls: bool) -> str:
    """Return where clients send requests: the first host, or the root Service inside the mesh.

    `tls` tells that a gateway serves the first host by https.
    """
    if not plan.hosts:
        return f"http://{_service_host(plan, plan.owner.name)}:{names.PORT_HTTP}"
    return f"{'https' if tls else 'http'}://{plan.hosts[0]}"


def _route(plan: Plan, live: Sequence[LiveRevision], port: int) -> dict[str, Any]:
    routed = [one for one in live if one.weight > 0]
    destinations = [_destination(plan, one.revision, port) for one in routed]
    if len(routed) > 1:
        destinations = [
            {**destination, "weight": one.weight} for destination, one in zip(destinations, routed, strict=True)
        ]
    # Istio's own default retries twice and so would hide a revision's faults.
    return {"route": destinations, "timeout": f"{plan.timeout}s", "retries": {"attempts": 0}}


def _destination(plan: Plan, revision: str, port: int) -> dict[str, Any]:
    host = _service_host(plan, names.revision_child_name(plan.owner.name, revision))
    return {"destination": {"host": host, "port": {"number": port}}}


def _service_host(plan: Plan, service: str) -> str:
    return service_host(plan.owner, service, plan.settings.cluster_domain)
