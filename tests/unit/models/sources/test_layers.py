"""Layers of an image laid over each other: what a later one hides, replaces and may not do."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import pytest

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.oci.layers import unpack_layers
from nereid.models.sources.oci.manifest import Layer, Packing

FOLDER = None
Content = Mapping[str, bytes | str | None]
Unpacked = Callable[..., Path]


def packed(content: Content) -> bytes:
    """Pack entries in their order: bytes are a file, text is where a link leads, and FOLDER is one."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w") as tar:
        for name, held in content.items():
            entry = tarfile.TarInfo(f"models/{name}")
            if isinstance(held, bytes):
                entry.size = len(held)
            else:
                entry.type, entry.linkname = (tarfile.DIRTYPE, "") if held is FOLDER else (tarfile.SYMTYPE, held)
            tar.addfile(entry, io.BytesIO(held) if isinstance(held, bytes) else None)
    return blob.getvalue()


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpacked:
    """Unpack layers and return the folder that they make."""

    def run(*contents: Content) -> Path:
        layers = []
        for number, content in enumerate(contents):
            blob = packed(content)
            (tmp_path / str(number)).write_bytes(blob)
            layers.append(Layer("0" * 64, len(blob), PurePosixPath(str(number)), Packing.IMAGE))
        unpack_layers(layers, tmp_path, tmp_path / "into", "oci://r/m")
        return tmp_path / "into"

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_emptied_of_what_earlier_layers_brought_alone(unpacked: Unpacked) -> None:
    first = {"m/old": b"", "m/sub/old": b"", "other": b""}
    second = {"m/.config": b"new", "m/sub/new": b"", "m/.wh..wh..opq": b"", "m/last": b""}
    assert sorted(files(unpacked(first, second))) == ["m/.config", "m/last", "m/sub/new", "other"]


def test_a_deletion_spares_what_its_own_layer_has_put_there(unpacked: Unpacked) -> None:
    first = {"m/old": b"", "a": b"old"}
    second = {"m/new": b"", ".wh.m": b"", "a": b"new", ".wh.a": b""}
    assert files(unpacked(first, second)) == {"m/new": b"", "a": b"new"}


def test_a_deletion_by_way_of_a_link_spares_what_its_own_layer_has_put_there(unpacked: Unpacked) -> None:
    first = {"v1/old": b"", "current": "v1"}
    second = {"v1/new": b"", "current/.wh..wh..opq": b""}
    into = unpacked(first, second)
    assert [path.name for path in (into / "v1").iterdir()] == ["new"]


def test_a_folder_replaces_a_link(unpacked: Unpacked) -> None:
    first = {"v1": FOLDER, "v1/f": b"one", "current": "v1"}
    into = unpacked(first, {"current": FOLDER, "current/f": b"two"})
    assert not (into / "current").is_symlink()
    assert files(into) == {"v1/f": b"one", "current/f": b"two"}


def test_a_folder_that_is_there_keeps_its_files(unpacked: Unpacked) -> None:
    assert files(unpacked({"m/a": b""}, {"m": FOLDER, "m/b": b""})) == {"m/a": b"", "m/b": b""}


@pytest.mark.parametrize("content", [{"a": b"", "..": b"evil"}, {"a": b"", "sub/..": b""}, {"a": "a"}])
def test_what_leads_up_or_to_itself_is_refused(unpacked: Unpacked, tmp_path: Path, content: Content) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(FetchError, match="which points outside the model's folder") as caught:
        unpacked(content)
    assert caught.value.reason is Reason.MODEL_INVALID
    assert (tmp_path / "precious").exists()
