"""Which Services requests may be forwarded to: those of models' revisions in this cluster, named in full."""

import re
from dataclasses import dataclass
from typing import Final

from nereid.api.names import REVISION_ALPHABET, REVISION_LENGTH

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_SERVICE: Final = re.compile(rf"(?P<name>{_LABEL})\.(?P<namespace>{_LABEL})\.svc\.(?P<domain>.+)")
_REVISION_CHILD: Final = re.compile(rf".+-[{REVISION_ALPHABET}]{{{REVISION_LENGTH}}}")


class InvalidTargetError(ValueError):
    """A host that nothing is forwarded to; the message says why."""


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
    """Return the revision's Service that a host names; raise InvalidTargetError for any other host."""
    match = _SERVICE.fullmatch(host)
    if match is None or match["domain"] != domain:
        raise InvalidTargetError(f"the target {host[:300]!r} is not of the form NAME.NAMESPACE.svc.{domain}")
    if not _REVISION_CHILD.fullmatch(match["name"]):
        raise InvalidTargetError(
            f"the target {host!r} is not the Service of a model's revision: NAME must end in a dash and "
            f"{REVISION_LENGTH} characters of {REVISION_ALPHABET}"
        )
    return Target(match["name"], match["namespace"], domain)
