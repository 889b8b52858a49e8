"""Models over real https: interruptions, refusals, redirects, restarts."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from tests.support.fetch.https_server import CONTENT, Server, hang, repository, serve, status

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_job import FetchWork
from nereid.models.fetch.job import fetch
from nereid.models.fetch.staging import FACTS, Staging
from nereid.models.sources.attempts import Limits

MakeRequest = Callable[..., FetchWork]
QUICK = Limits(total=20, attempts=3, first_pause=0.01, longest_pause=0.02)


async def run(request: FetchWork, limits: Limits = QUICK) -> Path:
    return (await asyncio.to_thread(fetch, request, limits)).model


async def failure(request: FetchWork, limits: Limits = QUICK) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await run(request, limits)
    return caught.value


@pytest.fixture
def onnx(server: Server, request_for: MakeRequest) -> FetchWork:
    return request_for(f"{server.url}/m.onnx?token=secret", format=Format.ONNX)


def files(request: FetchWork) -> list[str]:
    found = request.destination.rglob("*")
    kept = [path.relative_to(request.destination) for path in found if path.is_file()]
    return sorted(str(path) for path in kept if path.name != ".nereid-fetched.json")


async def test_a_file_is_downloaded(server: Server, onnx: FetchWork) -> None:
    server.handlers = [serve()]
    model = await run(onnx)
    assert (model / "1" / "model.onnx").read_bytes() == CONTENT
    assert files(onnx) == ["digits/1/model.onnx"]
    assert server.requests[0].query_string == "token=secret"


async def test_a_repository_is_unpacked(server: Server, request_for: MakeRequest) -> None:
    server.handlers = [serve(repository("digits", "iris"))]
    request = request_for(f"{server.url}/models.tar.gz")
    await run(request)
    assert files(request) == ["digits/1/model.onnx", "iris/1/model.onnx"]


async def test_a_repository_without_the_model_is_invalid(server: Server, request_for: MakeRequest) -> None:
    server.handlers = [serve(repository("a", "b"))]
    request = request_for(f"{server.url}/models.tar.gz", model_name="c")
    error = await failure(request)
    assert str(error) == (
        f"ModelInvalid: {server.url}/models.tar.gz holds a, b, but no model named c: set spec.model.name to one of them"
    )
    assert list(request.destination.iterdir()) == []


async def test_an_interrupted_transfer_is_continued(server: Server, onnx: FetchWork) -> None:
    server.handlers = [serve(stop_after=300_000), serve(stop_after=300_000), serve()]
    model = await run(onnx)
    assert (model / "1" / "model.onnx").read_bytes() == CONTENT
    starts = [int(request.headers["Range"][len("bytes=") : -1]) for request in server.requests[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] <= 600_000


async def test_attempts_that_bring_something_are_not_counted(server: Server, onnx: FetchWork) -> None:
    server.handlers = [*(serve(stop_after=100_000) for _ in range(8)), serve()]
    assert (await run(onnx) / "1" / "model.onnx").read_bytes() == CONTENT


async def test_a_file_that_changed_meanwhile_is_downloaded_anew(server: Server, onnx: FetchWork) -> None:
    server.handlers = [serve(b"old" * 100_000, '"v0"', stop_after=90_000), serve()]
    assert (await run(onnx) / "1" / "model.onnx").read_bytes() == CONTENT


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
async def test_without_a_strong_etag_nothing_is_continued(server: Server, onnx: FetchWork, etag: str | None) -> None:
    server.handlers = [serve(etag=etag, stop_after=300_000), serve(etag=etag)]
    assert (await run(onnx) / "1" / "model.onnx").read_bytes() == CONTENT
    assert "Range" not in server.requests[1].headers


async def test_a_range_that_is_not_the_wanted_one_is_dropped(server: Server, onnx: FetchWork) -> None:
    other = status(206, **{"Content-Range": "bytes 7-9/10"})
    server.handlers = [serve(stop_after=300_000), other, serve(stop_after=300_000), status(416), serve()]
    assert (await run(onnx, replace(QUICK, attempts=5)) / "1" / "model.onnx").read_bytes() == CONTENT


async def test_a_restarted_container_continues(server: Server, onnx: FetchWork) -> None:
    server.handlers = [serve(stop_after=300_000), status(503)]
    assert (await failure(onnx)).reason is Reason.MODEL_FETCH_FAILED
    assert ".nereid-fetch/download/content/m.onnx" in files(onnx)
    server.handlers = [serve()]
    assert (await run(onnx) / "1" / "model.onnx").read_bytes() == CONTENT
    assert server.requests[-1].headers["Range"] != "bytes=0-"
    assert files(onnx) == ["digits/1/model.onnx"]


async def test_a_container_killed_while_it_unpacked_does_not_download_again(
    server: Server, request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    server.handlers = [serve(repository("digits"))]
    request = request_for(f"{server.url}/models.tar.gz")
    with monkeypatch.context() as killed:
        killed.setattr("tarfile.TarFile.extract", die)
        with pytest.raises(KeyboardInterrupt):
            await run(request)
    await run(request)
    assert files(request) == ["digits/1/model.onnx"]
    assert len(server.requests) == 1


async def test_a_container_killed_while_models_appear_finishes(
    server: Server, request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers = [serve(repository("digits", "iris", "mnist"))]
    request = request_for(f"{server.url}/models.tar.gz")
    rename = Path.rename

    def die_at_iris(path: Path, target: Path) -> Path:
        if target == request.destination / "iris":
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as killed:
        killed.setattr(Path, "rename", die_at_iris)
        with pytest.raises(KeyboardInterrupt):
            await run(request)
    assert (request.destination / "digits").exists()
    await run(request)
    assert files(request) == ["digits/1/model.onnx", "iris/1/model.onnx", "mnist/1/model.onnx"]
    assert len(server.requests) == 1


async def test_a_container_killed_before_it_tidied_up_finishes(
    server: Server, onnx: FetchWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers = [serve()]

    def die_half_way(staging: Staging) -> None:
        (staging.root / FACTS).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(Staging, "discard", die_half_way)
        with pytest.raises(KeyboardInterrupt):
            await run(onnx)
    await run(onnx)
    assert files(onnx) == ["digits/1/model.onnx"]
    assert len(server.requests) == 1


async def test_letters_that_no_url_may_hold_are_sent_all_the_same(server: Server, request_for: MakeRequest) -> None:
    server.handlers = [status(302, Location="/wei%20ter/blank here"), serve()]
    await run(request_for(f"{server.url}/modèle.onnx?name=é", format=Format.ONNX))
    asked = [request.path_qs for request in server.requests]
    assert asked == ["/mod%C3%A8le.onnx?name=%C3%A9", "/wei%20ter/blank%20here"]


async def test_a_url_is_sent_as_it_is_written(server: Server, request_for: MakeRequest) -> None:
    """As the signature of a signed URL may cover how it is quoted."""
    server.handlers = [status(302, Location="/%7Eada/%2D?x=%7E"), serve()]
    await run(request_for(f"{server.url}/a/../%7Eada/m%2D1.onnx?signature=a%2Db%7E", format=Format.ONNX))
    asked = [request.path_qs for request in server.requests]
    assert asked == ["/a/../%7Eada/m%2D1.onnx?signature=a%2Db%7E", "/%7Eada/%2D?x=%7E"]


async def test_a_file_that_its_server_calls_compressed_is_kept_as_it_is(
    server: Server, request_for: MakeRequest
) -> None:
    """As many do with a .tar.gz: undone, it would be another file than the one that was published."""

    async def compressed(_: web.Request) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "ETag": '"v1"'})

    packed = repository("digits")
    server.handlers = [compressed]
    digest = f"sha256:{hashlib.sha256(packed).hexdigest()}"
    request = request_for(f"{server.url}/models.tar.gz", digest=digest)
    await run(request)
    assert files(request) == ["digits/1/model.onnx"]


async def test_a_second_run_downloads_nothing(server: Server, onnx: FetchWork) -> None:
    server.handlers = [serve()]
    await run(onnx)
    await run(onnx)
    assert len(server.requests) == 1


async def test_a_digest_is_verified_before_the_model_appears(
    server: Server, onnx: FetchWork, request_for: MakeRequest
) -> None:
    server.handlers = [serve()]
    wrong = request_for(onnx.uri, format=Format.ONNX, digest=f"sha256:{'0' * 64}")
    error = await failure(wrong)
    assert error.reason is Reason.MODEL_DIGEST_MISMATCH
    assert list(wrong.destination.iterdir()) == []
    right = request_for(onnx.uri, format=Format.ONNX, digest=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}")
    await run(right)


async def test_an_empty_file_is_invalid(server: Server, onnx: FetchWork) -> None:
    server.handlers = [serve(b"")]
    error = await failure(onnx)
    assert (error.reason, "is empty" in error.sentence) == (Reason.MODEL_INVALID, True)


@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        (404, Reason.MODEL_NOT_FOUND, "/m.onnx does not exist (status 404): correct spec.model.uri"),
        (410, Reason.MODEL_NOT_FOUND, "does not exist"),
        (401, Reason.MODEL_ACCESS_DENIED, "localhost denies access to"),
        (403, Reason.MODEL_ACCESS_DENIED, "no credentials are sent"),
        (400, Reason.MODEL_FETCH_FAILED, "localhost answered status 400 for"),
        (204, Reason.MODEL_FETCH_FAILED, "localhost answered status 204 for"),
    ],
)
async def test_a_refusal_is_final(server: Server, onnx: FetchWork, code: int, reason: Reason, sentence: str) -> None:
    server.handlers = [status(code)]
    error = await failure(onnx)
    assert error.reason is reason
    assert sentence in error.sentence
    assert "secret" not in error.sentence
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 503])
async def test_a_passing_refusal_is_tried_again(server: Server, onnx: FetchWork, code: int) -> None:
    server.handlers = [status(code), status(code), serve()]
    await run(onnx)
    assert len(server.requests) == 3


async def test_attempts_are_bounded(server: Server, onnx: FetchWork) -> None:
    server.handlers = [status(503)]
    error = await failure(onnx)
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert "localhost answered status 503" in error.sentence
    assert len(server.requests) == QUICK.attempts


async def test_a_server_that_stops_answering_is_told(
    server: Server, onnx: FetchWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nereid.models.sources.https.READ_SECONDS", 0.1)
    server.handlers = [hang]
    limits = Limits(total=20, attempts=2, first_pause=0.01)
    assert "localhost stopped answering" in (await failure(onnx, limits)).sentence


async def test_the_whole_takes_no_longer_than_its_limit(
    server: Server, onnx: FetchWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nereid.models.sources.https.READ_SECONDS", 2.1)
    limits = Limits(total=2, first_pause=0.01)
    server.handlers = [hang]
    assert "was not fetched within 2 s" in (await failure(onnx, limits)).sentence
    server.handlers = [serve(stop_after=1000), hang]
    error = await failure(onnx, limits)
    assert "was not complete after 2 s, 1000 bytes were received" in error.sentence


async def test_redirects_are_followed(server: Server, onnx: FetchWork) -> None:
    server.handlers = [status(302, Location="/other?signature=secret"), serve()]
    await run(onnx)
    assert server.requests[1].path == "/other"


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        (
            "http://user:secret@plain.example.com/m?x=secret",
            "redirects to http://plain.example.com/m, which is not https",
        ),
        ("/again", "redirects more than 5 times"),
        ("https://[secret/", "redirects to a URL that is not valid"),
        ("https://h:99999/secret", "redirects to a URL that is not valid"),
        ("data:,x", "redirects to data:,x, which is not https"),
    ],
)
async def test_a_redirect_elsewhere_is_refused(server: Server, onnx: FetchWork, location: str, sentence: str) -> None:
    server.handlers = [status(302, Location=location)]
    error = await failure(onnx)
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert sentence in error.sentence
    assert "secret" not in error.sentence


async def test_nothing_secret_is_logged(server: Server, onnx: FetchWork, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.handlers = [serve(stop_after=1000), status(500), serve()]
    await run(onnx)
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("nereid")]
    assert logged
    assert not any("secret" in line for line in logged)


async def test_a_private_authority_must_be_given(server: Server, onnx: FetchWork, request_for: MakeRequest) -> None:
    server.handlers = [serve()]
    error = await failure(request_for(onnx.uri, format=Format.ONNX, ca_bundle=None))
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert "the certificate of localhost is not trusted (self-signed certificate)" in error.sentence
    assert "spec.model.caBundle" in error.sentence
    assert server.requests == []


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "does not exist"), ("no PEM", "does not hold a valid PEM certificate")]
)
async def test_a_wrong_bundle_is_told(
    onnx: FetchWork, request_for: MakeRequest, tmp_path: Path, content: str | None, sentence: str
) -> None:
    bundle = tmp_path / "bundle.crt"
    if content:
        bundle.write_text(content)
    error = await failure(request_for(onnx.uri, format=Format.ONNX, ca_bundle=bundle))
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert sentence in error.sentence


async def test_an_unknown_host_is_not_found(request_for: MakeRequest) -> None:
    error = await failure(request_for("https://nowhere.invalid/m.onnx?token=secret", format=Format.ONNX))
    # Without any DNS server, as on some build machines, nobody can tell that the host is unknown.
    assert "nowhere.invalid" in error.sentence
    assert "secret" not in error.sentence
    assert error.reason in {Reason.MODEL_NOT_FOUND, Reason.MODEL_FETCH_FAILED}


async def test_a_refused_connection_is_told(request_for: MakeRequest, unused_tcp_port: int) -> None:
    error = await failure(request_for(f"https://localhost:{unused_tcp_port}/m.onnx", format=Format.ONNX))
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert "the connection to localhost failed" in error.sentence


async def test_a_server_without_tls_is_told(request_for: MakeRequest) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad FetchWork\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        error = await failure(request_for(f"https://127.0.0.1:{port}/m.onnx", format=Format.ONNX))
    assert "does not serve TLS" in error.sentence


async def test_a_full_disk_is_told(onnx: FetchWork, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    server.handlers = [serve()]
    monkeypatch.setattr("nereid.models.sources.partial.PartialFile.begin", full)
    error = await failure(onnx)
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert "the pod's disk is full" in error.sentence


def secret(folder: Path, **values: str) -> Path:
    folder.mkdir()
    for key, value in values.items():
        (folder / key).write_text(f"{value}\n")
    return folder


@pytest.mark.parametrize(
    ("values", "header"),
    [
        ({"token": "t0k3n"}, "Bearer t0k3n"),
        ({"username": "ada", "password": "pässword"}, "Basic YWRhOnDDpHNzd29yZA=="),
    ],
)
async def test_the_secret_is_shown_to_its_server(
    server: Server, onnx: FetchWork, tmp_path: Path, values: dict[str, str], header: str
) -> None:
    server.handlers = [status(302, Location="/other"), serve()]
    await run(replace(onnx, credentials=secret(tmp_path / "secret", **values)))
    assert [request.headers["Authorization"] for request in server.requests] == [header, header]


async def test_the_secret_is_shown_to_no_other_server(server: Server, onnx: FetchWork, tmp_path: Path) -> None:
    elsewhere = server.url.replace("localhost", "127.0.0.1")
    server.handlers = [status(302, Location=f"{elsewhere}/m"), serve()]
    await run(replace(onnx, credentials=secret(tmp_path / "secret", token="t0k3n")))
    assert ["Authorization" in request.headers for request in server.requests] == [True, False]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "no credentials are sent: set spec.model.credentials to a Secret in this namespace with username"),
        ({"TOKEN": "x"}, "has none of the keys that are read: add username and password, or token"),
        ({"token": "t0k3n"}, "with the credentials of the Secret that spec.model.credentials names: correct"),
    ],
)
async def test_a_refusal_tells_what_the_secret_needs(
    server: Server, onnx: FetchWork, tmp_path: Path, values: dict[str, str], sentence: str
) -> None:
    server.handlers = [status(401)]
    error = await failure(replace(onnx, credentials=secret(tmp_path / "secret", **values)))
    assert error.reason is Reason.MODEL_ACCESS_DENIED
    assert sentence in error.sentence
    assert "t0k3n" not in error.sentence


async def test_an_answer_without_an_end_is_not_taken(server: Server, onnx: FetchWork) -> None:
    async def without_size(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf a model")
        request.transport.close()
        return web.Response()

    server.handlers = [without_size]
    assert "sends neither the size nor the end" in (await failure(onnx)).sentence


async def test_a_truncated_file_is_never_taken(server: Server, onnx: FetchWork) -> None:
    """A server that promises more than it has: what it has comes again and again, and is no model."""

    async def lie(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "2000", "ETag": '"v1"'})
        await response.prepare(request)
        await response.write(b"x" * 1000)
        assert request.transport is not None
        request.transport.close()
        return response

    server.handlers = [lie]
    error = await failure(onnx)
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert not (onnx.destination / "digits").exists()


async def test_a_cut_range_is_told_with_its_bytes(server: Server, onnx: FetchWork) -> None:
    """Each answer is complete in itself, but the file is not."""
    server.handlers = [serve(stop_after=300_000), status(206, **{"Content-Range": "bytes 300000-300010/1048576"})]
    server.handlers[1] = short_range
    error = await failure(onnx)
    assert "should have 1048576 bytes, but " in error.sentence
    assert "as it was cut off" in error.sentence


async def short_range(request: web.Request) -> web.StreamResponse:
    start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    return web.Response(status=206, headers={"Content-Range": f"bytes {start}-{start}/1048576"})


async def test_what_is_kept_tells_digest_and_size(server: Server, onnx: FetchWork) -> None:
    server.handlers = [serve()]
    fetched = await asyncio.to_thread(fetch, onnx, QUICK)
    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert (fetched.facts.digest, fetched.facts.bytes, fetched.facts.files) == (digest, len(CONTENT), 1)
    assert await asyncio.to_thread(fetch, onnx, QUICK) == fetched


async def test_a_disk_without_room_is_told_before_the_download(server: Server, onnx: FetchWork) -> None:
    async def huge(_: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Content-Length": str(1 << 60)})

    server.handlers = [huge]
    error = await failure(replace(onnx, max_bytes=1 << 61))
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert f"needs {1 << 60} bytes more" in error.sentence
    assert len(server.requests) == 1
