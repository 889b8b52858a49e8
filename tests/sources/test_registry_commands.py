"""`nereid resolve` and `nereid tag`, as Jobs run them, against real servers and the routes of a hub."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from servers.oci import OciRegistry
from tests.support.sources.hub import COMMIT, Hub
from tests.support.sources.mlflow_models import READER, TAGS, Registered, registered, secret
from tests.support.sources.pushing import Pusher

from nereid.cli.group import main
from nereid.contract.fetch_request import Request
from nereid.contract.model_job import ENV_WORK, ModelJobWork
from nereid.contract.work import as_json


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registered]:
    with registered(tmp_path_factory.mktemp("mlflow")) as filled:
        yield filled


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    return secret(tmp_path / "reader", *READER)


def answer(task: str, uri: str, *, log: Path, tags: Mapping[str, str] | None = None, **access: Any) -> dict[str, Any]:
    """Run a command, and return what it leaves in the termination log."""
    work = ModelJobWork(Request(uri, **access), tags or {})
    result = CliRunner(env={ENV_WORK: as_json(work)}).invoke(main, [task, "--termination-log", str(log)])
    assert result.exit_code == 0, result.output
    assert log.stat().st_size <= 4096
    found: dict[str, Any] = json.loads(log.read_text())
    return found


@pytest.mark.parametrize(
    ("uri", "version"),
    [
        ("models:/digits@champion", 1),
        ("models:/digits@challenger", 2),
        ("models:/digits/latest", 2),
        ("models:/digits/1", 1),
    ],
)
def test_a_version_is_found_with_what_it_was_made_from(
    models: Registered, reader: Path, tmp_path: Path, uri: str, version: int
) -> None:
    found = answer("resolve", uri, endpoint=models.url, credentials=reader, log=tmp_path / "log")
    assert found == {
        "uri": f"models:/digits/{version}",
        "provenance": {
            "run": models.run,
            "commit": TAGS["mlflow.source.git.commit"],
            "repository": "https://git.example.com/digits.git",
            "dataset": "digits-train",
            "datasetVersion": "1a1c81d5",
            "signature": "inputs: x double, y double; outputs: int64[-1]",
        },
    }


@pytest.mark.parametrize(
    ("uri", "reason", "told"),
    [
        ("models:/digits@nope", "ModelNotFound", "its aliases: challenger, champion"),
        ("models:/none/latest", "ModelNotFound", "has no registered model none"),
        ("s3://bucket/key", "ModelInvalid", "cannot be resolved"),
    ],
)
def test_a_failure_is_an_answer(
    models: Registered, reader: Path, tmp_path: Path, uri: str, reason: str, told: str
) -> None:
    found = answer("resolve", uri, endpoint=models.url, credentials=reader, log=tmp_path / "log")
    assert found["failure"]["reason"] == reason
    assert told in found["failure"]["message"]


def test_tags_are_set_any_number_of_times(models: Registered, tmp_path: Path) -> None:
    admin = secret(tmp_path / "admin", *models.server.ADMIN)
    tags = {"nereid.dev/stable": "prod/digits", "a": "b=c"}
    for _ in range(2):
        log = tmp_path / "log"
        assert answer("tag", "models:/digits/2", tags=tags, endpoint=models.url, credentials=admin, log=log) == {}
    assert models.tags("digits", "2") == tags


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("models:/digits/2", "ModelAccessDenied"),
        ("models:/digits@champion", "ModelInvalid"),
        ("oci://a/b", "ModelInvalid"),
    ],
)
def test_what_cannot_be_tagged_is_told(models: Registered, reader: Path, tmp_path: Path, uri: str, reason: str) -> None:
    found = answer("tag", uri, tags={"a": "b"}, endpoint=models.url, credentials=reader, log=tmp_path / "log")
    assert found["failure"]["reason"] == reason


def test_a_tag_of_an_image_leads_to_its_digest(tmp_path: Path) -> None:
    with OciRegistry(tmp_path / "registry", address="127.0.0.1") as server:
        pusher = Pusher(server, "models/digits")
        annotations = {"org.opencontainers.image.revision": "c0ffee"}
        digest = pusher.manifest("1", pusher.layer(b"x", "application/octet-stream"), annotations=annotations)
        bundle = server.authority.certificate
        found = answer("resolve", pusher.uri("1"), ca_bundle=bundle, log=tmp_path / "log")
    assert found == {"uri": pusher.uri(digest), "provenance": {"commit": "c0ffee"}}


def test_a_branch_of_a_hub_leads_to_its_commit(tmp_path: Path) -> None:
    with Hub({"acme/digits": {}}) as hub:
        found = answer("resolve", "hf://acme/digits:main", endpoint=hub.url, log=tmp_path / "log")
    assert found == {"uri": f"hf://acme/digits:{COMMIT}", "provenance": {}}
