"""Trees of files: what is selected, resumed, verified and never half there."""

import hashlib
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from tests.support.fetch.folder_source import FolderSource, PackedSource

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_job import FetchWork
from nereid.contract.source import S3Source
from nereid.models.fetch.arrival import Arrival
from nereid.models.fetch.over_network import fetch_over_network
from nereid.models.fetch.staging import Staging
from nereid.models.sources.attempts import Limits
from nereid.models.sources.digest import folder_hashes, tree_digest
from nereid.models.sources.failures import ChangedError, InterruptionError, failed
from nereid.models.sources.remote import RemoteFile

SOURCE = S3Source("models", "digits")
QUICK = Limits(total=20, attempts=3, first_pause=0.001, longest_pause=0.002)

Fetch = Callable[..., Arrival]


@pytest.fixture
def bucket(tmp_path: Path) -> FolderSource:
    folder = tmp_path / "bucket"
    for name, content in {"a/1.bin": b"one" * 1000, "a/b/2.bin": b"two" * 1000, "README": b"", "z": b"z"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return FolderSource(folder)


@pytest.fixture
def request_(request_for: Callable[..., FetchWork]) -> FetchWork:
    return request_for("s3://models/digits")


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, bucket: FolderSource, request_: FetchWork) -> Fetch:
    """Fetch what the bucket holds; keywords change the request."""

    def run(remote: FolderSource | None = None, limits: Limits = QUICK, **changes: Any) -> Arrival:
        monkeypatch.setattr("nereid.models.fetch.over_network.open_source", lambda *_: remote or bucket)
        staging = Staging(request_.destination)
        staging.open()
        return fetch_over_network(SOURCE, replace(request_, **changes), staging, limits)

    return run


def names(arrival: Arrival) -> list[str]:
    return sorted(str(path) for path in arrival.files)


def test_a_tree_arrives_whole(fetched: Fetch, bucket: FolderSource) -> None:
    arrival = fetched()
    assert names(arrival) == ["README", "a/1.bin", "a/b/2.bin", "z"]
    assert not arrival.is_file
    assert subprocess.run(["diff", "-r", arrival.artifact, bucket.folder], check=False).returncode == 0


def test_the_digest_of_a_tree_is_what_a_user_computes(fetched: Fetch, bucket: FolderSource) -> None:
    (bucket.folder / "é").write_text("not ASCII")
    (bucket.folder / "a" / ".hidden").write_text("hidden")
    (bucket.folder / "a.b").write_text("sorts before a/")
    (bucket.folder / "a" / "b" / "read me.txt").write_text("a blank")
    command = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    printed = subprocess.run(command, shell=True, cwd=bucket.folder, check=True, capture_output=True, text=True).stdout
    digest = f"sha256:{printed.split()[0]}"
    arrival = fetched(digest=digest)
    assert arrival.facts.digest == tree_digest(folder_hashes(bucket.folder)) == digest
    assert (arrival.facts.files, arrival.facts.cached) == (8, False)


def test_a_wrong_digest_of_a_tree_is_told(fetched: Fetch, request_: FetchWork) -> None:
    with pytest.raises(FetchError, match="s3://models/digits has the digest sha256:") as caught:
        fetched(digest=f"sha256:{'0' * 64}")
    assert caught.value.reason is Reason.MODEL_DIGEST_MISMATCH
    assert not Staging(request_.destination).arrived.exists()


@pytest.mark.parametrize(
    ("path", "expected", "is_file"),
    [
        ("a", ["1.bin", "b/2.bin"], False),
        ("a/b", ["2.bin"], False),
        ("a/b/2.bin", ["2.bin"], True),
        (".", ["README", "a/1.bin", "a/b/2.bin", "z"], False),
    ],
)
def test_only_what_the_path_selects_is_downloaded(
    fetched: Fetch,
    bucket: FolderSource,
    path: str,
    expected: list[str],
    is_file: bool,  # noqa: FBT001
) -> None:
    arrival = fetched(path=PurePosixPath(path))
    assert (names(arrival), arrival.is_file) == (expected, is_file)
    assert len(bucket.reads) <= len(expected)


def test_the_only_file_of_a_source_is_a_file(fetched: Fetch, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "m.onnx").write_bytes(b"onnx")
    arrival = fetched(FolderSource(tmp_path / "one"))
    assert arrival.artifact.name == "m.onnx"
    assert arrival.facts.digest == f"sha256:{hashlib.sha256(b'onnx').hexdigest()}"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("x", "s3://models/digits holds no x; it holds README, a, z: correct spec.model.path"),
        ("a/x/y", "holds no a/x/y; its folder a holds 1.bin, b: correct"),
        ("z/1", "holds no z/1; it holds README, a, z: correct"),
    ],
)
def test_a_missing_path_is_told_with_what_is_there(fetched: Fetch, path: str, sentence: str) -> None:
    with pytest.raises(FetchError) as caught:
        fetched(path=PurePosixPath(path))
    assert caught.value.reason is Reason.MODEL_NOT_FOUND
    assert sentence in caught.value.sentence


def test_an_empty_source_is_not_found(fetched: Fetch, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="holds no file"):
        fetched(FolderSource(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (["../x", "y"], "which is not a valid path"),
        (["/x", "y"], "which is not a valid path"),
        (["a", "a/b"], "both as a file and as a folder"),
    ],
)
def test_names_that_cannot_be_files_are_refused(
    fetched: Fetch, bucket: FolderSource, monkeypatch: pytest.MonkeyPatch, paths: list[str], sentence: str
) -> None:
    listed = [RemoteFile(PurePosixPath(path), 1, "v") for path in paths]
    monkeypatch.setattr(bucket, "files", lambda: listed)
    with pytest.raises(FetchError, match=sentence) as caught:
        fetched()
    assert caught.value.reason is Reason.MODEL_INVALID


def test_interruptions_continue_at_the_missing_byte(fetched: Fetch, bucket: FolderSource) -> None:
    bucket.cuts = [0, 1000, 500]
    assert subprocess.run(["diff", "-r", fetched().artifact, bucket.folder], check=False).returncode == 0
    assert bucket.reads[:4] == [("a/1.bin", 0), ("a/1.bin", 0), ("a/1.bin", 1000), ("a/1.bin", 1500)]


def test_where_a_file_breaks_off_each_time_is_told(fetched: Fetch, bucket: FolderSource) -> None:
    bucket.cuts = [2000, 0, 0, 0]
    with pytest.raises(FetchError, match=r"a/1\.bin of s3://models/digits breaks off after 2000 of 3000 bytes: it"):
        fetched()


def test_each_file_has_all_attempts(fetched: Fetch, bucket: FolderSource, monkeypatch: pytest.MonkeyPatch) -> None:
    read, tried = bucket.read, Counter[PurePosixPath]()

    def busy(file: RemoteFile, offset: int) -> Iterator[bytes]:
        tried[file.path] += 1
        if tried[file.path] < QUICK.attempts:
            raise InterruptionError(failed("it is overloaded"))
        return read(file, offset)

    monkeypatch.setattr(bucket, "read", busy)
    assert len(fetched().files) == 4


def test_the_next_run_downloads_only_what_is_missing(fetched: Fetch, bucket: FolderSource) -> None:
    bucket.cuts = [3000, 0, 0, 0]
    with pytest.raises(FetchError, match="it broke off"):
        fetched()
    bucket.reads.clear()
    fetched()
    assert bucket.reads == [("a/b/2.bin", 0), ("z", 0)]


def test_without_a_version_nothing_is_continued(fetched: Fetch, bucket: FolderSource) -> None:
    bucket.version, bucket.cuts = "", [1000]
    fetched()
    assert bucket.reads[:2] == [("a/1.bin", 0), ("a/1.bin", 0)]


def test_what_changed_between_two_runs_is_downloaded_again(fetched: Fetch, bucket: FolderSource) -> None:
    bucket.cuts = [1000, 0, 0, 0]
    with pytest.raises(FetchError):
        fetched()
    (bucket.folder / "a" / "1.bin").write_bytes(b"ONE" * 1000)
    (bucket.folder / "z").unlink()
    arrival = fetched()
    assert subprocess.run(["diff", "-r", arrival.artifact, bucket.folder], check=False).returncode == 0


def test_what_changes_during_the_download_is_listed_again(
    fetched: Fetch, bucket: FolderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, changes = bucket.read, [b"new" * 1000]

    def changing(file: RemoteFile, offset: int) -> Iterator[bytes]:
        if file.path.name == "2.bin" and changes:
            (bucket.folder / file.path).write_bytes(changes.pop())
            raise ChangedError(failed("it changed"))
        return read(file, offset)

    monkeypatch.setattr(bucket, "read", changing)
    arrival = fetched()
    assert (arrival.content / "a/b/2.bin").read_bytes() == b"new" * 1000


def test_a_file_that_never_stops_changing_is_given_up(
    fetched: Fetch, bucket: FolderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always(*_: object) -> Iterator[bytes]:
        yield b"x"
        raise ChangedError(failed("it changes again and again"))

    monkeypatch.setattr(bucket, "read", always)
    with pytest.raises(FetchError, match="again and again"):
        fetched()


@pytest.mark.parametrize(
    ("brought", "sentence"), [(b"o", "as it was cut off"), (b"one" * 2000, "do not change published files")]
)
def test_a_file_of_another_size_is_never_taken(
    fetched: Fetch, bucket: FolderSource, monkeypatch: pytest.MonkeyPatch, brought: bytes, sentence: str
) -> None:
    monkeypatch.setattr(bucket, "read", lambda _, offset: iter([brought] if not offset else []))
    with pytest.raises(FetchError) as caught:
        fetched()
    expected = f"a/1.bin of s3://models/digits should have 3000 bytes, but {len(brought)} were received"
    assert expected in caught.value.sentence
    assert sentence in caught.value.sentence


def test_a_file_that_comes_damaged_is_never_taken(
    fetched: Fetch, bucket: FolderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = bucket.files

    def knowing() -> Sequence[RemoteFile]:
        return [replace(file, sha256="0" * 64) for file in files()]

    monkeypatch.setattr(bucket, "files", knowing)
    with pytest.raises(FetchError, match="README of s3://models/digits is damaged: its SHA-256 is e3b0c442"):
        fetched()


def test_the_time_for_the_whole_is_limited(fetched: Fetch) -> None:
    with pytest.raises(FetchError, match="was not complete after 0 s, 3000 bytes were received"):
        fetched(limits=replace(QUICK, total=0))


def test_packages_are_unpacked_and_the_path_selects_within(fetched: Fetch, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    (layers / "m.onnx").write_bytes(b"onnx")
    (layers / "other").write_bytes(b"other")
    arrival = fetched(PackedSource(layers), path=PurePosixPath("models/m.onnx"))
    assert arrival.artifact.read_bytes() == b"onnx"
    assert arrival.facts.digest == f"sha256:{hashlib.sha256(b'onnx').hexdigest()}"


def test_a_missing_path_in_packages_is_told(fetched: Fetch, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    (layers / "m.onnx").write_bytes(b"onnx")
    with pytest.raises(FetchError, match=r"holds no n.onnx; it holds models: correct spec.model.path"):
        fetched(PackedSource(layers), path=PurePosixPath("n.onnx"))


def test_what_was_half_moved_into_place_is_fetched_again(fetched: Fetch) -> None:
    (fetched().content / "z").unlink()
    assert names(fetched()) == ["README", "a/1.bin", "a/b/2.bin", "z"]


def test_the_only_file_of_a_source_may_be_named_by_the_digest_of_its_folder(fetched: Fetch, tmp_path: Path) -> None:
    (tmp_path / "single").mkdir()
    (tmp_path / "single" / "m.onnx").write_bytes(b"model")
    digest = tree_digest(folder_hashes(tmp_path / "single"))
    assert fetched(FolderSource(tmp_path / "single"), digest=digest).is_file


class LinkedSource(PackedSource):
    """Packages with links in them, as the hub's own cache has them."""

    def unpack(self, downloaded: Path, into: Path) -> None:
        super().unpack(downloaded, into)
        (into / "snapshot" / "lib").mkdir(parents=True)
        (into / "snapshot" / "m.onnx").symlink_to("../models/x")
        (into / "snapshot" / "lib" / "all").symlink_to("../../models")
        (into / "latest").symlink_to("snapshot")


def test_the_path_within_packages_may_be_a_link_and_hold_links(fetched: Fetch, tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "x").write_bytes(b"x")
    arrival = fetched(LinkedSource(tmp_path / "packages"), path=PurePosixPath("latest"))
    assert names(arrival) == ["lib/all/x", "m.onnx"]
    assert (arrival.content / "m.onnx").read_bytes() == b"x"
    assert not (arrival.content / "m.onnx").is_symlink()


GRAPHS = ("model.onnx", "model.onnx_data", "model_fp16.onnx", "model_fp16.onnx_data")


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A repository of the hub: graphs of several precisions, each with its weights beside it."""
    for name in GRAPHS:
        (tmp_path / "hub" / "onnx").mkdir(parents=True, exist_ok=True)
        (tmp_path / "hub" / "onnx" / name).write_text(name)
    return tmp_path / "hub"


def test_the_path_of_a_graph_means_its_weights_too(fetched: Fetch, hub: Path) -> None:
    command = "sha256sum ./model.onnx ./model.onnx_data | sha256sum"
    printed = subprocess.run(command, shell=True, cwd=hub / "onnx", check=True, capture_output=True, text=True).stdout
    digest = f"sha256:{printed.split()[0]}"
    arrival = fetched(FolderSource(hub), path=PurePosixPath("onnx/model.onnx"), format=Format.ONNX, digest=digest)
    assert names(arrival) == ["model.onnx", "model.onnx_data"]
    assert not arrival.is_file
    assert arrival.facts.digest == digest


def test_the_path_of_another_format_means_one_file(fetched: Fetch, hub: Path) -> None:
    arrival = fetched(FolderSource(hub), path=PurePosixPath("onnx/model.onnx"), format=Format.PYTHON)
    assert names(arrival) == ["model.onnx"]
    assert arrival.is_file


def test_the_weights_of_a_graph_come_out_of_packages(fetched: Fetch, hub: Path) -> None:
    arrival = fetched(PackedSource(hub / "onnx"), path=PurePosixPath("models/model.onnx"), format=Format.ONNX)
    assert sorted(path.name for path in arrival.artifact.iterdir()) == ["model.onnx", "model.onnx_data"]
    assert (arrival.artifact / "model.onnx_data").read_text() == "model.onnx_data"


class CircularSource(PackedSource):
    """Packages with a link out of a folder, to where another leads back."""

    def unpack(self, downloaded: Path, into: Path) -> None:
        super().unpack(downloaded, into)
        (into / "snapshot").mkdir()
        (into / "snapshot" / "all").symlink_to("../models")
        (into / "models" / "again").symlink_to("../models")


class ReturningSource(PackedSource):
    """Packages with a link to a folder above it."""

    def unpack(self, downloaded: Path, into: Path) -> None:
        super().unpack(downloaded, into)
        (into / "snapshot").mkdir()
        (into / "snapshot" / "m.onnx").write_bytes(b"onnx")
        (into / "snapshot" / "up").symlink_to("..")


@pytest.mark.parametrize(("kind", "link"), [(CircularSource, "again"), (ReturningSource, "up")])
def test_links_in_circles_within_packages_are_told(
    fetched: Fetch, hub: Path, kind: type[PackedSource], link: str
) -> None:
    with pytest.raises(FetchError, match=f"holds a link, {link}, that leads back to itself") as caught:
        fetched(kind(hub / "onnx"), path=PurePosixPath("snapshot"))
    assert caught.value.reason is Reason.MODEL_INVALID


class MultiplyingSource(PackedSource):
    """Packages with folders of two links each to the next one."""

    def unpack(self, downloaded: Path, into: Path) -> None:
        super().unpack(downloaded, into)
        for number in range(16):
            (into / f"d{number}").mkdir()
            for name in "ab":
                (into / f"d{number}" / name).symlink_to(f"../d{number + 1}")
        (into / "d16").mkdir()


def test_links_within_packages_that_multiply_files_are_told(
    fetched: Fetch, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nereid.models.sources.digest.MOST_LINKED", 1000)
    with pytest.raises(FetchError, match="lead to more than 1000 files and folders") as caught:
        fetched(MultiplyingSource(hub / "onnx"), path=PurePosixPath("d0"))
    assert caught.value.reason is Reason.MODEL_INVALID


class HubCacheSource(PackedSource):
    """Packages as the hub's own cache: a snapshot's folders of links to blobs, and a link to nothing."""

    def unpack(self, downloaded: Path, into: Path) -> None:
        super().unpack(downloaded, into)
        for folder in ("shared", "snapshot"):
            (into / folder).mkdir()
        (into / "shared" / "m.onnx").symlink_to("../models/model.onnx")
        (into / "shared" / "gone").symlink_to("../models/gone")
        (into / "snapshot" / "lib").symlink_to("../shared")


def test_links_in_what_a_link_leads_to_are_followed(fetched: Fetch, hub: Path) -> None:
    arrival = fetched(HubCacheSource(hub / "onnx"), path=PurePosixPath("snapshot"))
    assert names(arrival) == ["lib/m.onnx"]
    assert not (arrival.content / "lib" / "m.onnx").is_symlink()
    assert (arrival.content / "lib" / "m.onnx").read_text() == "model.onnx"


class SilentSource(FolderSource):
    """A server that does not answer, while time goes by."""

    def files(self) -> Sequence[RemoteFile]:
        self.reads.append(("list", 0))
        raise InterruptionError(failed("it does not answer"))


def test_a_silent_server_is_told_within_a_minute(
    fetched: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, now = SilentSource(tmp_path), iter(range(0, 1000, 15))
    monkeypatch.setattr("nereid.models.sources.attempts.time.monotonic", lambda: next(now))
    with pytest.raises(FetchError, match="it does not answer"):
        fetched(silent, limits=replace(QUICK, total=900, attempts=99))
    assert len(silent.reads) < 4
