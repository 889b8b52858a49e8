"""The store of observed children: one small record for each, found by its name or by its owner.

Raw objects become records at once, so that a thousand models take megabytes, not hundreds of them. The records come
from the watches and from the responses to our own writes; the newer resourceVersion wins.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from nereid.api import names
from nereid.api.identity import Owner
from nereid.controller.observed.facts import Facts
from nereid.controller.observed.objects import facts_of
from nereid.controller.observed.standing_proofs import StandingProof, standing_proofs
from nereid.controller.shell.cluster.resources import MADE_BY_OTHERS

ChildKey = tuple[str, str, str]
OwnerKey = tuple[str, str]
_MADE_BY_OTHERS: Final = frozenset(resource.kind for resource in MADE_BY_OTHERS)
_NOT_COMPARED: Final = frozenset({"apiVersion", "kind", "metadata", "status"})


@dataclass(frozen=True, slots=True)
class Child:
    """An observed child.

    `content` is the part to compare with a manifest, as JSON; None once it is known to match the manifest of
    `desired_hash`. `owner_uid` is its controller's, or empty. `holds_replicas`: Nereid owns its number of pods, which
    would be reset if the next manifest left it out. `proofs`: what it says to the activator.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    owner_uid: str
    owner_name: str
    revision: str | None
    resource_version: int
    desired_hash: str
    content_hash: bytes
    content: bytes | None
    deleting: bool
    facts: Facts
    holds_replicas: bool = False
    proofs: tuple[StandingProof, ...] = ()

    @property
    def key(self) -> ChildKey:
        """Kind, namespace and name."""
        return self.kind, self.namespace, self.name

    @property
    def owner_key(self) -> OwnerKey:
        """The owner's key in the work queue."""
        return self.namespace, self.owner_name

    def belongs_to(self, owner: Owner) -> bool:
        """Whether `owner` controls it, or it was made for an owner of that name and no longer has a controller."""
        if self.owner_uid:
            return self.owner_uid == owner.uid
        return bool(self.desired_hash) and self.owner_key == (owner.namespace, owner.name)

    def same_as(self, other: "Child") -> bool:
        """Whether nothing that a pass uses has changed."""
        return (self.uid, self.desired_hash, self.content_hash, self.deleting, self.owner_name, self.facts) == (
            other.uid,
            other.desired_hash,
            other.content_hash,
            other.deleting,
            other.owner_name,
            other.facts,
        )


def child_of(kind: str, raw: Mapping[str, Any]) -> Child:
    """Reduce a raw object to its record."""
    metadata = raw["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    content = b"" if kind in _MADE_BY_OTHERS else names.canonical_json(comparable(raw))
    return Child(
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        owner_uid=owner_uid(metadata),
        owner_name=labels.get(names.LABEL_MODEL_DEPLOYMENT, ""),
        revision=labels.get(names.LABEL_REVISION),
        resource_version=int(metadata["resourceVersion"]),
        desired_hash=annotations.get(names.ANNOTATION_DESIRED_HASH, ""),
        content_hash=hashlib.blake2b(content, digest_size=8).digest(),
        content=content,
        deleting="deletionTimestamp" in metadata,
        facts=facts_of(kind, raw),
        holds_replicas=kind == "Deployment" and _holds_replicas(metadata),
        proofs=standing_proofs(kind, raw),
    )


def owner_uid(metadata: Mapping[str, Any]) -> str:
    """Return the uid of the owner that controls an object; empty if none does."""
    for reference in metadata.get("ownerReferences", []):
        if reference.get("controller"):
            return str(reference["uid"])
    return ""


def comparable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an object or a manifest that a manifest decides about: no identity, no status."""
    metadata = raw["metadata"]
    compared = {field: metadata[field] for field in ("labels", "annotations", "ownerReferences") if field in metadata}
    body = {field: value for field, value in raw.items() if field not in _NOT_COMPARED}
    return {"metadata": compared, **body}


def _holds_replicas(metadata: Mapping[str, Any]) -> bool:
    ours = (entry for entry in metadata.get("managedFields", []) if entry.get("manager") == names.FIELD_MANAGER)
    return any("f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {}) for entry in ours)


class Children:
    """All observed children. `on_change` is called with the owner's key when a watch shows something new."""

    def __init__(self, on_change: Callable[[OwnerKey], None]) -> None:
        self._on_change = on_change
        self._children: dict[ChildKey, Child] = {}
        self._by_owner: dict[OwnerKey, set[ChildKey]] = {}

    def __len__(self) -> int:
        return len(self._children)

    def get(self, kind: str, namespace: str, name: str) -> Child | None:
        """Return the record of a child, if there is one."""
        return self._children.get((kind, namespace, name))

    def of(self, owner: Owner) -> list[Child]:
        """Return the children that belong to `owner`, and what others made of these: it carries the owner's name."""
        named = (self._children[key] for key in self._by_owner.get((owner.namespace, owner.name), ()))
        return [child for child in named if child.kind in _MADE_BY_OTHERS or child.belongs_to(owner)]

    def observe(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Store an object from a watch, unless a newer one is stored; notify the owner of a relevant change."""
        new = child_of(kind, raw)
        old = self._children.get(new.key)
        if old and old.resource_version >= new.resource_version:
            return
        self._put(new, old)
        if old is None or not new.same_as(old):
            self._notify(new)
            if old and old.owner_name != new.owner_name:
                self._notify(old)

    def applied(self, kind: str, raw: Mapping[str, Any], *, is_as_sent: bool = True) -> Child:
        """Store the response to our own write. If it is as it was sent, there is nothing to compare any more.

        The owner is not notified, as the writer knows.
        """
        new = child_of(kind, raw)
        if is_as_sent:
            new = replace(new, content=None)
        old = self._children.get(new.key)
        # Equal if the write changed nothing: then too the content matches the manifest.
        if old is None or old.resource_version <= new.resource_version:
            self._put(new, None)
        return new

    def verified(self, child: Child) -> None:
        """Record that the child's content matches its manifest, and drop the content."""
        current = self._children.get(child.key)
        if current and current.content_hash == child.content_hash:
            self._put(replace(current, content=None), None)

    def being_deleted(self, child: Child) -> None:
        """Record that we have deleted a child; the watch will report when it is gone."""
        current = self._children.get(child.key)
        if current and current.uid == child.uid:
            self._put(replace(current, deleting=True), None)

    def remove(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Forget an object that a watch reports as deleted, unless its successor is already stored."""
        metadata = raw["metadata"]
        key = (kind, metadata["namespace"], metadata["name"])
        child = self._children.get(key)
        if child and (child.uid == metadata["uid"] or child.resource_version < int(metadata["resourceVersion"])):
            self._forget(child)

    def retain(self, kind: str, namespace: str | None, listed: set[str], resource_version: int) -> None:
        """Forget what is older than a complete list and whose uid is not in it."""
        missing = [
            child
            for child in self._children.values()
            if child.kind == kind
            and namespace in (None, child.namespace)
            and child.uid not in listed
            and child.resource_version <= resource_version
        ]
        for child in missing:
            self._forget(child)

    def _put(self, new: Child, old: Child | None) -> None:
        """Store a record; if the same content was verified before, it stays verified."""
        if old and old.content is None and (old.content_hash, old.uid) == (new.content_hash, new.uid):
            new = replace(new, content=None)
        self._unlink(new.key)
        self._children[new.key] = new
        self._by_owner.setdefault(new.owner_key, set()).add(new.key)

    def _unlink(self, key: ChildKey) -> None:
        old = self._children.pop(key, None)
        if old is None:
            return
        siblings = self._by_owner[old.owner_key]
        siblings.discard(key)
        if not siblings:
            del self._by_owner[old.owner_key]

    def _forget(self, child: Child) -> None:
        self._unlink(child.key)
        self._notify(child)

    def _notify(self, child: Child) -> None:
        if child.owner_name:
            self._on_change(child.owner_key)
