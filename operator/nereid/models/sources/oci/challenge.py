"""What a registry asks for when it answers that it does not know who is there (RFC 9110, WWW-Authenticate)."""

import re
from dataclasses import dataclass
from typing import Final

_PARAMETER: Final = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """How to introduce oneself: `basic`, or `bearer` with a token from the realm for a service and a scope."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str) -> Challenge | None:
    """Return the challenge of a WWW-Authenticate header; None where it is none that a registry's client knows."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() not in {"basic", "bearer"}:
        return None
    values = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    return Challenge(scheme.lower(), values.get("realm", ""), values.get("service", ""), values.get("scope", ""))
