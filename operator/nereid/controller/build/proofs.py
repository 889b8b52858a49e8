"""An object that stands, with the present proofs for the activator: for routes that no plan makes anew.

Only what leads to the owner's own revisions is proven: users of a namespace may have changed what stands there.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from nereid.api.identity import Owner
from nereid.contract.proof import route_proof, trigger_proof
from nereid.controller.build.metadata import Manifest
from nereid.controller.build.revision import revision_host
from nereid.controller.observed.standing_proofs import StandingProof, places_of_proofs, standing_proof

_METADATA = ("name", "namespace", "labels", "annotations", "ownerReferences")


def has_old_proof(standing: Iterable[StandingProof], owner: Owner, key: str, cluster_domain: str) -> bool:
    """Whether a route or a trigger of the owner's lacks the proof that `key` makes."""
    return any(_proof(one, owner, key, cluster_domain) != one.proof for one in standing)


def with_present_proofs(raw: Mapping[str, Any], owner: Owner, key: str, cluster_domain: str) -> Manifest:
    """Return the manifest of an object as it stands, but for its proofs, which are those that `key` makes."""
    body = {field: value for field, value in raw.items() if field not in {"metadata", "status"}}
    metadata = {field: value for field, value in raw["metadata"].items() if field in _METADATA}
    manifest: Manifest = deepcopy({**body, "metadata": metadata})
    for place, field in places_of_proofs(manifest["kind"], manifest):
        if proof := _proof(standing_proof(place, field), owner, key, cluster_domain):
            place[field] = proof
    return manifest


def _proof(standing: StandingProof, owner: Owner, key: str, cluster_domain: str) -> str:
    """Return the proof that is to stand there: as it is, if the target is no revision of the owner's."""
    target, seconds = standing.target, standing.seconds
    revision = target.partition(".")[0].rpartition("-")[2]
    if target != revision_host(owner, revision, cluster_domain) or not (seconds or "0").isdecimal():
        return standing.proof
    return trigger_proof(key, target) if seconds is None else route_proof(key, target, seconds)
