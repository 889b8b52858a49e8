"""Unpacks downloaded layers into one folder.

A later layer replaces or deletes files of earlier ones, as in any image. Nothing is written, and no link points,
outside the folder.
"""

import shutil
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.archive import DAMAGED, count_member, is_of_disk, leads_out, links_out, members_of
from nereid.models.sources.bounds import Bound, Tally
from nereid.models.sources.oci.manifest import MODEL_FOLDER, Layer, Packing

_DELETED: Final = ".wh."
_EMPTIED: Final = ".wh..wh..opq"


def unpack_layers(
    layers: Iterable[Layer], downloaded: Path, into: Path, shown: str, bound: Bound | None = None
) -> None:
    """Fill `into` with the files of the layers, which are in `downloaded` by their paths, and are not changed.

    Raise FetchError if they are damaged, point outside, or hold more than the bound; what a later layer deletes counts.
    """
    into.mkdir(parents=True, exist_ok=True)
    tally = Tally(bound or Bound(shown))
    for layer in layers:
        blob = downloaded / layer.path
        if layer.packing is Packing.FILE:
            _put(blob, into / layer.path, into, tally)
            continue
        try:
            _Unpacking(layer.packing, into, shown, tally).run(blob)
        except DAMAGED as error:
            if is_of_disk(error):
                raise
            raise FetchError(
                Reason.MODEL_INVALID,
                f"the layer {layer.digest} of {shown} is not a valid tar or tar.gz ({error}): push it again",
            ) from error
    for link in links_out(into):
        raise _unsafe(link.name, shown)
    if not any(into.iterdir()):
        raise FetchError(
            Reason.MODEL_NOT_FOUND, f"{shown} holds no model: put the model's files below /{MODEL_FOLDER} in the image"
        )


def _put(blob: Path, target: Path, root: Path, tally: Tally) -> None:
    _require_inside(target, root, tally.bound.shown)
    _clear(target)
    tally.make_folder(target.parent)
    tally.entries()
    # A hard link to the download takes no further space on the disk.
    target.hardlink_to(blob)


@dataclass(frozen=True, slots=True)
class _Unpacking:
    """The unpacking of one layer into `root`; `placed` are its files so far, with the folders above them."""

    packing: Packing
    root: Path
    shown: str
    tally: Tally
    placed: set[Path] = field(default_factory=set)

    def run(self, blob: Path) -> None:
        with tarfile.open(blob) as tar:
            for member in members_of(tar, blob.stat().st_size, self.tally.bound):
                path = self._place(member.name)
                if path is not None:
                    self._unpack(tar, member, path)

    def _place(self, name: str) -> PurePosixPath | None:
        """Return the path of an entry in `root`; None if it does not belong to the model."""
        parts = tuple(part for part in PurePosixPath(name).parts if part not in ("/", "."))
        if self.packing is Packing.IMAGE:
            if parts[:1] != (MODEL_FOLDER,):
                return None
            parts = parts[1:]
        return PurePosixPath(*parts) if parts else None

    def _unpack(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath) -> None:
        if ".." in path.parts:
            raise _unsafe(member.name, self.shown)
        _require_inside((self.root / path).parent, self.root, self.shown)
        # Links are resolved, so that each file has one path.
        target = (self.root / path).parent.resolve() / path.name
        if self.packing is Packing.IMAGE and path.name.startswith(_DELETED):
            self._hide(target)
            return
        self._require_harmless(member, target)
        self._extract(tar, member, target)
        self.placed.update((target, *target.parents))

    def _extract(self, tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        if not (member.isdir() and _is_folder(target)):
            _clear(target)
        count_member(member, target, self.tally)
        if member.islnk():
            target.hardlink_to(self.root / (self._place(member.linkname) or ""))
            return
        member.name = target.relative_to(self.root.resolve()).as_posix()
        member.mode = 0o755 if member.isdir() or member.mode & stat.S_IXUSR else 0o644
        tar.extract(member, self.root, set_attrs=not member.issym())

    def _require_harmless(self, member: tarfile.TarInfo, target: Path) -> None:
        if member.issym():
            _require_inside(target.parent / member.linkname, self.root, self.shown)
        elif member.islnk():
            _require_inside(self.root / (self._place(member.linkname) or ".."), self.root, self.shown)
        elif not (member.isfile() or member.isdir()):
            raise _unsafe(member.name, self.shown)

    def _hide(self, marker: Path) -> None:
        """Delete what a whiteout marker names, among the files of earlier layers alone."""
        hidden = marker.name.removeprefix(_DELETED)
        if marker.name == _EMPTIED:
            self._clear_earlier_below(marker.parent)
        elif hidden not in {"", ".", ".."}:
            self._clear_earlier(marker.with_name(hidden))

    def _clear_earlier(self, target: Path) -> None:
        if target in self.placed:
            self._clear_earlier_below(target)
        else:
            _clear(target)

    def _clear_earlier_below(self, folder: Path) -> None:
        if _is_folder(folder):
            for entry in folder.iterdir():
                self._clear_earlier(entry)


def _clear(target: Path) -> None:
    if _is_folder(target):
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _require_inside(path: Path, root: Path, shown: str) -> None:
    if leads_out(path, root):
        raise _unsafe(path.name, shown)


def _unsafe(name: str, shown: str) -> FetchError:
    return FetchError(
        Reason.MODEL_INVALID,
        f"{shown} holds {name!r}, which points outside the model's folder or is not a regular file: remove it",
    )
