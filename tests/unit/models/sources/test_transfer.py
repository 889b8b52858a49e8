"""One file on its way: what is asked for again, as it came damaged or never reached the disk."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import pytest

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.fetch.lock import LostLockError
from nereid.models.sources import partial
from nereid.models.sources.attempts import Attempts, Limits, OutOfTimeError
from nereid.models.sources.bounds import Bound
from nereid.models.sources.failures import CorruptedError, InterruptionError, failed
from nereid.models.sources.partial import PartialFile
from nereid.models.sources.remote import RemoteFile
from nereid.models.sources.transfer import DownloadFolder, Transfer

CONTENT = bytes(range(256)) * 40
CHUNK = 1000
FILE = RemoteFile(PurePosixPath("m.onnx"), len(CONTENT), '"v1"')
QUICK = Limits(attempts=3, first_pause=0.001, longest_pause=0.002)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Store:
    """A store whose client compares checksums after the last byte, of a whole object alone."""

    damaged: int = 0
    """How many of the next answers are damaged."""
    cuts: list[int] = field(default_factory=list)
    """After how many chunks the next answers break off."""
    offsets: list[int] = field(default_factory=list)

    def files(self) -> Sequence[RemoteFile]:
        return [FILE]

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        self.offsets.append(offset)
        damaged, self.damaged = self.damaged > 0, max(0, self.damaged - 1)
        sent = CONTENT.replace(b"\x07", b"\xff") if damaged else CONTENT
        cut = self.cuts.pop(0) if self.cuts else None
        for number, start in enumerate(range(offset, file.size or 0, CHUNK)):
            if number == cut:
                raise InterruptionError(failed("it broke off"))
            yield sent[start : start + CHUNK]
        if damaged and not offset:
            raise CorruptedError(failed("its checksum is another one"))


@dataclass
class Ending(Store):
    """A store that sends this and no more, and says nothing of it."""

    sent: bytes = b""

    def read(self, _: RemoteFile, offset: int) -> Iterator[bytes]:
        yield self.sent[offset:]


@dataclass
class Unfinished(Store):
    """A store whose answers never end as they should, though all of the file comes."""

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        yield from super().read(file, offset)
        raise InterruptionError(failed("the connection was closed before the end"))


@pytest.fixture
def folder(tmp_path: Path) -> DownloadFolder:
    return DownloadFolder(tmp_path)


@pytest.fixture
def part(folder: DownloadFolder) -> PartialFile:
    return folder.part(FILE.path)


def transferred(store: Store, part: PartialFile, file: RemoteFile = FILE) -> str:
    shown = "s3://models/digits"
    return Transfer(shown, store, Attempts(QUICK), Bound(shown)).file(file, part, room=1 << 30)


def begun(part: PartialFile, chunks: int, end: BaseException) -> None:
    """Let the first chunks arrive, and then end as the exception says."""
    with part.open(FILE, part.begin(FILE)) as out:
        for start in range(0, chunks * CHUNK, CHUNK):
            out.write(CONTENT[start : start + CHUNK])
        raise end


def test_what_came_with_another_checksum_is_asked_for_again(part: PartialFile) -> None:
    store = Store(damaged=1)
    assert transferred(store, part) == SHA256
    assert part.path.read_bytes() == CONTENT
    assert store.offsets == [0, 0]


def test_what_never_has_its_checksum_is_given_up_and_not_kept(part: PartialFile) -> None:
    store = Store(damaged=99)
    with pytest.raises(FetchError, match="its checksum is another one") as error:
        transferred(store, part)
    assert error.value.reason is Reason.MODEL_FETCH_FAILED
    assert store.offsets == [0] * QUICK.attempts
    assert not part.path.exists()
    assert part.complete_sha256(FILE) is None


def test_what_came_with_another_hash_is_asked_for_again(part: PartialFile) -> None:
    store = Store(damaged=1, cuts=[5])
    assert transferred(store, part, replace(FILE, sha256=SHA256.upper())) == SHA256
    assert store.offsets == [0, 5 * CHUNK, 0]


def test_what_never_reached_the_disk_is_asked_for_again(part: PartialFile) -> None:
    part.begin(FILE)
    with part.path.open("r+b") as file:
        # As after a crash of the node: the first pages are lost, a later one is not.
        file.seek(2 * CHUNK)
        file.write(CONTENT[2 * CHUNK : 3 * CHUNK])
    store = Store()
    assert transferred(store, part) == SHA256
    assert part.path.read_bytes() == CONTENT
    assert store.offsets == [0]


def test_a_killed_process_loses_no_more_than_one_checkpoint(part: PartialFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "CHECKPOINT_BYTES", 3 * CHUNK)
    with pytest.raises(KeyboardInterrupt):
        begun(part, 8, KeyboardInterrupt())
    store = Store()
    assert transferred(store, part) == SHA256
    assert store.offsets == [6 * CHUNK]


@pytest.mark.parametrize("end", [SystemExit(143), OutOfTimeError()])
def test_an_orderly_end_loses_nothing(part: PartialFile, end: BaseException) -> None:
    with pytest.raises(type(end)):
        begun(part, 1, end)
    store = Store()
    assert transferred(store, part) == SHA256
    assert store.offsets == [CHUNK]


def test_the_disk_is_not_waited_for_at_each_chunk(part: PartialFile, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, waits = os.fsync, list[int]()

    def noted(file: int) -> None:
        waits.append(file)
        fsync(file)

    monkeypatch.setattr("nereid.models.sources.partial.os.fsync", noted)
    monkeypatch.setattr(partial, "CHECKPOINT_BYTES", 4 * CHUNK)
    transferred(Store(), part)
    assert len(waits) == len(CONTENT) // (4 * CHUNK) + 1


def test_a_record_without_the_place_on_the_disk_proves_nothing(folder: DownloadFolder, part: PartialFile) -> None:
    part.begin(FILE)
    part.path.write_bytes(CONTENT[:5000])
    (record,) = (folder.root / "records").iterdir()
    record.write_text(json.dumps({"version": FILE.version}))
    assert part.begin(FILE) == 0


@pytest.mark.parametrize("durable", [5001, "5000", None, -1])
def test_a_record_of_more_than_there_is_proves_nothing(
    folder: DownloadFolder, part: PartialFile, durable: object
) -> None:
    part.begin(FILE)
    part.path.write_bytes(CONTENT[:5000])
    (record,) = (folder.root / "records").iterdir()
    record.write_text(json.dumps({"version": FILE.version, "durable": durable}))
    assert part.begin(FILE) == 0


def test_who_lost_its_lock_does_not_touch_the_record(part: PartialFile) -> None:
    with pytest.raises(LostLockError):
        begun(part, 1, LostLockError())
    assert part.begin(FILE) == 0


def test_what_an_earlier_run_left_behind_the_end_is_cut_off(part: PartialFile) -> None:
    unsized = replace(FILE, size=None)
    part.begin(unsized)
    part.path.write_bytes(b"x" * 5000)

    assert transferred(Ending(sent=b"short"), part, unsized) == hashlib.sha256(b"short").hexdigest()
    assert part.path.read_bytes() == b"short"


def test_a_rest_left_behind_does_not_pass_for_what_is_missing(part: PartialFile) -> None:
    part.begin(FILE)
    part.path.write_bytes(b"\0" * len(CONTENT))
    with pytest.raises(FetchError, match=f"should have {len(CONTENT)} bytes, but {CHUNK} were received"):
        transferred(Ending(sent=CONTENT[:CHUNK]), part)


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_a_server_that_ends_badly_after_the_last_byte_is_fetched_from(part: PartialFile, sha256: str | None) -> None:
    store = Unfinished()
    assert transferred(store, part, replace(FILE, sha256=sha256)) == SHA256
    assert store.offsets == [0]


def test_an_end_before_the_source_had_its_say_does_not_make_the_last_bytes_count(part: PartialFile) -> None:
    with pytest.raises(SystemExit):
        begun(part, len(CONTENT) // CHUNK + 1, SystemExit(143))
    assert part.size == len(CONTENT)
    assert part.begin(FILE) == 0
