"""A ModelDeployment as it was last seen: what of it counts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nereid.api.identity import Owner
from nereid.controller.observed.authors import Author, author_of

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """A ModelDeployment: the metadata that count, and spec and status as they stand in the cluster.

    `author` is who last changed the model in its spec, as far as the API server tells.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: int
    annotations: Mapping[str, str]
    created: str
    deleting: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    author: Author | None = None

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> "ModelDeployment":
        """Read the API server's object."""
        metadata = raw["metadata"]
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata["generation"],
            resource_version=int(metadata["resourceVersion"]),
            annotations=dict(metadata.get("annotations", {})),
            created=metadata["creationTimestamp"],
            deleting="deletionTimestamp" in metadata,
            spec=dict(raw.get("spec") or {}),
            status=dict(raw.get("status") or {}),
            author=author_of(metadata.get("managedFields", [])),
        )

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that it asks for, those of previews among them."""
        traffic, rollout = self.spec.get("traffic") or {}, self.spec.get("rollout") or {}
        previews = (rollout.get("blueGreen") or {}).get("previewHosts") or ()
        return frozenset((*(traffic.get("hosts") or ()), *previews))

    @property
    def gateways(self) -> frozenset[str]:
        """The Gateways, as NAMESPACE/NAME, that it wants to be reached through."""
        return frozenset((self.spec.get("traffic") or {}).get("gateways") or ())

    def is_before(self, other: "ModelDeployment") -> bool:
        """Whether it has the older right to a host; a total order, so that exactly one of two has it."""
        return (self.created, self.uid) < (other.created, other.uid)

    @property
    def owner(self) -> Owner:
        """The owner of its children."""
        return Owner(self.namespace, self.name, self.uid, self.generation)
