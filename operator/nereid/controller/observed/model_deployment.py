"""A ModelDeployment as it was last observed, reduced to what the operator uses. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nereid.api.identity import Owner
from nereid.controller.observed.authors import Author, author_of

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """A ModelDeployment: the metadata that the operator uses, and spec and status as they are in the cluster.

    `author` is who last changed the model in its spec, if the API server shows it.
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
        """The hosts that its spec names, including those of previews."""
        traffic, rollout = self.spec.get("traffic") or {}, self.spec.get("rollout") or {}
        previews = (rollout.get("blueGreen") or {}).get("previewHosts") or ()
        return frozenset((*(traffic.get("hosts") or ()), *previews))

    @property
    def gateways(self) -> frozenset[str]:
        """The Gateways that its spec names, as NAMESPACE/NAME."""
        return frozenset((self.spec.get("traffic") or {}).get("gateways") or ())

    def is_before(self, other: "ModelDeployment") -> bool:
        """Whether it is older, and so has the right to a host; a total order, so that exactly one of two has it."""
        return (self.created, self.uid) < (other.created, other.uid)

    @property
    def owner(self) -> Owner:
        """The owner of its children."""
        return Owner(self.namespace, self.name, self.uid, self.generation)
