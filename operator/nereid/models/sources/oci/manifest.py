"""The files of a model in an OCI manifest. Pure: it reads JSON that a registry sent.

Three ways of packing are read: images (KServe's modelcars: layers of tar with the model below /models), artifacts as
`oras push` makes them (a layer for each file, named by an annotation), and ModelPack artifacts (CNCF model-spec).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, Final

from nereid.contract.fetch_errors import FetchError, Reason

INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MODEL_FOLDER: Final = "models"
_TITLE: Final = "org.opencontainers.image.title"
_UNPACK: Final = "io.deis.oras.content.unpack"
_FILE_PATHS: Final = ("org.cncf.model.filepath", "org.cnai.model.filepath")
_MODEL_PACK: Final = ("application/vnd.cncf.model.", "application/vnd.cnai.model.")
_IMAGE_LAYERS: Final = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")
_ARCHIVES: Final = (".gz", ".tgz")
_SHA256_LENGTH: Final = 64


class Packing(Enum):
    """How the content of a layer becomes files."""

    FILE = "file"  # the blob is the file
    TREE = "tree"  # a tar whose entries are paths of the artifact
    IMAGE = "image"  # a tar whose entries are paths of an image: what is below /models counts


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a manifest: `path` is its file's place in the artifact, or a name of its own for a tar."""

    sha256: str
    size: int
    path: PurePosixPath
    packing: Packing

    @property
    def digest(self) -> str:
        """The digest by which the registry knows the blob."""
        return f"sha256:{self.sha256}"


def is_index(manifest: Mapping[str, Any]) -> bool:
    """Return whether a manifest lists others, one for each platform."""
    return manifest.get("mediaType") in INDEX_TYPES or isinstance(manifest.get("manifests"), list)


def pick_platform(index: Mapping[str, Any], architecture: str, shown: str) -> str:
    """Return the digest of the manifest for Linux on this architecture, or of the only one, if it names no platform."""
    entries = [entry for entry in index.get("manifests", []) if isinstance(entry, dict) and not _is_attestation(entry)]
    platforms = [entry.get("platform") or {} for entry in entries]
    for entry, platform in zip(entries, platforms, strict=True):
        if platform.get("os") == "linux" and platform.get("architecture") == architecture:
            return str(entry.get("digest"))
    if len(entries) == 1 and not platforms[0].get("architecture"):
        return str(entries[0].get("digest"))
    available = ", ".join(f"{platform.get('os')}/{platform.get('architecture')}" for platform in platforms) or "none"
    raise FetchError(
        Reason.MODEL_INVALID,
        f"{shown} has no image for linux/{architecture} (it has {available}): build it for that platform too",
    )


def layers_of(manifest: Mapping[str, Any], shown: str) -> tuple[Layer, ...]:
    """Return the layers that hold the model's files, from the lowest to the topmost one."""
    layers = [layer for layer in manifest.get("layers") or [] if isinstance(layer, dict)]
    if not layers:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} is neither an image nor an artifact with files: push the model's files to it",
        )
    return _without_repeats((_layer(layer, shown) for layer in layers), shown)


def _is_attestation(entry: Mapping[str, Any]) -> bool:
    return _annotations(entry).get("vnd.docker.reference.type") == "attestation-manifest"


def _without_repeats(layers: Iterable[Layer], shown: str) -> tuple[Layer, ...]:
    """Return each layer once; raise FetchError if two different files have the same name."""
    by_path: dict[PurePosixPath, Layer] = {}
    for layer in layers:
        other = by_path.pop(layer.path, layer)
        if other.sha256 != layer.sha256:
            raise FetchError(
                Reason.MODEL_INVALID, f"{shown} holds two files called {layer.path}: push it with each file once"
            )
        by_path[layer.path] = layer
    return tuple(by_path.values())


def _layer(layer: Mapping[str, Any], shown: str) -> Layer:
    media_type, annotations = str(layer.get("mediaType", "")), _annotations(layer)
    algorithm, _, sha256 = str(layer.get("digest", "")).partition(":")
    if algorithm != "sha256" or len(sha256) != _SHA256_LENGTH:
        raise FetchError(Reason.MODEL_INVALID, f"{shown} has a layer without a sha256 digest: push it again")
    if media_type.endswith(("zstd", ".foreign.diff.tar.gzip")):
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} has a layer of the type {media_type}, which cannot be unpacked: push it with gzip compression",
        )
    packing = _packing(media_type, annotations)
    own_name = PurePosixPath(f"{sha256}.layer")
    path = own_name if packing is not Packing.FILE else _inside(_name(annotations) or sha256, shown)
    return Layer(sha256, _size(layer, shown), path, packing)


def _size(layer: Mapping[str, Any], shown: str) -> int:
    size = layer.get("size", 0)
    if not isinstance(size, int) or size < 0:
        raise FetchError(Reason.MODEL_INVALID, f"{shown} has a layer without a valid size: push it again")
    return size


def _annotations(part: Mapping[str, Any]) -> Mapping[str, Any]:
    annotations = part.get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def _packing(media_type: str, annotations: Mapping[str, str]) -> Packing:
    if str(annotations.get(_UNPACK, "")).lower() == "true":
        return Packing.TREE
    if media_type.startswith(_MODEL_PACK):
        return Packing.TREE if ".tar" in media_type else Packing.FILE
    if not media_type.startswith(_IMAGE_LAYERS):
        return Packing.FILE
    if _TITLE not in annotations:
        return Packing.IMAGE
    # The Python client of oras pushes a folder so, without the annotation; both give the type of a tar to any file.
    is_folder = media_type.endswith("+gzip") and not annotations[_TITLE].endswith(_ARCHIVES)
    return Packing.TREE if is_folder else Packing.FILE


def _name(annotations: Mapping[str, str]) -> str:
    return next((str(annotations[key]) for key in (_TITLE, *_FILE_PATHS) if annotations.get(key)), "")


def _inside(name: str, shown: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise FetchError(
            Reason.MODEL_INVALID, f"{shown} names a file {name!r}, which points outside the artifact: push it again"
        )
    return path
