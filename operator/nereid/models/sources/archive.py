"""Unpacks a model that is one archive, and lets the archive write nowhere else, and no more than a model has."""

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.bounds import Bound, Tally
from nereid.models.sources.repository import content, is_model

_CHUNK_BYTES = 1 << 20
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError),
    # A compression of zip that Python does not support; a hard link to a file that the archive does not hold.
    *(NotImplementedError, KeyError),
    # Errors of gzip and bzip2 in the content, but also those of the disk.
    OSError,
)


class _UnsafeMemberError(Exception):
    """An entry would write outside the folder, or is neither a file, a directory nor a link."""


def unpack(archive: Path, into: Path, shown: str, bound: Bound | None = None) -> Path:
    """Unpack a tar (gzip, bzip2, xz or plain) or zip archive and return the directory that should hold the models.

    That is the single top directory, if there is one and it is not a model itself. Raise FetchError for a file that is
    not an archive, is damaged, holds an entry that points outside `into`, or holds more than the bound.
    """
    tally = Tally(bound or Bound(shown))
    into.mkdir()
    try:
        if _is_zip(archive):
            _unpack_zip(archive, into, tally)
        else:
            _unpack_tar(archive, into, tally)
    except _UnsafeMemberError as error:
        raise _unsafe(shown, str(error)) from error
    except DAMAGED as error:
        if is_of_disk(error):
            raise
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} is not a valid .tar.gz, .tgz, .tar or .zip archive ({error}): pack it again",
        ) from error
    return _step_into(into)


def is_of_disk(error: Exception) -> bool:
    """Whether an error among DAMAGED is one of the disk, and not of the archive's content."""
    return isinstance(error, OSError) and error.errno is not None


def links_out(root: Path) -> Iterator[Path]:
    """Yield each link that points outside a folder, or to itself."""
    for name, folders, files in os.walk(root):
        for path in (Path(name, entry) for entry in (*folders, *files)):
            if path.is_symlink() and leads_out(path, root):
                yield path


def leads_out(path: Path, root: Path) -> bool:
    """Whether a path points outside the folder, or has a link to itself."""
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except RuntimeError:
        # Python before 3.13 raises it for links in a circle.
        return True


def _is_zip(archive: Path) -> bool:
    with archive.open("rb") as file:
        return file.read(len(ZIP_MAGICS[0])) in ZIP_MAGICS


def members_of(tar: tarfile.TarFile, packed: int, bound: Bound) -> Iterator[tarfile.TarInfo]:
    """Yield the entries of a tar, in constant memory; raise FetchError where they unpack to more than archives do.

    `packed` is the size of the file. What is skipped counts too, as it has to be decompressed.
    """
    # Checked by Nereid, as Python's own filter is missing before 3.11.4, which Debian 12 does not have.
    tar.extraction_filter = staticmethod(lambda member, _: member)
    for member in tar:
        if member.size < 0:
            raise tarfile.ReadError("an entry has a negative size")
        bound.require_ratio(member.offset_data + member.size, packed)
        yield member
        # tarfile would otherwise keep all entries of an archive in memory.
        tar.members = []  # type: ignore[attr-defined]


def _unpack_tar(archive: Path, into: Path, tally: Tally) -> None:
    packed = archive.stat().st_size
    with tarfile.open(archive) as tar:
        for member in members_of(tar, packed, tally.bound):
            _require_safe(member, into)
            count_member(member, into / member.name, tally)
            member.mode = 0o755 if member.isdir() or member.mode & stat.S_IXUSR else 0o644
            tar.extract(member, into)
        # The checksum is after the compressed content, and is only verified when the end is read.
        while tar.fileobj and tar.fileobj.read(_CHUNK_BYTES):
            tally.bound.require_ratio(tar.fileobj.tell(), packed)
    for link in links_out(into):
        raise _UnsafeMemberError(link.name)


def count_member(member: tarfile.TarInfo, target: Path, tally: Tally) -> None:
    """Count an entry of a tar that is about to be extracted, and make the folder that it goes into."""
    tally.make_folder(target.parent)
    tally.entries()
    # A sparse file counts in full: whoever reads it finds as many bytes.
    tally.bytes(member.size if member.isreg() else 0)


def _require_safe(member: tarfile.TarInfo, into: Path) -> None:
    """Raise an error for an entry that would write or point outside; links that were unpacked before are followed."""
    target = into / member.name
    if member.issym():
        reached = [target, target.parent / member.linkname]
    elif member.islnk():
        reached = [target, into / member.linkname]
    elif member.isfile() or member.isdir():
        reached = [target]
    else:
        raise _UnsafeMemberError(member.name)
    if any(leads_out(path, into) for path in reached):
        raise _UnsafeMemberError(member.name)


def _unpack_zip(archive: Path, into: Path, tally: Tally) -> None:
    size, unpacked = archive.stat().st_size, 0
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            unpacked += member.file_size
            tally.bound.require_ratio(unpacked, size)
            _unpack_member(packed, member, into, tally)


def _unpack_member(packed: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path, tally: Tally) -> None:
    mode = member.external_attr >> 16
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or stat.S_ISLNK(mode):
        raise _UnsafeMemberError(member.filename)
    if member.flag_bits & 0x1:
        raise zipfile.BadZipFile("it is encrypted")
    target = into / path
    if member.is_dir():
        tally.make_folder(target)
        return
    tally.make_folder(target.parent)
    tally.entries()
    # The size that the entry declares: no more of it is read.
    tally.bytes(member.file_size)
    with packed.open(member) as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer)
    if mode & stat.S_IXUSR:
        # A model may contain its own program, such as a stub of Triton's Python backend.
        target.chmod(0o755)


def _unsafe(shown: str, member: str) -> FetchError:
    return FetchError(
        Reason.MODEL_INVALID,
        f"{shown} holds {member!r}, which points outside the archive or is not a regular file: remove it",
    )


def _step_into(unpacked: Path) -> Path:
    entries = content(unpacked)
    if len(entries) == 1 and entries[0].is_dir() and not is_model(entries[0]):
        return entries[0]
    return unpacked
