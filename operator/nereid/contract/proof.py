"""Proofs for the activator: that a request came by a route of the operator, and that a trigger is the operator's.

A proof is an HMAC with a key that operator and activator share. It stands in the target's own route and ScaledObject
alone, and holds for that target and that purpose. Pure.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

# The file of the Secret that both mount: keys with white space between; the first makes proofs, all are accepted.
KEYS_FILE: Final = "keys"
SHORTEST_KEY: Final = 32
_MOST_KEYS: Final = 8


def keys_of(text: str) -> tuple[str, ...]:
    """Return the keys of the file; words that are too short to be keys are left out."""
    return tuple(word for word in text.split() if len(word) >= SHORTEST_KEY)[:_MOST_KEYS]


def route_proof(key: str, target: str, seconds: str) -> str:
    """Return the proof of a route: for its target, and for how long its requests may wait."""
    return _proof(key, "route", target, seconds)


def trigger_proof(key: str, target: str) -> str:
    """Return the proof of a ScaledObject's trigger."""
    return _proof(key, "trigger", target)


def peer_proofs(keys: Sequence[str]) -> str:
    """Return the proofs by which one activator recognizes another, one of each key."""
    return " ".join(_proof(key, "peer") for key in keys[:_MOST_KEYS])


def proves_route(proof: str, keys: Sequence[str], target: str, seconds: str) -> bool:
    """Whether one of the keys made the proof of this route."""
    return _is_among(proof, [route_proof(key, target, seconds) for key in keys])


def proves_trigger(proof: str, keys: Sequence[str], target: str) -> bool:
    """Whether one of the keys made the proof of this target's trigger."""
    return _is_among(proof, [trigger_proof(key, target) for key in keys])


def proves_peer(proofs: str, keys: Sequence[str]) -> bool:
    """Whether another activator with one of the keys made one of the proofs."""
    own = [_proof(key, "peer") for key in keys]
    return any(_is_among(proof, own) for proof in proofs.split(maxsplit=_MOST_KEYS)[:_MOST_KEYS])


def _proof(key: str, *parts: str) -> str:
    # None of the parts can hold a line break: they are a word of ours, a name in DNS and a number.
    return hmac.new(key.encode(), "\n".join(parts).encode(), sha256).hexdigest()


def _is_among(proof: str, proofs: Sequence[str]) -> bool:
    # Bytes, as a header may hold what is not ASCII, which compare_digest does not take as text.
    given = proof.encode(errors="replace")
    return any(hmac.compare_digest(given, one.encode()) for one in proofs)
