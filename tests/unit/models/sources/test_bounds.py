"""What a source has in it, or sends, never takes more of the pod's disk than a model may have."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from tests.support.fetch.folder_source import FolderSource

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.fetch.symlinks import move
from nereid.models.sources import bounds
from nereid.models.sources.archive import unpack
from nereid.models.sources.attempts import Attempts, Limits
from nereid.models.sources.bounds import Bound
from nereid.models.sources.oci.layers import unpack_layers
from nereid.models.sources.oci.manifest import Layer, Packing
from nereid.models.sources.remote import RemoteFile
from nereid.models.sources.selection import Selection
from nereid.models.sources.transfer import DownloadFolder, Transfer

MOST = 100_000
BOUND = Bound("https://host/a", most_bytes=MOST, most_entries=20)
Pack = Callable[[Path, dict[str, int]], Path]


def tar(path: Path, members: dict[str, int]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, size in members.items():
            info = tarfile.TarInfo(name)
            info.size = size
            packed.addfile(info, io.BytesIO(bytes(size)))
    return path


def zipped(path: Path, members: dict[str, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, size in members.items():
            packed.writestr(name, bytes(size))
    return path


def layer(path: Path, into: Path) -> None:
    layers = [Layer("0" * 64, path.stat().st_size, PurePosixPath(path.name), Packing.TREE)]
    unpack_layers(layers, path.parent, into, BOUND.shown, BOUND)


def written(folder: Path) -> tuple[int, int]:
    """Return the bytes below a folder, and the number of its files and folders."""
    found = list(folder.rglob("*"))
    return sum(path.stat().st_size for path in found if path.is_file()), len(found)


PACKED: tuple[tuple[Pack, Callable[[Path, Path], object]], ...] = (
    (tar, lambda path, into: unpack(path, into, BOUND.shown, BOUND)),
    (zipped, lambda path, into: unpack(path, into, BOUND.shown, BOUND)),
    (tar, layer),
)


@pytest.mark.parametrize(("pack", "unpacked"), PACKED, ids=["tar", "zip", "layer"])
class TestWhatIsPacked:
    @pytest.mark.parametrize("times", [1, 2])
    def test_too_many_bytes_are_refused_before_they_are_written(
        self, tmp_path: Path, pack: Pack, unpacked: Callable[[Path, Path], object], times: int
    ) -> None:
        """However many they are, and though each file is small enough."""
        archive = pack(tmp_path / "a", {f"m/{number}": MOST // 4 for number in range(8 * times)})
        with pytest.raises(
            FetchError, match=r"is larger than the limit of 100000: .* raise spec.model.maxSize"
        ) as told:
            unpacked(archive, tmp_path / "into")
        assert told.value.reason is Reason.MODEL_TOO_LARGE
        assert "models.maxSize" in told.value.sentence
        assert written(tmp_path / "into")[0] <= MOST

    @pytest.mark.parametrize(
        "names",
        [[f"m/{number}" for number in range(40)], ["/".join("abcdefghijklmnopqrstuvwxyz" * 2)]],
        ids=["files", "folders"],
    )
    def test_too_many_entries_are_refused_before_they_are_made(
        self, tmp_path: Path, pack: Pack, unpacked: Callable[[Path, Path], object], names: list[str]
    ) -> None:
        archive = pack(tmp_path / "a", dict.fromkeys(names, 0))
        with pytest.raises(FetchError, match="holds more than 20 files, folders and links: leave out") as told:
            unpacked(archive, tmp_path / "into")
        assert told.value.reason is Reason.MODEL_TOO_LARGE
        assert written(tmp_path / "into")[1] <= BOUND.most_entries

    def test_an_archive_that_unpacks_to_what_no_model_does_is_refused(
        self,
        tmp_path: Path,
        pack: Pack,
        unpacked: Callable[[Path, Path], object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(bounds, "ANY_RATIO_BYTES", 0)
        archive = pack(tmp_path / "a", {"m/1": MOST - 1})
        with pytest.raises(FetchError, match=r"unpacks to more than 100 times its [0-9]+ bytes, as no model does"):
            unpacked(archive, tmp_path / "into")
        assert written(tmp_path / "into")[0] == 0

    def test_what_is_within_the_bound_is_unpacked(
        self, tmp_path: Path, pack: Pack, unpacked: Callable[[Path, Path], object]
    ) -> None:
        unpacked(pack(tmp_path / "a", {"m/1": MOST}), tmp_path / "into")
        assert written(tmp_path / "into")[0] == MOST


def test_what_follows_the_end_of_an_archive_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "ANY_RATIO_BYTES", 20_000)
    whole = gzip.decompress(tar(tmp_path / "short", {"m/1": 1}).read_bytes())
    (tmp_path / "a").write_bytes(gzip.compress(whole + bytes(1 << 23)))
    with pytest.raises(FetchError, match="unpacks to more than 100 times"):
        unpack(tmp_path / "a", tmp_path / "into", "it", BOUND)


def test_links_to_each_other_do_not_multiply_files_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kept", "shared"):
        (tmp_path / "a" / name).mkdir(parents=True)
    for number in range(10):
        (tmp_path / "a" / "shared" / str(number)).touch()
        (tmp_path / "a" / "kept" / str(number)).symlink_to("../shared")
    monkeypatch.setattr("nereid.models.fetch.symlinks.Bound", lambda shown: Bound(shown, most_entries=50))
    with pytest.raises(FetchError, match="more than 50 files, folders and links"):
        move({tmp_path / "a" / "kept": tmp_path / "model"}, "it")
    assert sum(1 for path in (tmp_path / "a" / "kept").rglob("*") if path.is_file() and not path.is_symlink()) <= 50


class Sending(FolderSource):
    """A server that sends one file without an end, and counts what is read of it."""

    sent = 0

    def read(self, _file: RemoteFile, _offset: int) -> Iterator[bytes]:
        while True:
            self.sent += 1000
            yield bytes(1000)


def transfer(server: Sending, *files: RemoteFile, into: Path) -> object:
    selection = Selection(tuple((file.path, file) for file in files), is_file=len(files) == 1)
    quick = Limits(total=20, attempts=2, first_pause=0.001, longest_pause=0.002)
    return Transfer(BOUND.shown, server, Attempts(quick), BOUND).run(selection, DownloadFolder(into))


def test_a_server_that_sends_without_an_end_is_left(tmp_path: Path) -> None:
    server = Sending(tmp_path)
    with pytest.raises(FetchError, match="is larger than the limit of 100000") as told:
        transfer(server, RemoteFile(PurePosixPath("m"), None, ""), into=tmp_path / "d")
    assert told.value.reason is Reason.MODEL_TOO_LARGE
    assert server.sent <= MOST + 1000


def test_all_files_of_a_source_share_its_bound(tmp_path: Path) -> None:
    class Half(Sending):
        def read(self, _file: RemoteFile, _offset: int) -> Iterator[bytes]:
            yield bytes(MOST // 2)

    files = [RemoteFile(PurePosixPath(name), None, "") for name in "abc"]
    with pytest.raises(FetchError, match="is larger than the limit of 100000"):
        transfer(Half(tmp_path), *files, into=tmp_path / "d")
    assert written(tmp_path / "d" / "content")[0] <= MOST


def test_a_file_that_is_longer_than_it_was_listed_is_left_at_once(tmp_path: Path) -> None:
    server = Sending(tmp_path)
    with pytest.raises(Exception, match="should have 3000 bytes, but 4000 were received"):
        transfer(server, RemoteFile(PurePosixPath("m"), 3000, "1"), into=tmp_path / "d")
    assert server.sent == 4000


def test_a_size_that_is_told_is_refused_before_the_first_byte(tmp_path: Path) -> None:
    server = Sending(tmp_path)
    with pytest.raises(FetchError, match="has 100001 bytes, which is more than the limit of 100000"):
        transfer(server, RemoteFile(PurePosixPath("m"), MOST + 1, "1"), into=tmp_path / "d")
    assert server.sent == 0


def test_too_many_files_are_refused_before_the_first_byte(tmp_path: Path) -> None:
    server = Sending(tmp_path)
    with pytest.raises(FetchError, match="more than 20 files"):
        transfer(server, *(RemoteFile(PurePosixPath(f"a/{n}"), 1, "1") for n in range(20)), into=tmp_path / "d")
    assert server.sent == 0
