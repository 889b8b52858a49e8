"""Brings image archives into containerd's image store, each only once.

An image is known by the digest of its configuration: unlike the manifest's it is the same in every archive format.
"""

import json
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster import containerd
from cluster.errors import ClusterError
from cluster.paths import Paths

NAME_ANNOTATIONS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


def stored_targets(listing: str) -> dict[str, str]:
    """Read reference → target, from the table that `ctr images list` prints."""
    rows = [line.split() for line in listing.splitlines()[1:]]
    return {reference: target for reference, _, target, *_ in rows}


def unnamed(stored: dict[str, str]) -> list[str]:
    """Find the references, made by the Kubernetes plug-in, to images whose name has moved on to another image."""
    targets = {target for reference, target in stored.items() if not reference.startswith("sha256:")}
    return [reference for reference, target in stored.items() if target not in targets]


def import_missing(paths: Paths, archives: Sequence[Path]) -> None:
    """Import those archives whose images are not stored, and drop the images that they replace."""
    stored = _stored(paths)
    for archive in archives:
        digests = configurations(archive)
        if all(name in stored and _configuration(paths, stored[name]) == digests[name] for name in digests):
            continue
        start = time.monotonic()
        containerd.ctr(paths, "images", "import", archive.resolve())
        print(f"imported {', '.join(digests)} in {time.monotonic() - start:.1f} s", flush=True)
    replaced = unnamed(_stored(paths))
    if replaced:
        containerd.ctr(paths, "images", "remove", *replaced)


def configurations(archive: Path) -> dict[str, str]:
    """Read image name → digest of its configuration, from an OCI or Docker archive."""
    try:
        with tarfile.open(archive, "r:") as tar:
            digests = _docker_configurations(tar) if "manifest.json" in tar.getnames() else _oci_configurations(tar)
    except (OSError, KeyError, tarfile.TarError, json.JSONDecodeError) as error:
        raise ClusterError(f"{archive} is not a valid image archive ({error}): build it again") from error
    if not digests:
        raise ClusterError(f"{archive} names no image: write it with `buildah push IMAGE docker-archive:FILE:NAME:TAG`")
    return digests


def _configuration(paths: Paths, manifest: str) -> str:
    digest: str = json.loads(containerd.ctr(paths, "content", "get", manifest))["config"]["digest"]
    return digest


def _docker_configurations(tar: tarfile.TarFile) -> dict[str, str]:
    entries = _load(tar, "manifest.json")
    return {name: f"sha256:{Path(entry['Config']).stem}" for entry in entries for name in entry["RepoTags"] or ()}


def _oci_configurations(tar: tarfile.TarFile) -> dict[str, str]:
    digests = {}
    for entry in _load(tar, "index.json")["manifests"]:
        annotations = entry.get("annotations", {})
        manifest = _load(tar, f"blobs/{entry['digest'].replace(':', '/')}")
        names = [annotations[key] for key in NAME_ANNOTATIONS if key in annotations]
        digests.update(dict.fromkeys(names[:1], manifest["config"]["digest"]))
    return digests


def _load(tar: tarfile.TarFile, name: str) -> Any:
    member = tar.extractfile(name)
    return json.load(member) if member else {}


def _stored(paths: Paths) -> dict[str, str]:
    return stored_targets(containerd.ctr(paths, "images", "list"))
