"""Which Services requests may be passed on to: those of this cluster, named in full."""

import re
from dataclasses import dataclass
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_SERVICE: Final = re.compile(rf"(?P<name>{_LABEL})\.(?P<namespace>{_LABEL})\.svc\.(?P<domain>.+)")


class InvalidTargetError(ValueError):
    """A host that nothing is passed on to; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """The Service of a revision."""

    name: str
    namespace: str
    domain: str

    @property
    def host(self) -> str:
        """Its full name in DNS."""
        return f"{self.name}.{self.namespace}.svc.{self.domain}"


def parse_target(host: str, domain: str) -> Target:
    """Return the Service that a host names; raise InvalidTargetError for any other host."""
    match = _SERVICE.fullmatch(host)
    if match is None or match["domain"] != domain:
        raise InvalidTargetError(f"the target {host[:300]!r} is not of the form NAME.NAMESPACE.svc.{domain}")
    return Target(match["name"], match["namespace"], domain)
