"""`nereid fetch-datasets`: plain files from any source, each in its folder, or a sentence that names the check."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from click.testing import CliRunner, Result
from tests.support.fetch.folder_source import FolderSource
from tests.support.fetch.https_server import CONTENT, Server, serve, status
from tests.support.sources.hub import Hub

from nereid.contract.check_job import ENV_DATASETS, MAX_OUTCOME_BYTES, Dataset, DatasetsWork, JobOutcome
from nereid.contract.fetch_errors import FetchError
from nereid.contract.fetch_request import Request
from nereid.contract.work import as_json
from nereid.models.fetch.datasets import fetch_dataset
from nereid.models.fetch.datasets_command import fetch_datasets


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderSource:
    """What any source holds that is behind a client."""
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "x.csv").write_text("a,b")
    source = FolderSource(tmp_path / "bucket")
    monkeypatch.setattr("nereid.models.fetch.over_network.open_source", lambda *_: source)
    return source


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command for data sets, in any thread; the outcome is in the file log."""
    monkeypatch.setattr("nereid.models.fetch.datasets_command.set_up_process", lambda: None)

    def invoke(*datasets: Dataset) -> Result:
        runner = CliRunner(env={ENV_DATASETS: as_json(DatasetsWork(datasets))})
        return runner.invoke(fetch_datasets, [f"--termination-log={tmp_path / 'log'}"])

    return invoke


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[..., Dataset]:
    def make(uri: str, path: str | None = None, check: str = "accuracy", **access: str | Path) -> Dataset:
        inside = PurePosixPath(path) if path else None
        return Dataset(Request(uri, inside, **access), tmp_path / "data" / "one", check)  # type: ignore[arg-type]

    return make


def failure(folder: Path) -> str | None:
    return JobOutcome.model_validate_json((folder / "log").read_text()).failure


def test_a_file_of_a_bucket(
    bucket: FolderSource, run: Callable[..., Result], wanted: Callable[..., Dataset], tmp_path: Path
) -> None:
    assert run(wanted("s3://data/x.csv")).exit_code == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["one"]
    assert (tmp_path / "data" / "one" / "x.csv").read_text() == "a,b"
    reads = len(bucket.reads)
    assert run(wanted("s3://data/x.csv")).exit_code == 0
    assert len(bucket.reads) == reads


def test_a_file_among_others(bucket: FolderSource, wanted: Callable[..., Dataset], tmp_path: Path) -> None:
    (bucket.folder / "sets").mkdir()
    (bucket.folder / "sets" / "y.csv").write_text("c")
    with pytest.raises(FetchError) as caught:
        fetch_dataset(wanted("s3://data/all"))
    assert caught.value.sentence_for("dataset") == (
        "s3://data/all holds 2 files, but a data set is one file: name it in dataset.path"
    )
    assert not bucket.reads
    fetch_dataset(wanted("s3://data/all", "sets/y.csv"))
    assert [path.name for path in (tmp_path / "data" / "one").iterdir()] == ["y.csv"]


def test_the_only_file_in_a_folder_of_its_source(
    bucket: FolderSource, wanted: Callable[..., Dataset], tmp_path: Path
) -> None:
    (bucket.folder / "sets").mkdir()
    (bucket.folder / "x.csv").rename(bucket.folder / "sets" / "x.csv")
    fetch_dataset(wanted("s3://data/all"))
    assert (tmp_path / "data" / "one" / "x.csv").read_text() == "a,b"


def test_a_sentence_that_is_too_long_for_the_kubelet(
    bucket: FolderSource, run: Callable[..., Result], wanted: Callable[..., Dataset], tmp_path: Path
) -> None:
    for number in range(10):
        (bucket.folder / f"{number}{'ä' * 120}").write_text("c")
    assert run(wanted(f"s3://data/{'ä' * 900}", f"{'n' * 255}/{'n' * 255}")).exit_code == 1
    assert (tmp_path / "log").stat().st_size <= MAX_OUTCOME_BYTES
    assert str(failure(tmp_path)).startswith("check accuracy: s3://data/äää")


def test_a_file_of_a_hub(run: Callable[..., Result], wanted: Callable[..., Dataset], tmp_path: Path) -> None:
    with Hub({"acme/digits": {"README.md": b"#", "sets/x.csv": b"a,b"}}) as hub:
        result = run(wanted("hf://acme/digits", "sets/x.csv", endpoint=hub.url))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "data" / "one" / "x.csv").read_bytes() == b"a,b"


async def test_a_file_over_https(
    server: Server, certificate: tuple[Path, Path], wanted: Callable[..., Dataset], tmp_path: Path
) -> None:
    server.handlers = [serve(stop_after=1000), serve()]
    dataset = wanted(f"{server.url}/x.npz?token=secret", ca_bundle=certificate[0])
    await asyncio.to_thread(fetch_dataset, dataset)
    assert (tmp_path / "data" / "one" / "x.npz").read_bytes() == CONTENT


async def test_what_cannot_be_had_is_told_of_the_check(
    server: Server,
    certificate: tuple[Path, Path],
    run: Callable[..., Result],
    wanted: Callable[..., Dataset],
    tmp_path: Path,
) -> None:
    server.handlers = [status(404)]
    missing = wanted(f"{server.url}/x.csv", check="fast", ca_bundle=certificate[0])
    assert (await asyncio.to_thread(run, missing)).exit_code == 1
    assert failure(tmp_path) == f"check fast: {server.url}/x.csv does not exist (status 404): correct dataset.uri"
    untrusted = wanted(f"{server.url}/x.csv")
    await asyncio.to_thread(run, untrusted)
    assert str(failure(tmp_path)).endswith("set dataset.caBundle to that authority's certificate")
    no_bundle = wanted(f"{server.url}/x.csv", ca_bundle=tmp_path / "missing")
    await asyncio.to_thread(run, no_bundle)
    assert str(failure(tmp_path)).startswith(
        "check accuracy: the ConfigMap or the key that dataset.caBundle names does not exist"
    )


def test_one_that_is_too_large(
    run: Callable[..., Result], wanted: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(27, "File too large")

    monkeypatch.setattr("nereid.models.fetch.datasets.fetch_over_network", full)
    assert run(wanted("s3://data/x.csv")).exit_code == 1
    assert failure(tmp_path) == (
        "check accuracy: s3://data/x.csv is larger than the limit of 2 GiB for downloads: put it on a volume"
    )


def test_one_for_which_the_disk_has_no_room(
    run: Callable[..., Result], wanted: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nereid.models.fetch.datasets.fetch_over_network", full)
    assert run(wanted("s3://data/x.csv")).exit_code == 1
    assert failure(tmp_path) == (
        "check accuracy: s3://data/x.csv could not be written to the pod's disk (No space left on device): put it on a "
        "volume, or check the node"
    )


def test_work_that_is_not_valid(tmp_path: Path) -> None:
    log = f"--termination-log={tmp_path / 'log'}"
    assert CliRunner(env={ENV_DATASETS: json.dumps({})}).invoke(fetch_datasets, [log]).exit_code == 1
    assert "NEREID_DATASETS" in str(failure(tmp_path))
