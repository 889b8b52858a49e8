"""Which hosts a VirtualService has at which Gateways. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names

MESH: Final = "mesh"
# What a VirtualService has beyond these is not seen: whoever may make one decides how long its lists are.
MOST_HOSTS: Final = 1000
MOST_GATEWAYS: Final = 100


@dataclass(frozen=True, slots=True)
class HostRoute:
    """The hosts of a VirtualService at Gateways, these as NAMESPACE/NAME.

    owner: the name of the ModelDeployment that controls it, with its uid; empty if none does (anybody may set labels).
    orphan_of: the name of the one that it was made for, if nothing controls it.
    """

    namespace: str
    owner: str
    owner_uid: str
    hosts: frozenset[str]
    gateways: frozenset[str]
    orphan_of: str = ""


def host_route(raw: Mapping[str, Any]) -> HostRoute | None:
    """Return the hosts that a VirtualService has at Gateways; None if it is for the mesh only."""
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    namespace, hosts = metadata["namespace"], frozenset((spec.get("hosts") or ())[:MOST_HOSTS])
    named = [gateway for gateway in spec.get("gateways") or () if gateway != MESH][:MOST_GATEWAYS]
    gateways = frozenset(gateway if "/" in gateway else f"{namespace}/{gateway}" for gateway in named)
    if not (hosts and gateways):
        return None
    label = (metadata.get("labels") or {}).get(names.LABEL_MODEL_DEPLOYMENT, "")
    controller = next((one for one in metadata.get("ownerReferences") or () if one.get("controller")), None)
    if controller is None:
        return HostRoute(namespace, "", "", hosts, gateways, orphan_of=label)
    owner = label if _is_model_deployment(controller, label) else ""
    return HostRoute(namespace, owner, str(controller.get("uid")) if owner else "", hosts, gateways)


def _is_model_deployment(controller: Mapping[str, Any], name: str) -> bool:
    group = str(controller.get("apiVersion")).partition("/")[0]
    return (group, controller.get("kind"), controller.get("name")) == (names.GROUP, names.KIND, name)


def above(host: str) -> Iterator[str]:
    """Return the names and wildcards that a host lies below, such as `example.com`, `*.example.com` and `*`."""
    _, _, rest = host.partition(".")
    while rest:
        yield f"*.{rest}"
        yield rest
        _, _, rest = rest.partition(".")
    yield "*"
