"""Models on a volume of the pod, a claim or an image: they are linked, as Triton mounts it too.

Except those on a claim with a digest: whoever may write to the claim could replace the files after they were verified,
and a container that starts again would serve the new ones. They are copied as they are verified. Images never change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_job import Fetched, FetchWork
from nereid.contract.sentence import listing
from nereid.contract.source import ClaimSource, RemoteSource
from nereid.models.fetch.verified_copy import verified_copy
from nereid.models.sources.bounds import Bound
from nereid.models.sources.digest import (
    digest_of,
    file_hash,
    files_below,
    folder_hashes,
    require_digest,
    require_not_empty,
)
from nereid.models.sources.external_data import external_data
from nereid.models.sources.oci.manifest import MODEL_FOLDER
from nereid.models.sources.repository import content


@dataclass(frozen=True, slots=True)
class MountedSource:
    """A path on a mounted volume; `shown` is the volume's name in messages, `field` the field to correct."""

    mount: Path
    path: PurePosixPath
    shown: str
    field: str

    def __str__(self) -> str:
        return f"{self.shown}/{self.path}" if self.path.parts else self.shown


def on_claim(source: ClaimSource, request: FetchWork) -> MountedSource:
    """Return where the source is on the claim; raise FetchError if the claim is not mounted."""
    if not request.claim_mount.is_dir():
        raise FetchError(
            Reason.MODEL_NOT_FOUND,
            f"the claim {source.claim} is not mounted at {request.claim_mount}: check that it exists and is bound",
        )
    path = source.path / (request.path or "")
    field = str(Field.PATH) if request.path else str(Field.URI)
    return MountedSource(request.claim_mount, path, f"pvc://{source.claim}", field)


def on_image(source: RemoteSource, mount: Path, request: FetchWork) -> MountedSource:
    """Return where the source is on the image volume; raise FetchError if it is not mounted."""
    if not mount.is_dir():
        raise FetchError(
            Reason.MODEL_NOT_FOUND, f"the image {source} is not mounted at {mount}: check that the node could pull it"
        )
    # An image has its model in this folder; without the folder, it is an artifact, which a runtime mounts as it is.
    root = mount / MODEL_FOLDER if (mount / MODEL_FOLDER).is_dir() else mount
    return MountedSource(root, request.path or PurePosixPath(), str(source), str(Field.PATH))


def require_mounted(source: MountedSource, request: FetchWork, copy_into: Path | None = None) -> tuple[Path, Fetched]:
    """Return the file or folder, and its facts; raise FetchError if it does not exist or has another digest.

    `copy_into`: where a model with a digest is copied to, and returned from. None: the volume never changes.
    """
    path = _existing_path(source)
    if request.digest is not None and copy_into is not None:
        return _copied(path, source, request, copy_into)
    if path.is_dir():
        size, count = _measured(files_below(path, once=request.digest is None))
    else:
        require_not_empty(path.stat().st_size, str(source))
        size, count = _measured(_named(path, request.format))
    if request.digest is not None:
        hashes = folder_hashes(path) if path.is_dir() else _hashes(_named(path, request.format))
        is_file = path.is_file() and len(hashes) == 1
        require_digest(digest_of(hashes, is_file=is_file), request.digest, str(source), hashes)
    return path, Fetched(request.digest, size, count)


def _copied(path: Path, source: MountedSource, request: FetchWork, into: Path) -> tuple[Path, Fetched]:
    shown = str(source)
    folder = path if path.is_dir() else path.parent
    files = None if path.is_dir() else _named(path, request.format)
    copies = verified_copy(folder, files, source.mount, into, Bound.of(request, shown))
    hashes = {name: sha256 for name, (_, sha256) in copies.items()}
    if files:
        require_not_empty(copies[PurePosixPath(path.name)][0], shown)
    digest = digest_of(hashes, is_file=files is not None and len(hashes) == 1)
    require_digest(digest, request.digest, shown, hashes)
    facts = Fetched(request.digest, sum(size for size, _ in copies.values()), len(copies))
    return (into / path.name if files else into), facts


def _named(path: Path, model_format: Format) -> list[Path]:
    """Return the file at a path, and for an ONNX graph the files of its weights."""
    return [path, *(external_data(path) if model_format is Format.ONNX else ())]


def _hashes(files: Iterable[Path]) -> Mapping[PurePosixPath, str]:
    return {PurePosixPath(file.name): file_hash(file) for file in files}


def _measured(files: Iterable[Path]) -> tuple[int, int]:
    """Return bytes and number of files, without a list of them, which might not fit into memory."""
    size = count = 0
    for file in files:
        size, count = size + file.stat().st_size, count + 1
    return size, count


def _existing_path(source: MountedSource) -> Path:
    path = source.mount / source.path
    if not path.exists():
        raise FetchError(Reason.MODEL_NOT_FOUND, _what_is_there(source))
    if not path.resolve().is_relative_to(source.mount.resolve()):
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{source} is a link that points outside its volume: put the model itself on the volume",
        )
    return path


def _what_is_there(source: MountedSource) -> str:
    nearest = next(parent for parent in source.path.parents if (source.mount / parent).is_dir())
    entries = listing(entry.name for entry in content(source.mount / nearest))
    shown = MountedSource(source.mount, nearest, source.shown, source.field)
    return f"{source} does not exist; {shown} holds {entries}: correct {source.field}"
