"""Models of a Hugging Face hub: listed by its API, read by ranges, with a sentence for each refusal."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.sources.hub import COMMIT, TOKEN, Hub

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import HubSource
from nereid.models.sources.failures import InterruptionError
from nereid.models.sources.huggingface import HubFiles, open_files

WEIGHTS = bytes(range(256)) * 20
FILES = {"config.json": b"{}", "onnx/model.onnx": WEIGHTS}


@pytest.fixture
def hub() -> Iterator[Hub]:
    models = {"acme/open": FILES, "acme/private": FILES, "acme/gated": FILES}
    with Hub(models, private=frozenset({"acme/private"}), gated=frozenset({"acme/gated"})) as server:
        yield server


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "HF_TOKEN").write_text(f"{TOKEN}\n")
    return tmp_path


def opened(hub: Hub, name: str, revision: str = "main", credentials: Path | None = None) -> HubFiles:
    source = HubSource(name, revision)
    request = Request(str(source), endpoint=hub.url, credentials=credentials)
    return open_files(source, request)


def failure(files: HubFiles) -> FetchError:
    with pytest.raises(FetchError) as raised:
        read(files)
    return raised.value


def read(files: HubFiles) -> list[bytes]:
    return [b"".join(files.read(file, 0)) for file in files.files()]


def test_files_are_listed_with_what_the_hub_knows(hub: Hub) -> None:
    config, weights = opened(hub, "acme/open").files()
    assert (str(config.path), config.size, config.sha256) == ("config.json", 2, None)
    assert config.version
    assert weights.sha256 == weights.version == hashlib.sha256(WEIGHTS).hexdigest()


@pytest.mark.parametrize("revision", ["main", "v1.0", COMMIT])
def test_files_are_read_at_the_commit(hub: Hub, revision: str) -> None:
    files = opened(hub, "acme/open", revision)
    assert read(files) == list(FILES.values())
    assert f"/acme/open/resolve/{COMMIT}/config.json" in [path for path, *_ in hub.seen]


def test_a_large_file_is_continued_at_the_content_network_without_the_token(hub: Hub, secret: Path) -> None:
    files = opened(hub, "acme/private", credentials=secret)
    weights = files.files()[1]
    assert b"".join(files.read(weights, 5000)) == WEIGHTS[5000:]
    assert hub.seen[-1] == ("/content/acme/private/onnx/model.onnx", "bytes=5000-", None)
    assert hub.seen[-2][2] == f"Bearer {TOKEN}"


def test_no_token_of_the_machine_is_sent(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    opened(hub, "acme/open").files()
    assert hub.seen[-1][2] is None


def test_the_commit_of_a_revision(hub: Hub) -> None:
    assert opened(hub, "acme/open", "v1.0").commit() == COMMIT


@pytest.mark.parametrize(
    ("name", "revision", "reason", "told"),
    [
        ("acme/none", "main", Reason.MODEL_NOT_FOUND, "has no public model acme/none"),
        ("acme/private", "main", Reason.MODEL_NOT_FOUND, "with HF_TOKEN"),
        ("acme/open", "nope", Reason.MODEL_NOT_FOUND, "no branch, tag or commit nope"),
        ("acme/gated", "main", Reason.MODEL_ACCESS_DENIED, "which is gated, and no credentials are sent"),
        ("acme/--bad", "main", Reason.MODEL_INVALID, "is not a valid model name on a hub"),
        ("acme/bad.git", "main", Reason.MODEL_INVALID, "is not a valid model name on a hub"),
        ("a/b/c", "main", Reason.MODEL_INVALID, "is not a valid model name on a hub"),
    ],
)
def test_each_refusal_has_its_sentence(hub: Hub, name: str, revision: str, reason: Reason, told: str) -> None:
    error = failure(opened(hub, name, revision))
    assert error.reason is reason
    assert told in error.sentence


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (403, {"X-Error-Message": "Access to this resource is disabled."}, "was disabled by 127.0.0.1"),
        (401, {}, "has no public model acme/open"),
        (
            401,
            {"X-Error-Message": "Invalid credentials in Authorization header"},
            r"denies access to hf://acme/open:main",
        ),
    ],
)
def test_what_a_hub_says_in_its_headers_is_understood(hub: Hub, status: int, error: dict[str, str], told: str) -> None:
    hub.status, hub.error = status, error
    with pytest.raises(FetchError, match=told):
        opened(hub, "acme/open").files()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_a_page_instead_of_a_list_is_told(hub: Hub, body: bytes) -> None:
    hub.status, hub.body = 200, body
    with pytest.raises(InterruptionError, match=r"is not a JSON object: check the server, or correct spec\.model\."):
        opened(hub, "acme/open").files()


def test_a_wrong_token_is_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "HF_TOKEN").write_text("wrong")
    assert "or the token of the Secret" in failure(opened(hub, "acme/private", credentials=tmp_path)).sentence
    gated = failure(opened(hub, "acme/gated", credentials=tmp_path))
    assert gated.reason is Reason.MODEL_ACCESS_DENIED
    assert "request access on the model's page" in gated.sentence
    assert "wrong" not in gated.sentence


def test_a_faulty_hub_is_worth_another_try(hub: Hub) -> None:
    hub.status = 503
    with pytest.raises(InterruptionError, match="status 503"):
        opened(hub, "acme/open").files()


def test_a_hub_that_is_gone_is_told() -> None:
    with Hub({}) as gone:
        files = opened(gone, "acme/open")
    with pytest.raises(InterruptionError, match=r"spec\.model\.endpoint"):
        files.files()
