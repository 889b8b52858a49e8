"""Unpacking of downloaded layers into the folder that they describe together.

A later layer replaces or deletes what an earlier one brought, as in any image. Nothing is written, and no link points,
outside the folder.
"""

import shutil
import stat
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from nereid.fetch.archive import DAMAGED, is_of_disk, links_out
from nereid.fetch.errors import FetchError, Reason
from nereid.fetch.oci.manifest import MODEL_FOLDER, Layer, Packing

_DELETED: Final = ".wh."
_EMPTIED: Final = ".wh..wh..opq"


def unpack_layers(layers: Iterable[Layer], downloaded: Path, into: Path, shown: str) -> None:
    """Fill `into` with the files of the layers, which lie in `downloaded` by their paths; what lies there stays."""
    into.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        blob = downloaded / layer.path
        if layer.packing is Packing.FILE:
            _put(blob, into / layer.path, into, shown)
            continue
        try:
            _unpack(blob, layer.packing, into, shown)
        except DAMAGED as error:
            if is_of_disk(error):
                raise
            raise FetchError(
                Reason.MODEL_INVALID,
                f"the layer {layer.digest} of {shown} is no sound tar or tar.gz ({error}): push it again",
            ) from error
    for link in links_out(into):
        raise _unsafe(link.name, shown)
    if not any(into.iterdir()):
        raise FetchError(
            Reason.MODEL_NOT_FOUND, f"{shown} holds no files of a model: an image has them below /{MODEL_FOLDER}"
        )


def _put(blob: Path, target: Path, root: Path, shown: str) -> None:
    _require_inside(target, root, shown)
    _clear(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the download, so that the content takes no second place on the disk.
    target.hardlink_to(blob)


def _unpack(blob: Path, packing: Packing, root: Path, shown: str) -> None:
    with tarfile.open(blob) as tar:
        # Checked here, as Python's own filter is missing before 3.11.4, which Debian 12 does not have.
        tar.extraction_filter = staticmethod(lambda member, _: member)
        for member in tar:
            path = _place(member.name, packing)
            if path is not None:
                _unpack_member(tar, member, path, packing, (root, shown))
            # An image of many small files would otherwise be remembered whole.
            tar.members = []  # type: ignore[attr-defined]


def _place(name: str, packing: Packing) -> PurePosixPath | None:
    """Return where an entry goes; None for what is no part of the model."""
    parts = tuple(part for part in PurePosixPath(name).parts if part not in ("/", "."))
    if packing is Packing.IMAGE:
        if parts[:1] != (MODEL_FOLDER,):
            return None
        parts = parts[1:]
    return PurePosixPath(*parts) if parts else None


def _unpack_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath, packing: Packing, place: tuple[Path, str]
) -> None:
    root, shown = place
    target = root / path
    _require_inside(target.parent, root, shown)
    if packing is Packing.IMAGE and path.name.startswith(_DELETED):
        _delete(target, root)
        return
    _require_harmless(member, target, packing, place)
    if not (member.isdir() and target.is_dir()):
        _clear(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.islnk():
        linked = _place(member.linkname, packing)
        target.hardlink_to(root / (linked or ""))
        return
    member.name = str(path)
    member.mode = 0o755 if member.isdir() or member.mode & stat.S_IXUSR else 0o644
    tar.extract(member, root, set_attrs=not member.issym())


def _require_harmless(member: tarfile.TarInfo, target: Path, packing: Packing, place: tuple[Path, str]) -> None:
    root, shown = place
    if member.issym():
        _require_inside(target.parent / member.linkname, root, shown)
    elif member.islnk():
        linked = _place(member.linkname, packing)
        _require_inside(root / (linked or ".."), root, shown)
    elif not (member.isfile() or member.isdir()):
        raise _unsafe(member.name, shown)


def _delete(marker: Path, root: Path) -> None:
    if marker.name != _EMPTIED:
        deleted = marker.name.removeprefix(_DELETED)
        if deleted not in {"", ".", ".."}:
            _clear(marker.with_name(deleted))
    elif marker.parent != root:
        _clear(marker.parent)
    else:
        for entry in root.iterdir():
            _clear(entry)


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _require_inside(path: Path, root: Path, shown: str) -> None:
    if not path.resolve().is_relative_to(root.resolve()):
        raise _unsafe(path.name, shown)


def _unsafe(name: str, shown: str) -> FetchError:
    return FetchError(
        Reason.MODEL_INVALID,
        f"{shown} holds {name!r}, which leads out of the model's folder or is no plain file: build it without that",
    )
