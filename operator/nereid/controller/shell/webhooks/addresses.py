"""Addresses that no webhook leads to, whatever hosts are allowed: a name may resolve to anything.

What the resolver returns is what is connected to, so that a name cannot lead elsewhere in between.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds answer who asks for a machine's credentials, as far as these are not link-local.
_METADATA: Final = tuple(
    ipaddress.ip_network(network)
    for network in ("fd00:ec2::/32", "fd20:ce::/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """A host leads to nothing but addresses that are never called."""


def is_forbidden(text: str) -> bool:
    """Whether an address is one of this machine, of the link or of a cloud's metadata, or is none to connect to."""
    try:
        address = _as_called(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return True
    return (
        any(address in network for network in _METADATA)
        or address.is_link_local
        or address.is_loopback
        or address.is_multicast
        or address.is_unspecified
    )


def _as_called(address: IPAddress) -> IPAddress:
    """Return the address of IPv4 that one of IPv6 stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class PublicResolver(AbstractResolver):
    """Resolves names, and leaves out the addresses that are forbidden."""

    def __init__(self, is_forbidden: Callable[[str], bool]) -> None:
        self._is_forbidden = is_forbidden
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host that may be called; raise an OSError if there is none."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [one for one in found if not self._is_forbidden(one["host"])]
        if not allowed:
            raise ForbiddenAddressError(f"{host} leads to an address that is never called")
        return allowed

    async def close(self) -> None:
        """End the resolver."""
        await self._resolver.close()
