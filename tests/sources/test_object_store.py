"""What holds for every store of objects, seen on real servers; what no server can be made to do, on one in memory."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from tests.support.sources.clouds import Answering, Cloud, Line, only

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources import object_store
from nereid.models.sources.failures import ChangedError, InterruptionError
from nereid.models.sources.object_store import StoredFiles, StoredObject
from nereid.models.sources.remote import CHUNK_BYTES
from nereid.models.sources.selection import select
from nereid.models.sources.store_access import PIECE_BYTES

BIG = os.urandom(2 * PIECE_BYTES + 12345)


def test_a_folder_is_all_that_lies_below_its_key(cloud: Cloud) -> None:
    cloud.put("models/7/1/model.onnx", b"seven")
    cloud.put("models/7/empty", b"")
    cloud.put("models/70/1/model.onnx", b"seventy")
    expected = {"1/model.onnx": b"seven", "empty": b""}
    assert cloud.content("models/7") == cloud.content("models/7/") == expected


def test_an_object_is_a_file_of_its_own_name(cloud: Cloud) -> None:
    cloud.put("models/digits.onnx", b"model")
    assert cloud.content("models/digits.onnx") == {"digits.onnx": b"model"}


def test_a_whole_bucket_is_a_source(cloud: Cloud) -> None:
    cloud.put("config.pbtxt", b"name: 'digits'")
    cloud.put("1/model.onnx", b"model")
    assert cloud.content("") == {"1/model.onnx": b"model", "config.pbtxt": b"name: 'digits'"}


def test_markers_of_folders_are_no_files(cloud: Cloud) -> None:
    cloud.put("models/7/", b"")
    cloud.put("models/7/1/", b"")
    cloud.put("models/7/1/model.onnx", b"model")
    assert cloud.content("models/7") == {"1/model.onnx": b"model"}


def test_a_file_is_read_in_small_chunks_from_any_byte_on(cloud: Cloud) -> None:
    cloud.put("model.plan", BIG)
    remote, file = only(cloud.open("model.plan"), "model.plan")
    for offset in (0, 1, PIECE_BYTES, len(BIG) - 1, len(BIG)):
        chunks = list(remote.read(file, offset))
        assert b"".join(chunks) == BIG[offset:]
        assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)


def test_what_is_missing_is_told_with_what_is_there(cloud: Cloud) -> None:
    cloud.put("models/7/model.onnx", b"seven")
    cloud.put("models/single.onnx", b"single")
    with pytest.raises(FetchError, match=r"models/8 does not exist; models/ holds .*: correct spec.model.uri") as found:
        cloud.open("models/8").files()
    assert found.value.reason is Reason.MODEL_NOT_FOUND
    assert "7/" in found.value.sentence
    assert "single.onnx" in found.value.sentence
    with pytest.raises(FetchError, match="does not exist; the top holds models/"):
        cloud.open("other/deep/8").files()


def test_an_empty_bucket_and_a_missing_one_are_told_apart(cloud: Cloud) -> None:
    with pytest.raises(FetchError, match="holds nothing: upload it") as empty:
        cloud.open("models/8").files()
    missing = "".join([*cloud.bucket.rpartition("/")[:2], "missing-bucket"])
    with pytest.raises(FetchError, match=r"has no (bucket|container) missing-bucket") as gone:
        cloud.open("models/8", bucket=missing).files()
    assert empty.value.reason is gone.value.reason is Reason.MODEL_NOT_FOUND


def test_an_object_replaced_after_it_was_listed_is_not_mixed_with_the_old_one(cloud: Cloud) -> None:
    cloud.put("model.onnx", b"the old one")
    remote, file = only(cloud.open("model.onnx"), "model.onnx")
    cloud.put("model.onnx", b"another one")
    with pytest.raises(ChangedError, match="changed while it was downloaded"):
        list(remote.read(file, 3))
    assert only(remote, "model.onnx")[1].version != file.version


def test_a_transfer_that_breaks_off_is_continued_where_it_was(cloud: Cloud) -> None:
    cloud.put("model.plan", BIG)
    chunks: list[bytes] = []
    with Line(cloud.endpoint, limit=PIECE_BYTES + PIECE_BYTES // 2) as line:
        remote, file = only(cloud.through(line).open("model.plan"), "model.plan")
        with pytest.raises(InterruptionError, match=r"the connection to 127.0.0.1:.* failed"):
            chunks.extend(remote.read(file, 0))
        arrived = b"".join(chunks)
        assert CHUNK_BYTES <= len(arrived) < len(BIG)
        line.limit = None
        assert arrived + b"".join(remote.read(file, len(arrived))) == BIG


def test_a_server_that_cannot_be_reached_is_tried_again(cloud: Cloud) -> None:
    with pytest.raises(InterruptionError, match=r"127.0.0.1:1 failed .Connection refused.") as refused:
        cloud.at("http://127.0.0.1:1").open("model").files()
    assert refused.value.failure.reason is Reason.MODEL_FETCH_FAILED
    with pytest.raises(InterruptionError, match=r"the host (name )?nowhere.invalid") as unknown:
        cloud.at("http://nowhere.invalid").open("model").files()
    assert "spec.model.endpoint" in unknown.value.failure.sentence or "DNS" in unknown.value.failure.sentence


def test_a_faulty_server_is_tried_again(cloud: Cloud) -> None:
    with Answering(503) as server, pytest.raises(InterruptionError, match=r"503.*overloaded or faulty"):
        cloud.at(server.url).open("model").files()


def test_who_is_refused_is_told_which_keys_to_store(cloud: Cloud) -> None:
    with (
        Answering(403) as server,
        pytest.raises(FetchError, match=r"denies access to .* no credentials are sent") as error,
    ):
        cloud.at(server.url).with_secret().open("model").files()
    assert error.value.reason is Reason.MODEL_ACCESS_DENIED
    assert {"s3": "AWS_ACCESS_KEY_ID", "gcs": "service-account.json", "azure": "AZURE_STORAGE_ACCESS_KEY"}[
        cloud.name
    ] in error.value.sentence


def test_an_endpoint_is_a_url(cloud: Cloud) -> None:
    with pytest.raises(FetchError, match=r"spec.model.endpoint is not a valid URL") as error:
        cloud.at("storage.example.com:9000").open("model").files()
    assert error.value.reason is Reason.MODEL_INVALID


def test_an_endpoint_without_tls_is_told(cloud: Cloud) -> None:
    with pytest.raises(FetchError, match=r"does not serve TLS: correct spec.model.endpoint"):
        cloud.at(cloud.endpoint.replace("http:", "https:")).open("model").files()


def test_a_private_authority_is_trusted_when_it_is_given(cloud: Cloud, certificate: tuple[Path, Path]) -> None:
    cloud.put("model.onnx", b"model")
    with Line(cloud.endpoint, certificate=certificate) as line:
        behind = cloud.through(line)
        with pytest.raises(FetchError, match=r"is not trusted .*spec.model.caBundle"):
            behind.open("model.onnx").files()
        remote, file = only(behind.open("model.onnx", ca_bundle=certificate[0]), "model.onnx")
        assert b"".join(remote.read(file, 0)) == b"model"


class Memory:
    """A store in memory; `hidden` are names that may not be asked for."""

    def __init__(self, objects: dict[str, bytes], hidden: str = "") -> None:
        self._objects = objects
        self._hidden = hidden

    def find(self, name: str) -> StoredObject | None:
        if name == self._hidden:
            raise FetchError(Reason.MODEL_ACCESS_DENIED, "refused")
        return self._stored(name) if name in self._objects else None

    def below(self, prefix: str) -> Iterator[StoredObject]:
        return (self._stored(name) for name in self._objects if name.startswith(prefix))

    def beside(self, prefix: str) -> Iterator[str]:
        raise FetchError(Reason.MODEL_ACCESS_DENIED, f"{prefix} is refused")

    def stream(self, stored: StoredObject, offset: int) -> Iterator[bytes]:
        yield self._objects[stored.name][offset:]

    def _stored(self, name: str) -> StoredObject:
        return StoredObject(name, len(self._objects[name]), "1")


def listed(objects: dict[str, bytes], key: str, hidden: str = "", path: str = "") -> list[str]:
    files = StoredFiles(Memory(objects, hidden), "s3://bucket", key, PurePosixPath(path)).files()
    return [str(file.path) for file in files]


MANY = dict.fromkeys(("m/a/b/1", "m/a/b/2/3", "m/a/bc/1", "m/a/c", "m/d", "n", "m/g.onnx", "m/g.onnx.data"), b"1")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/b", ["a/b/1", "a/b/2/3"]),
        ("a/b/1", ["a/b/1"]),
        ("a/b/2", ["a/b/2/3"]),
        ("a/bc", ["a/bc/1"]),
        # As the weights of a graph lie beside it.
        ("g.onnx", ["g.onnx", "g.onnx.data"]),
    ],
)
def test_only_what_the_path_can_select_is_listed(path: str, found: list[str]) -> None:
    assert listed(MANY, "m", path=path) == found
    assert listed({name.removeprefix("m/"): content for name, content in MANY.items()}, "", path=path) == found


@pytest.mark.parametrize("path", ["", ".", "a/x", "a/b/1/x", "g"])
def test_all_is_listed_to_tell_what_is_there_in_place_of_the_path(path: str) -> None:
    assert listed(MANY, "m", path=path) == [name.removeprefix("m/") for name in MANY if name != "n"]


def test_a_bucket_of_very_many_objects_is_not_listed_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "MOST_FILES", 5)
    with pytest.raises(FetchError, match="s3://bucket holds more than 5 objects: name a folder nearer") as error:
        listed(MANY, "m")
    assert error.value.reason is Reason.MODEL_INVALID
    assert listed(MANY, "m", path="a/b") == ["a/b/1", "a/b/2/3"]
    assert len(listed(MANY, "m", path="a/x")) == 5
    assert len(listed(MANY, "m/a")) == 4
    beside = {f"m/a/b{number}.json": b"" for number in range(9)}
    assert listed({**MANY, **beside}, "m", path="a/b") == ["a/b/1", "a/b/2/3"]


@pytest.mark.parametrize("name", ["models/../../etc/passwd", "models//a", "models/./a", "models/a\0"])
def test_an_object_that_can_be_no_file_is_refused(name: str) -> None:
    with pytest.raises(FetchError, match="which is not a valid path of a file") as error:
        listed({name: b"x"}, "models")
    assert error.value.reason is Reason.MODEL_INVALID


def test_an_object_above_others_is_a_marker_or_refused() -> None:
    assert listed({"models/a": b"", "models/a/b": b"1"}, "models") == ["a/b"]
    assert listed({"models": b"", "models/a": b"1"}, "models") == ["a"]
    with pytest.raises(FetchError, match="both an object a and objects below it"):
        listed({"models/a": b"1", "models/a/b": b"1"}, "models")


def test_who_may_read_a_folder_need_not_be_allowed_its_name() -> None:
    assert listed({"models/7/a": b"1"}, "models/7", hidden="models/7") == ["a"]
    with pytest.raises(FetchError, match="refused"):
        listed({"models/8/a": b"1"}, "models/7", hidden="models/7")


def test_the_neighbours_are_left_out_where_they_may_not_be_listed() -> None:
    with pytest.raises(FetchError, match="s3://bucket holds nothing"):
        listed({"models/8/a": b"1"}, "models/7")


@pytest.mark.parametrize(
    ("key", "path", "found"),
    [
        ("m", None, {"m/m", "m/été 1%20+.bin", "other"}),
        ("m/", "m", {"m", "été 1%20+.bin"}),
        ("m", "m/m", {"m"}),
        ("m/m", "m", {"m"}),
        ("m", "m/été 1%20+.bin", {"été 1%20+.bin"}),
    ],
)
def test_the_path_selects_below_the_key_and_only_once(
    cloud: Cloud, key: str, path: str | None, found: set[str]
) -> None:
    for name in ("m/m/m", "m/m/été 1%20+.bin", "m/other", "n"):
        cloud.put(name, name.encode())
    remote = cloud.open(key, path=PurePosixPath(path) if path else None)
    selection = select(remote.files(), PurePosixPath(path) if path else None, "it", Format.ONNX)
    assert {str(name) for name, _ in selection.files} == found
    for selected, file in selection.files:
        content = b"".join(remote.read(file, 0)).decode()
        assert content.startswith("m/")
        assert content.endswith(str(selected))
