"""Signatures of calls, as Standard Webhooks 1.0 has them: HMAC-SHA256 over id, time and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. Each receiver has a key of
its own, in a file with the name of its host, so that no receiver can sign for another one. Pure, apart from reading it.
"""

import base64
import binascii
import hashlib
import hmac
from pathlib import Path
from typing import Final

_PREFIX: Final = "whsec_"
# What the specification asks for.
_FEWEST_BYTES: Final = 24
_MOST_BYTES: Final = 64


class KeyFormatError(Exception):
    """A signing key is not as it has to be; the message never shows it."""


def signature(keys: list[bytes], identity: str, timestamp: int, body: bytes) -> str:
    """Return the signatures of a call by each key, with a space between: two while a key is being replaced."""
    signed = f"{identity}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def keys_of(folder: Path | None, host: str) -> list[bytes]:
    """Return the keys for a host, read each time, as they may be replaced; empty if it has none."""
    path = folder / host if folder else None
    if path is None or not path.is_file():
        return []
    return [_key(text, host) for text in path.read_text(errors="replace").split()]


def _key(text: str, host: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True) if text.startswith(_PREFIX) else b""
    except (binascii.Error, ValueError):
        key = b""
    if not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise KeyFormatError(
            f"the operator's signing key for {host} is not valid: it has to be {_PREFIX} and {_FEWEST_BYTES} to "
            f"{_MOST_BYTES} bytes in base64, in the Secret of webhooks.signing.secretName of its chart"
        )
    return key
