"""Which hosts a VirtualService has at which Gateways. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names

MESH: Final = "mesh"


@dataclass(frozen=True, slots=True)
class HostRoute:
    """The hosts of a VirtualService at Gateways, these as NAMESPACE/NAME.

    owner: the name of the ModelDeployment that it was made for, with its uid; empty if it is not Nereid's.
    """

    namespace: str
    owner: str
    owner_uid: str
    hosts: frozenset[str]
    gateways: frozenset[str]


def host_route(raw: Mapping[str, Any]) -> HostRoute | None:
    """Return the hosts that a VirtualService has at Gateways; None if it is for the mesh only."""
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    namespace, hosts = metadata["namespace"], frozenset(spec.get("hosts") or ())
    named = [gateway for gateway in spec.get("gateways") or () if gateway != MESH]
    gateways = frozenset(gateway if "/" in gateway else f"{namespace}/{gateway}" for gateway in named)
    if not (hosts and gateways):
        return None
    owner = metadata.get("labels", {}).get(names.LABEL_MODEL_DEPLOYMENT, "")
    uids = [str(one.get("uid")) for one in metadata.get("ownerReferences") or () if one.get("controller")]
    return HostRoute(namespace, owner, next(iter(uids), ""), hosts, gateways)


def above(host: str) -> Iterator[str]:
    """Return the names and wildcards that a host lies below, such as `example.com`, `*.example.com` and `*`."""
    _, _, rest = host.partition(".")
    while rest:
        yield f"*.{rest}"
        yield rest
        _, _, rest = rest.partition(".")
    yield "*"
