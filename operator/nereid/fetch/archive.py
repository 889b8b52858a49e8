"""Unpacking of a repository that came as one file, without letting the archive write anywhere else."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from nereid.fetch.errors import FetchError, Reason
from nereid.fetch.repository import content, is_model

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
DAMAGED = (tarfile.ReadError, tarfile.CompressionError, tarfile.HeaderError, zipfile.BadZipFile, zlib.error, LZMAError)


class _UnsafeMemberError(Exception):
    """An entry that would write elsewhere, or is neither a file, a directory nor a link."""


def unpack(archive: Path, into: Path, shown: str) -> Path:
    """Unpack a tar (gzip, bzip2, xz or plain) or zip archive and return the directory that should hold the models.

    One top directory that holds everything is stepped into, unless it is itself a model. Raise FetchError for a file
    that is no archive, is damaged, or holds an entry that would lead out of `into`.
    """
    into.mkdir()
    try:
        if _is_zip(archive):
            _unpack_zip(archive, into)
        else:
            _unpack_tar(archive, into)
    except _UnsafeMemberError as error:
        raise _unsafe(shown, str(error)) from error
    except (*DAMAGED, EOFError) as error:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} is not a sound .tar.gz, .tgz, .tar or .zip archive ({error}): pack the Triton repository again",
        ) from error
    return _step_into(into)


def _is_zip(archive: Path) -> bool:
    with archive.open("rb") as file:
        return file.read(len(ZIP_MAGICS[0])) in ZIP_MAGICS


def _unpack_tar(archive: Path, into: Path) -> None:
    with tarfile.open(archive) as tar:
        # Checked here, as Python's own filter is missing before 3.11.4, which Debian 12 does not have.
        tar.extraction_filter = staticmethod(lambda member, _: member)
        for member in tar:
            _require_safe(member, into)
            member.mode = 0o755 if member.isdir() or member.mode & stat.S_IXUSR else 0o644
            tar.extract(member, into)


def _require_safe(member: tarfile.TarInfo, into: Path) -> None:
    """Refuse what would be written, or point, outside; links that were unpacked before are followed."""
    root, target = into.resolve(), into / member.name
    if member.issym():
        reached = [target, target.parent / member.linkname]
    elif member.islnk():
        reached = [target, into / member.linkname]
    elif member.isfile() or member.isdir():
        reached = [target]
    else:
        raise _UnsafeMemberError(member.name)
    if not all(path.resolve().is_relative_to(root) for path in reached):
        raise _UnsafeMemberError(member.name)


def _unpack_zip(archive: Path, into: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            _unpack_member(packed, member, into)


def _unpack_member(packed: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    mode = member.external_attr >> 16
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or stat.S_ISLNK(mode):
        raise _UnsafeMemberError(member.filename)
    if member.flag_bits & 0x1:
        raise zipfile.BadZipFile("it is encrypted")
    target = into / path
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(member) as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer)
    if mode & stat.S_IXUSR:
        # A model may bring its own program, such as a stub of Triton's Python backend.
        target.chmod(0o755)


def _unsafe(shown: str, member: str) -> FetchError:
    return FetchError(
        Reason.MODEL_INVALID,
        f"{shown} holds {member!r}, which leads out of the archive or is no plain file: pack the repository without it",
    )


def _step_into(unpacked: Path) -> Path:
    entries = content(unpacked)
    if len(entries) == 1 and entries[0].is_dir() and not is_model(entries[0]):
        return entries[0]
    return unpacked
