"""Addresses, the pods' bridge, and the rules that let pods reach what is outside it."""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass

from cluster.commands import run
from cluster.errors import ClusterError
from cluster.paths import Paths
from cluster.waiting import wait_for

BRIDGE = "nereid0"
POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_ADDRESS = "10.96.0.10"
DOMAIN = "cluster.local"

SYSCTLS = {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1"}
"""What pods and Services need of the kernel."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in a chain of our own that a built-in chain jumps to."""

    table: str
    hook: str
    chain: str
    rules: tuple[tuple[str, ...], ...]


# What kube-proxy leads to a pod has that pod's address by now. The rest would leave the machine, as long as kube-proxy
# does not know the Service, and the network may answer in the Service's place.
NO_WAY_OUT = ("-d", SERVICE_CIDR, "-j", "REJECT")

RULES = (
    # One rule for all pods instead of a chain per pod, which the bridge plugin's own masquerading would add.
    Rule("nat", "POSTROUTING", "NEREID-POSTROUTING", (("-s", POD_CIDR, "!", "-d", POD_CIDR, "-j", "MASQUERADE"),)),
    # A host with a container engine may drop what it forwards unless a rule accepts it.
    Rule(
        "filter",
        "FORWARD",
        "NEREID-FORWARD",
        (NO_WAY_OUT, ("-s", POD_CIDR, "-j", "ACCEPT"), ("-d", POD_CIDR, "-j", "ACCEPT")),
    ),
    Rule("filter", "OUTPUT", "NEREID-OUTPUT", (NO_WAY_OUT,)),
)


def node_address(paths: Paths) -> str:
    """Return the IPv4 address of the interface with the default route, else of any interface but the loopback's."""
    environment = paths.environment()
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "default"], environment=environment) or "[]")
    links = json.loads(run(["ip", "-json", "-4", "address", "show", "scope", "global"], environment=environment))
    return choose_address(routes, links)


def choose_address(routes: list[dict[str, str]], links: list[dict[str, object]]) -> str:
    """Pick the node's address from what `ip -json` says of default routes and interfaces."""
    addresses: dict[str, str] = {}
    for link in links:
        infos = link.get("addr_info")
        if link.get("ifname") != BRIDGE and isinstance(infos, list) and infos:
            addresses[str(link["ifname"])] = str(infos[0]["local"])
    preferred = [addresses[route["dev"]] for route in routes if route.get("dev") in addresses]
    candidates = [*preferred, *addresses.values()]
    if not candidates:
        raise ClusterError("no network interface has an IPv4 address: a node needs one, and the loopback's does not do")
    return candidates[0]


def write_cni_config(paths: Paths) -> None:
    """Tell containerd how pods are attached: a bridge with addresses from the pods' network."""
    folder = paths.cluster / "cni" / "net.d"
    folder.mkdir(parents=True, exist_ok=True)
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_CIDR}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(paths.cluster / "cni" / "addresses"),
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": ipam}
    text = json.dumps({"cniVersion": "1.0.0", "name": "nereid", "plugins": [bridge]}, indent=2)
    (folder / "10-nereid.conflist").write_text(text + "\n")


def ensure_rules(paths: Paths) -> None:
    """Put our chains in place; chains that exist are filled again."""
    for rule in RULES:
        listing = run(["iptables", "--wait", "-t", rule.table, "-S"], environment=paths.environment())
        existing = listing.splitlines()
        jump = f"-A {rule.hook} -j {rule.chain}"
        lines = [f"*{rule.table}", f":{rule.chain} - [0:0]"]
        lines += [f"-A {rule.chain} {' '.join(words)}" for words in rule.rules]
        lines += [] if jump in existing else [jump]
        text = "\n".join([*lines, "COMMIT", ""])
        run(["iptables-restore", "--wait", "--noflush"], environment=paths.environment(), stdin=text)


def remove_links(paths: Paths) -> None:
    """Delete the bridge and whatever is still attached to it."""
    if shutil.which("ip", path=paths.environment()["PATH"]):
        wait_for("the removal of the bridge", lambda: _no_links_left(paths), seconds=20, hint="run `down` again")


def _no_links_left(paths: Paths) -> bool:
    links = _links(paths)
    for name in links:
        # The kernel may be removing it already, together with the namespace of its other end.
        with suppress(ClusterError):
            run(["ip", "link", "delete", name], environment=paths.environment())
    return not links


def _links(paths: Paths) -> list[str]:
    links = json.loads(run(["ip", "-json", "link", "show"], environment=paths.environment()))
    return [link["ifname"] for link in links if BRIDGE in (link.get("master"), link["ifname"])]
