"""Pods that share a cache: one downloads, all are served, and nothing that is wrong with it stops a model."""

import asyncio
import errno
import hashlib
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from aiohttp import web
from tests.support.fetch.https_server import CONTENT, Server, serve, status

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_job import ENV_WORK, FetchWork
from nereid.contract.work import as_json
from nereid.models.fetch import lock
from nereid.models.fetch.job import FetchedModel, fetch
from nereid.models.sources.attempts import Limits
from nereid.models.sources.partial import GrowingFile, PartialFile
from nereid.models.sources.remote import RemoteFile

QUICK = Limits(total=20, attempts=3, first_pause=0.01, longest_pause=0.02)
TOUCHY = (
    "import nereid.models.fetch.lock as lock; "
    "lock.BEAT_SECONDS, lock.STALE_SECONDS, lock.POLL_SECONDS = 0.1, 3.0, 0.05; "
    "from nereid.models.fetch.command import fetch; fetch()"
)

Pod = Callable[..., FetchWork]


@pytest.fixture(autouse=True)
def _touchy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(lock, "STALE_SECONDS", 3.0)
    monkeypatch.setattr(lock, "POLL_SECONDS", 0.05)


@pytest.fixture
def pod(server: Server, request_for: Callable[..., FetchWork], tmp_path: Path) -> Pod:
    """Make the request of a pod of this number, which has a destination of its own; keywords change it."""
    (tmp_path / "cache").mkdir()

    def make(number: int, name: str = "m.onnx", **changes: Any) -> FetchWork:
        made = request_for(f"{server.url}/{name}", format=Format.ONNX)
        own: dict[str, Any] = {"destination": tmp_path / f"pod-{number}", "cache": tmp_path / "cache"}
        return replace(made, **{**own, **changes})

    return make


async def run(request: FetchWork) -> FetchedModel:
    return await asyncio.to_thread(fetch, request, QUICK)


def model_of(request: FetchWork) -> bytes:
    return (request.destination / "digits" / "1" / "model.onnx").read_bytes()


def entries(request: FetchWork) -> list[Path]:
    assert request.cache is not None
    return sorted(path for path in request.cache.iterdir() if not path.name.startswith("."))


async def start(request: FetchWork) -> asyncio.subprocess.Process:
    log = f"--termination-log={request.destination.with_suffix('.log')}"
    environment = {**os.environ, ENV_WORK: as_json(request)}
    return await asyncio.create_subprocess_exec(sys.executable, "-c", TOUCHY, log, env=environment)


async def test_the_second_pod_is_served_from_the_cache(server: Server, pod: Pod) -> None:
    server.handlers = [serve()]
    assert not (await run(pod(1))).facts.cached
    second = await run(pod(2))
    assert second.facts.cached
    assert model_of(pod(1)) == model_of(pod(2)) == CONTENT
    assert (await run(pod(2))).facts == second.facts


async def test_a_changed_object_is_not_served_from_the_cache(server: Server, pod: Pod) -> None:
    server.handlers = [serve()]
    await run(pod(1))
    server.handlers = [serve(b"new", '"v2"')]
    assert not (await run(pod(2))).facts.cached
    assert model_of(pod(2)) == b"new"
    assert len(entries(pod(1))) == 2


async def test_a_pod_that_may_not_have_it_is_not_served(server: Server, pod: Pod) -> None:
    server.handlers = [serve()]
    await run(pod(1))
    server.handlers = [status(403)]
    with pytest.raises(FetchError) as caught:
        await run(pod(2))
    assert caught.value.reason is Reason.MODEL_ACCESS_DENIED


async def test_two_pods_at_once_download_once(server: Server, pod: Pod) -> None:
    bodies = 0

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal bodies
        response = web.StreamResponse(headers={"Content-Length": str(len(CONTENT)), "ETag": '"v1"'})
        await response.prepare(request)
        # The one that waits only asks, and hangs up; the one that downloads takes everything.
        for start in range(0, len(CONTENT), 1 << 16):
            await asyncio.sleep(0.05)
            await response.write(CONTENT[start : start + (1 << 16)])
        bodies += 1
        return response

    server.handlers = [slow]
    processes = [await start(pod(number)) for number in (1, 2)]
    assert [await process.wait() for process in processes] == [0, 0]
    assert model_of(pod(1)) == model_of(pod(2)) == CONTENT
    logs = [pod(number).destination.with_suffix(".log").read_text() for number in (1, 2)]
    assert sorted('"cached":true' in log for log in logs) == [False, True]
    assert bodies == 1


async def test_a_killed_downloader_is_continued_by_the_next(server: Server, pod: Pod) -> None:
    asked_again = asyncio.Event()

    async def hanging(_: web.Request) -> web.StreamResponse:
        asked_again.set()
        await asyncio.sleep(10)
        return web.Response()

    server.handlers = [serve(stop_after=len(CONTENT) // 2), hanging]
    process = await start(pod(1))
    await asyncio.wait_for(asked_again.wait(), 10)
    process.kill()
    await process.wait()
    server.handlers = [serve()]
    assert not (await run(pod(2))).facts.cached
    assert model_of(pod(2)) == CONTENT
    assert server.requests[-1].headers["Range"] == server.requests[1].headers["Range"]


async def test_the_longest_unused_is_evicted(server: Server, pod: Pod) -> None:
    server.handlers = [serve(b"x" * 1000)]
    for number, name in enumerate(["a", "b", "c"]):
        await run(pod(number, name, cache_limit=3000))
    await run(pod(10, "a", cache_limit=3000))
    await run(pod(11, "d", cache_limit=3000))
    assert len(entries(pod(1))) == 3
    assert (await run(pod(12, "a", cache_limit=3000))).facts.cached
    assert (await run(pod(13, "c", cache_limit=3000))).facts.cached
    assert not (await run(pod(14, "b", cache_limit=3000))).facts.cached


async def test_what_is_larger_than_the_limit_is_served_uncached(
    server: Server, pod: Pod, caplog: pytest.LogCaptureFixture
) -> None:
    server.handlers = [serve(b"x" * 1000)]
    await run(pod(1, "small", cache_limit=1500))
    server.handlers = [serve(b"x" * 2000)]
    with caplog.at_level(logging.WARNING):
        assert not (await run(pod(2, cache_limit=1500))).facts.cached
    assert model_of(pod(2)) == b"x" * 2000
    assert "its 2000 bytes are more than the 1500 bytes of spec.model.cache.limit" in caplog.text
    assert len(entries(pod(1))) == 1


async def test_without_a_version_nothing_is_cached(server: Server, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    server.handlers = [serve(etag=None)]
    await run(pod(1))
    assert model_of(pod(1)) == CONTENT
    assert "its server does not return a version" in caplog.text
    assert entries(pod(1)) == []


async def test_a_disk_that_fills_up_meanwhile_does_not_stop_the_model(
    server: Server, pod: Pod, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = PartialFile.open

    def full(part: PartialFile, file: RemoteFile, offset: int) -> GrowingFile:
        if "cache" in part.path.parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(part, file, offset)

    monkeypatch.setattr(PartialFile, "open", full)
    server.handlers = [serve()]
    assert not (await run(pod(1))).facts.cached
    assert model_of(pod(1)) == CONTENT
    assert "fetched without the cache, which failed: No space left on device" in caplog.text
    assert entries(pod(1)) == []


async def test_a_cache_that_is_missing_does_not_stop_the_model(server: Server, pod: Pod, tmp_path: Path) -> None:
    server.handlers = [serve()]
    await run(pod(1, cache=tmp_path / "nowhere"))
    assert model_of(pod(1)) == CONTENT


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flipped, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:1000])])
async def test_a_damaged_entry_is_never_served(server: Server, pod: Pod, damage: Callable[[Path], object]) -> None:
    server.handlers = [serve()]
    await run(pod(1))
    (entry,) = entries(pod(1))
    damage(entry / "content" / "m.onnx")
    assert not (await run(pod(2))).facts.cached
    assert model_of(pod(2)) == CONTENT
    assert (await run(pod(3))).facts.cached


async def test_a_damaged_list_is_never_served(server: Server, pod: Pod) -> None:
    server.handlers = [serve()]
    await run(pod(1))
    (entry,) = entries(pod(1))
    (entry / "complete.json").write_text('{"files"')
    assert not (await run(pod(2))).facts.cached
    assert model_of(pod(2)) == CONTENT


async def test_a_wrong_digest_is_not_cached(server: Server, pod: Pod) -> None:
    server.handlers = [serve()]
    with pytest.raises(FetchError) as caught:
        await run(pod(1, digest=f"sha256:{'0' * 64}"))
    assert caught.value.reason is Reason.MODEL_DIGEST_MISMATCH
    assert entries(pod(1)) == []


def held_in_thread(path: Path, while_holding: Callable[[lock.VolumeLock], None]) -> Awaitable[None]:
    def hold() -> None:
        held = lock.VolumeLock(path)
        with held.held(lambda: None):
            while_holding(held)

    return asyncio.to_thread(hold)


async def test_a_lock_is_for_one_and_its_loss_is_noticed(tmp_path: Path) -> None:
    path, seen = tmp_path / "lock", []

    def lose(held: lock.VolumeLock) -> None:
        path.write_text("somebody else")
        while True:
            try:
                held.require_held()
            except lock.LostLockError:
                seen.append("lost")
                return

    await held_in_thread(path, lose)
    assert seen == ["lost"]
    assert path.read_text() == "somebody else"


def test_a_lock_that_was_taken_over_meanwhile_is_not_taken_away(tmp_path: Path) -> None:
    path, waited = tmp_path / "lock", []
    path.write_text("alive")
    waiting = lock.VolumeLock(path)
    # As one who found it dead, but whom another waiter beat to it.
    waiting._take_away()
    assert path.read_text() == "alive"

    def give_up() -> None:
        waited.append(True)
        raise InterruptedError

    with pytest.raises(InterruptedError), waiting.held(give_up):
        pass
    assert waited
    assert sorted(left.name for left in tmp_path.iterdir()) == ["lock", "lock.clock"]


def test_two_writers_of_one_file_do_it_no_harm(tmp_path: Path) -> None:
    file = RemoteFile(PurePosixPath("m"), 8, "v1")
    slow, fast = (PartialFile(tmp_path / "m", tmp_path / "record") for _ in range(2))
    with suppress(lock.LostLockError), slow.open(file, slow.begin(file)) as late:
        late.write(b"1234")
        with fast.open(file, fast.begin(file)) as early:
            late.write(b"56")
            early.write(b"12345678")
        fast.complete(file, early.end, "0" * 64)
        raise lock.LostLockError
    assert (tmp_path / "m").read_bytes() == b"12345678"
    assert slow.complete_sha256(file) == "0" * 64
    assert slow.hashed(4).hexdigest() == hashlib.sha256(b"1234").hexdigest()


async def test_what_is_left_of_locks_goes_with_their_entries(server: Server, pod: Pod) -> None:
    gone, cache = "0" * 40, pod(1).cache
    assert cache is not None
    left = cache / f".{gone}.lock.clock"
    left.touch()
    server.handlers = [serve()]
    await run(pod(1))
    assert not left.exists()


@pytest.mark.parametrize("named", ["m.onnx", "../../m.onnx", "other"])
async def test_what_somebody_else_has_put_there_is_not_served(server: Server, pod: Pod, named: str) -> None:
    server.handlers = [serve()]
    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    await run(pod(1, digest=digest))
    (entry,) = entries(pod(1))
    forged = b"x" * len(CONTENT)
    (entry / "content" / "m.onnx").write_bytes(forged)
    (entry / "content" / "other").write_bytes(forged)
    files = {named: [len(forged), hashlib.sha256(forged).hexdigest()]}
    (entry / "complete.json").write_text(json.dumps({"files": files, "is_file": True, "cached": False}))
    assert not (await run(pod(2, digest=digest))).facts.cached
    assert model_of(pod(2)) == CONTENT
