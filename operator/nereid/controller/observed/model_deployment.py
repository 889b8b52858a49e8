"""A ModelDeployment as it was last observed, reduced to what the operator uses. Pure.

It stays in memory for as long as it exists: its spec as JSON, as Python's own objects would take ten to thirty times as
much, and none of what the operator does not read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names
from nereid.api.identity import Owner
from nereid.controller.observed.authors import Author, author_of
from nereid.controller.observed.large_spec import PROBLEM, without_large_spec

Key = tuple[str, str]

# Of the annotations, those of Nereid: commands, which are short.
_ANNOTATION: Final = f"{names.GROUP}/"
_MOST_ANNOTATIONS: Final = 32
_ANNOTATION_CHARACTERS: Final = 1024


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """A ModelDeployment: the metadata that the operator uses, and spec and status as they are in the cluster.

    hosts: those that its spec names, including those of previews. gateways: the Gateways that it names, as
    NAMESPACE/NAME. spec_problem: why its spec is not kept, in a sentence; `spec` then has the small sections of it.
    author: who last changed the model in its spec, if the API server shows it.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: int
    annotations: Mapping[str, str]
    created: str
    deleting: bool
    spec_json: bytes
    hosts: frozenset[str]
    gateways: frozenset[str]
    status: Mapping[str, Any]
    spec_problem: str | None = None
    author: Author | None = None

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> "ModelDeployment":
        """Read the API server's object."""
        raw = without_large_spec(raw)
        metadata, spec = raw["metadata"], raw.get("spec") or {}
        traffic, rollout = spec.get("traffic") or {}, spec.get("rollout") or {}
        previews = (rollout.get("blueGreen") or {}).get("previewHosts") or ()
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata["generation"],
            resource_version=int(metadata["resourceVersion"]),
            annotations=_commands(metadata.get("annotations") or {}),
            created=metadata["creationTimestamp"],
            deleting="deletionTimestamp" in metadata,
            spec_json=names.canonical_json(spec),
            hosts=frozenset((*(traffic.get("hosts") or ()), *previews)),
            gateways=frozenset(traffic.get("gateways") or ()),
            status=dict(raw.get("status") or {}),
            spec_problem=raw.get(PROBLEM),
            author=author_of(metadata.get("managedFields", [])),
        )

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec as the API server has it, made anew from JSON each time."""
        spec: dict[str, Any] = json.loads(self.spec_json)
        return spec

    def is_before(self, other: "ModelDeployment") -> bool:
        """Whether it is older, and so has the right to a host; a total order, so that exactly one of two has it."""
        return (self.created, self.uid) < (other.created, other.uid)

    @property
    def owner(self) -> Owner:
        """The owner of its children."""
        return Owner(self.namespace, self.name, self.uid, self.generation)


def _commands(annotations: Mapping[str, str]) -> Mapping[str, str]:
    ours = sorted(name for name in annotations if name.startswith(_ANNOTATION))
    return {name: annotations[name][:_ANNOTATION_CHARACTERS] for name in ours[:_MOST_ANNOTATIONS]}
