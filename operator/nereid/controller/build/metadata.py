"""Metadata that every child carries: labels by which it is found, and the owner with which it is deleted."""

from collections.abc import Mapping
from typing import Any

from nereid.api import names
from nereid.api.identity import Owner

Manifest = dict[str, Any]


def child(
    api_version: str, kind: str, name: str, owner: Owner, labels: Mapping[str, str], body: Mapping[str, Any]
) -> Manifest:
    """Return a child's manifest: `body` under its type and metadata, annotated with the hash of all of it."""
    manifest: Manifest = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {**common_labels(owner), **labels},
            "ownerReferences": [_owner_reference(owner)],
        },
        **body,
    }
    return annotated(manifest, {})


def annotated(manifest: Manifest, annotations: Mapping[str, str]) -> Manifest:
    """Return a child's manifest with further annotations, among them the hash of all of it."""
    bare = {key: value for key, value in manifest["metadata"].items() if key != "annotations"}
    content = {**manifest, "metadata": {**bare, **({"annotations": dict(annotations)} if annotations else {})}}
    stamp = {names.ANNOTATION_DESIRED_HASH: names.content_hash(content)}
    return {**content, "metadata": {**bare, "annotations": {**annotations, **stamp}}}


def common_labels(owner: Owner) -> dict[str, str]:
    """Return the labels that every child carries."""
    return {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_MODEL_DEPLOYMENT: owner.name}


def selector_labels(model_deployment: str, revision: str) -> dict[str, str]:
    """Return the labels that select a revision's pods."""
    return {"app": model_deployment, names.LABEL_REVISION: revision}


def mesh_labels(model_deployment: str, version: str) -> dict[str, str]:
    """Return the labels by which Istio and Kiali name a workload and its version."""
    return {
        "app": model_deployment,
        "version": version,
        "service.istio.io/canonical-name": model_deployment,
        "service.istio.io/canonical-revision": version,
    }


def _owner_reference(owner: Owner) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
