"""Archives are unpacked where they should be, and nowhere else."""

import errno
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.archive import unpack
from nereid.models.sources.repository import require_model

MODEL = "digits/1/model.onnx"
Mode = Literal["w", "w:gz", "w:bz2", "w:xz"]


def tar_of(path: Path, mode: Mode, *members: str | tarfile.TarInfo) -> Path:
    with tarfile.open(path, mode) as tar:
        for member in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = 4 if info.isreg() else 0
            tar.addfile(info, io.BytesIO(b"onnx"))
    return path


def zip_of(path: Path, *members: str | zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in members:
            packed.writestr(member, b"" if str(member).endswith("/") else b"onnx")
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("top", ["", "./", "repository/", "./repository/"])
def test_a_tar_is_unpacked_and_its_top_directory_stripped(tmp_path: Path, mode: Mode, top: str) -> None:
    archive = tar_of(tmp_path / "a", mode, f"{top}{MODEL}")
    (model,) = require_model(unpack(archive, tmp_path / "out", "it"), "digits", "it")
    assert (model / "1" / "model.onnx").read_bytes() == b"onnx"


@pytest.mark.parametrize("members", [(MODEL,), ("r/", "r/digits/", f"r/{MODEL}", "__MACOSX/r/._digits")])
def test_a_zip_is_unpacked_and_its_top_directory_stripped(tmp_path: Path, members: tuple[str, ...]) -> None:
    archive = zip_of(tmp_path / "a", *members)
    (model,) = require_model(unpack(archive, tmp_path / "out", "it"), "digits", "it")
    assert (model / "1" / "model.onnx").read_bytes() == b"onnx"


def test_a_program_in_a_zip_stays_one(tmp_path: Path) -> None:
    stub = zipfile.ZipInfo("digits/triton_python_backend_stub")
    stub.external_attr = (stat.S_IFREG | 0o755) << 16
    repository = unpack(zip_of(tmp_path / "a", stub, MODEL), tmp_path / "out", "it")
    assert (repository / "digits" / "triton_python_backend_stub").stat().st_mode & stat.S_IXUSR


def test_an_archive_of_one_model_is_not_stripped(tmp_path: Path) -> None:
    repository = unpack(tar_of(tmp_path / "a", "w", "digits/config.pbtxt"), tmp_path / "out", "it")
    assert repository == tmp_path / "out"


def test_links_inside_are_kept(tmp_path: Path) -> None:
    link = special("digits/2", tarfile.SYMTYPE, "1")
    repository = unpack(tar_of(tmp_path / "a", "w", MODEL, link), tmp_path / "out", "it")
    assert (repository / "digits" / "2" / "model.onnx").read_bytes() == b"onnx"


@pytest.mark.parametrize(
    "member",
    [
        "../escaped",
        "digits/../../escaped",
        special("digits/link", tarfile.SYMTYPE, "../../escaped"),
        special("digits/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("digits/link", tarfile.LNKTYPE, "../escaped"),
        special("digits/device", tarfile.CHRTYPE),
        special("digits/fifo", tarfile.FIFOTYPE),
    ],
)
def test_a_tar_cannot_reach_out(tmp_path: Path, member: str | tarfile.TarInfo) -> None:
    archive = tar_of(tmp_path / "a", "w:gz", MODEL, member)
    with pytest.raises(FetchError, match="points outside the archive or is not a regular file") as caught:
        unpack(archive, tmp_path / "out", "https://host/a.tar.gz")
    assert caught.value.reason is Reason.MODEL_INVALID
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "out"]


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "member", ["../escaped", "/escaped", "digits/../../escaped", "..\\escaped", linked("digits/2")]
)
def test_a_zip_cannot_reach_out(tmp_path: Path, member: str | zipfile.ZipInfo) -> None:
    with pytest.raises(FetchError, match="points outside the archive or is not a regular file"):
        unpack(zip_of(tmp_path / "a", MODEL, member), tmp_path / "out", "it")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "out"]


def cut(archive: Path) -> Path:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    return archive


def encrypted(archive: Path) -> Path:
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    return archive


def page(archive: Path) -> Path:
    archive.write_text("<html>")
    return archive


@pytest.mark.parametrize(
    "make",
    [
        lambda path: cut(tar_of(path, "w:gz", MODEL)),
        lambda path: cut(tar_of(path, "w:xz", MODEL)),
        lambda path: cut(zip_of(path, MODEL)),
        lambda path: encrypted(zip_of(path, MODEL)),
        page,
    ],
    ids=["cut gzip", "cut xz", "cut zip", "encrypted zip", "no archive"],
)
def test_a_damaged_archive_is_invalid(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(FetchError, match=r"is not a valid .tar.gz") as caught:
        unpack(make(tmp_path / "a"), tmp_path / "out", "it")
    assert caught.value.reason is Reason.MODEL_INVALID


def test_a_damaged_checksum_is_told_of_the_archive_and_not_of_the_disk(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "a", "w:gz", MODEL)
    content = bytearray(archive.read_bytes())
    content[-8] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(FetchError, match=r"is not a valid .tar.gz"):
        unpack(archive, tmp_path / "out", "it")


def test_a_full_disk_is_not_the_archives_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extract", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(tar_of(tmp_path / "a", "w", MODEL), tmp_path / "out", "it")


def test_a_hard_link_to_nothing_is_invalid(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "a", "w", MODEL, special("digits/1/same", tarfile.LNKTYPE, "digits/1/none"))
    with pytest.raises(FetchError, match=r"is not a valid .tar.gz"):
        unpack(archive, tmp_path / "out", "it")


def test_links_cannot_lead_out_together(tmp_path: Path) -> None:
    members = (
        special("digits", tarfile.DIRTYPE),
        special("a", tarfile.SYMTYPE, "digits/b/../../x"),
        special("digits/b", tarfile.SYMTYPE, ".."),
    )
    with pytest.raises(FetchError, match="points outside the archive"):
        unpack(tar_of(tmp_path / "a", "w", *members), tmp_path / "out", "it")
