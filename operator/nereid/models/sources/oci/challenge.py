"""The authentication that a registry requires, from the header WWW-Authenticate (RFC 9110)."""

import re
from dataclasses import dataclass
from typing import Final

from yarl import URL

# A registry's own is a line; what is longer has to be read in vain.
_LONGEST: Final = 2048
_PARAMETER: Final = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """How to authenticate: `basic`, or `bearer` with a token from the realm for a service and a scope."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""

    @property
    def is_encrypted(self) -> bool:
        """Whether the realm is an https address, to which a login may be sent."""
        try:
            realm = URL(self.realm)
        except ValueError:
            return False
        return realm.scheme == "https" and bool(realm.host)


def parse_challenge(header: str) -> Challenge | None:
    """Return the challenge of a WWW-Authenticate header; None if its scheme is neither basic nor bearer."""
    scheme, _, rest = header[:_LONGEST].strip().partition(" ")
    if scheme.lower() not in {"basic", "bearer"}:
        return None
    values = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    return Challenge(scheme.lower(), values.get("realm", ""), values.get("service", ""), values.get("scope", ""))
