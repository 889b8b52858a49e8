"""Where a data set's file is, and what is said when it is not there."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nereid.api.checks import DatasetSpec
from nereid.checks.dataset import Dataset, Folders
from nereid.checks.errors import NotRunError

CSV = "a,b,label\n" + "".join(f"{row},{-row},{row % 2}\n" for row in range(100))
INPUTS = [{"name": "x", "columns": ["a", "b"]}]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path / "claims", tmp_path / "config-maps", tmp_path / "downloads")
    for folder in (found.claims / "data" / "sets", found.config_maps / "rows", found.downloads):
        folder.mkdir(parents=True)
    (found.claims / "data" / "sets" / "x.csv").write_text(CSV)
    (found.config_maps / "rows" / "x.csv").write_text(CSV)
    (found.config_maps / "rows" / "..data").mkdir()
    return found


def spec(**changes: Any) -> DatasetSpec:
    return DatasetSpec.model_validate({"uri": "pvc://data/sets/x.csv", "inputs": INPUTS, **changes})


def refused(folders: Folders, **changes: Any) -> str:
    with pytest.raises(NotRunError) as raised:
        list(Dataset(spec(**changes), folders).rows())
    return str(raised.value)


def config_map(name: str, key: str) -> dict[str, Any]:
    return {"uri": None, "configMap": {"name": name, "key": key}}


def test_rows_from_a_claim(folders: Folders) -> None:
    parts = list(Dataset(spec(), folders).rows("label"))
    assert [(part.first, len(part)) for part in parts] == [(1, 32), (33, 32), (65, 32), (97, 4)]
    assert set(parts[0].table) == {"a", "b", "label"}


@pytest.mark.parametrize(("most", "sizes"), [(1, [1]), (32, [32]), (40, [32, 8]), (100, [32, 32, 32, 4])])
def test_as_many_rows_as_asked_for(folders: Folders, most: int, sizes: list[int]) -> None:
    assert [len(part) for part in Dataset(spec(maxRows=most), folders).rows()] == sizes


def test_rows_from_a_config_map(folders: Folders) -> None:
    assert sum(len(part) for part in Dataset(spec(**config_map("rows", "x.csv")), folders).rows()) == 100


def test_what_is_not_on_a_claim(folders: Folders) -> None:
    assert (
        refused(folders, uri="pvc://data/sets/y.csv") == "pvc://data/sets/y.csv is no file; pvc://data/sets holds x.csv"
    )
    assert refused(folders, uri="pvc://data/sets/more/y.csv").endswith("pvc://data/sets holds x.csv")
    assert refused(folders, uri="pvc://data/sets").endswith("pvc://data holds sets")
    assert "leads out of its claim" in refused(folders, uri="pvc://data/../x.csv")


def test_what_is_not_in_a_config_map(folders: Folders) -> None:
    assert refused(folders, **config_map("nothing", "x.csv")) == (
        "there is no ConfigMap nothing in this namespace: create it"
    )
    assert refused(folders, **config_map("rows", "y.csv")) == "ConfigMap rows has no key y.csv, but x.csv"


def test_columns_that_are_not_there(folders: Folders) -> None:
    assert refused(folders, inputs=[{"name": "x", "columns": ["c"]}]) == (
        "data set pvc://data/sets/x.csv: it has no column c, but a, b, label: correct the check, or the file"
    )


def test_no_rows(folders: Folders) -> None:
    (folders.claims / "data" / "sets" / "x.csv").write_text("a,b\n")
    assert refused(folders) == "data set pvc://data/sets/x.csv: it holds no rows"


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz", "parquet"])
@pytest.mark.parametrize("content", [b"\xff\x00{", b"", b"PK\x03\x04 what"], ids=["noise", "nothing", "no archive"])
def test_files_that_are_something_else(folders: Folders, form: str, content: bytes) -> None:
    (folders.claims / "data" / "sets" / "x.csv").write_bytes(content)
    assert refused(folders, format=form).startswith("data set pvc://data/sets/x.csv")


def test_an_unknown_format(folders: Folders) -> None:
    (folders.claims / "data" / "sets" / "x.txt").write_text("")
    assert refused(folders, uri="pvc://data/sets/x.txt").endswith(
        "its name ends in none of .csv, .jsonl, .npz, .parquet: set format"
    )


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "ca.crt", folder / "tls.key"
    command = "openssl req -x509 -nodes -days 1 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
async def https(certificate: tuple[Path, Path]) -> AsyncIterator[tuple[str, list[str]]]:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        status = 404 if "missing" in request.path else 200
        return web.Response(body=b"\n".join([json.dumps({"a": 1, "b": 2}).encode()] * 3), status=status)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://localhost:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def opened(folders: Folders, **changes: Any) -> Dataset:
    # As the program does it: the download has an event loop of its own.
    return await asyncio.to_thread(Dataset, spec(**changes), folders)


async def test_a_download_is_made_once(
    folders: Folders, https: tuple[str, list[str]], certificate: tuple[Path, Path]
) -> None:
    url, asked = https
    (folders.config_maps / "ca").mkdir()
    (folders.config_maps / "ca" / "ca.crt").write_bytes(certificate[0].read_bytes())
    secret = {"uri": f"{url}/x.jsonl?token=secret", "caBundle": {"name": "ca", "key": "ca.crt"}}
    for _ in range(2):
        dataset = await opened(folders, **secret)
        assert [len(part) for part in dataset.rows()] == [3]
    assert asked == ["/x.jsonl"]
    with pytest.raises(NotRunError) as raised:
        await opened(folders, **secret, inputs=[{"name": "x", "columns": ["c"]}])
    assert "secret" not in str(raised.value)


async def test_what_cannot_be_downloaded(
    folders: Folders, https: tuple[str, list[str]], certificate: tuple[Path, Path]
) -> None:
    url, _ = https
    (folders.config_maps / "rows" / "ca.crt").write_bytes(certificate[0].read_bytes())
    trusted = {"caBundle": {"name": "rows", "key": "ca.crt"}}
    with pytest.raises(NotRunError, match=r"missing.csv does not exist \(status 404\): correct the data set's uri$"):
        await opened(folders, uri=f"{url}/missing.csv", **trusted)
    with pytest.raises(NotRunError, match=r"give that authority's certificate by the data set's caBundle$"):
        await opened(folders, uri=f"{url}/x.jsonl")
    with pytest.raises(
        NotRunError, match=r"^the ConfigMap or the key that the data set's caBundle names does not exist"
    ):
        await opened(folders, uri=f"{url}/x.jsonl", caBundle={"name": "no", "key": "ca.crt"})
