"""The proofs for the activator that stand in routes of a VirtualService and in triggers of a ScaledObject."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names

_TRIGGER: Final = "external-push"


@dataclass(frozen=True, slots=True)
class StandingProof:
    """What a route or a trigger says to the activator.

    seconds: how long a route's requests may wait; None for a trigger. proof: empty if it has none.
    """

    target: str
    seconds: str | None
    proof: str


def standing_proofs(kind: str, raw: Mapping[str, Any]) -> tuple[StandingProof, ...]:
    """Return what an object says to the activator; nothing if it does not lead there."""
    return tuple(standing_proof(place, field) for place, field in places_of_proofs(kind, raw))


def standing_proof(place: Mapping[str, str], field: str) -> StandingProof:
    """Return what a place says, whose proof is in `field`."""
    if field == names.HEADER_PROOF:
        seconds = place.get(names.HEADER_COLD_START_SECONDS, "")
        return StandingProof(place[names.HEADER_TARGET], seconds, place.get(field, ""))
    return StandingProof(place["target"], None, place.get(field, ""))


def places_of_proofs(kind: str, raw: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the places in an object that tell the activator a target, each with its field for the proof."""
    spec = raw.get("spec") or {}
    if kind == "VirtualService":
        for route in spec.get("http") or []:
            headers = route.get("headers", {}).get("request", {}).get("set", {})
            if names.HEADER_TARGET in headers:
                yield headers, names.HEADER_PROOF
    elif kind == "ScaledObject":
        for trigger in spec.get("triggers") or []:
            metadata = trigger.get("metadata") or {}
            if trigger.get("type") == _TRIGGER and "target" in metadata:
                yield metadata, names.TRIGGER_PROOF
