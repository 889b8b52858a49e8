"""The store of ModelDeployments as they were last seen, by Kopf's watch or in the answer to our own status write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nereid.plan import Owner

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """A ModelDeployment: the metadata that count, and spec and status as they stand in the cluster."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: int
    annotations: Mapping[str, str]
    deleting: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

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
            deleting="deletionTimestamp" in metadata,
            spec=dict(raw.get("spec") or {}),
            status=dict(raw.get("status") or {}),
        )

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def owner(self) -> Owner:
        """The owner of its children."""
        return Owner(self.namespace, self.name, self.uid, self.generation)


class ModelDeployments:
    """All ModelDeployments that are watched."""

    def __init__(self) -> None:
        self._found: dict[Key, ModelDeployment] = {}

    def get(self, key: Key) -> ModelDeployment | None:
        """Return what is known of a ModelDeployment; None when it does not exist."""
        return self._found.get(key)

    def put(self, raw: Mapping[str, Any]) -> bool:
        """Take an object, unless it is known already or older than what is known; return whether it was news."""
        new = ModelDeployment.from_raw(raw)
        old = self._found.get(new.key)
        if old and old.resource_version >= new.resource_version:
            return False
        self._found[new.key] = new
        return True

    def remove(self, raw: Mapping[str, Any]) -> None:
        """Forget an object that was deleted, unless its successor is known already."""
        gone = ModelDeployment.from_raw(raw)
        known = self._found.get(gone.key)
        if known and known.uid == gone.uid:
            del self._found[gone.key]
