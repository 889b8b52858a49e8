"""Where a data set's file is, and what is said when it is not there."""

from pathlib import Path
from typing import Any

import pytest

from nereid.api.checks import DatasetSpec
from nereid.checks.dataset import Dataset, Folders
from nereid.checks.errors import NotRunError
from nereid.contract.check_job import folder_of

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


def not_run(folders: Folders, **changes: Any) -> str:
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
    remedy = "correct the data set's uri"
    assert not_run(folders, uri="pvc://data/sets/y.csv") == (
        f"pvc://data/sets/y.csv is not a file; pvc://data/sets holds x.csv: {remedy}"
    )
    assert not_run(folders, uri="pvc://data/sets/more/y.csv").endswith(f"pvc://data/sets holds x.csv: {remedy}")
    assert not_run(folders, uri="pvc://data/sets").endswith(f"pvc://data holds sets: {remedy}")
    assert "points outside its claim" in not_run(folders, uri="pvc://data/../x.csv")


def test_what_is_not_in_a_config_map(folders: Folders) -> None:
    assert not_run(folders, **config_map("nothing", "x.csv")) == (
        "there is no ConfigMap nothing in this namespace: create it"
    )
    assert not_run(folders, **config_map("rows", "y.csv")) == (
        "ConfigMap rows has no key y.csv; its keys are x.csv: correct the check's dataset, or add the key"
    )


def test_columns_that_are_not_there(folders: Folders) -> None:
    assert not_run(folders, inputs=[{"name": "x", "columns": ["c"]}]) == (
        "data set pvc://data/sets/x.csv: it has no column c; its columns are a, b, label: correct the check or the file"
    )


def test_no_rows(folders: Folders) -> None:
    (folders.claims / "data" / "sets" / "x.csv").write_text("a,b\n")
    assert not_run(folders) == "data set pvc://data/sets/x.csv: it has no rows"


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz", "parquet"])
@pytest.mark.parametrize("content", [b"\xff\x00{", b"", b"PK\x03\x04 what"], ids=["noise", "nothing", "no archive"])
def test_files_that_are_something_else(folders: Folders, form: str, content: bytes) -> None:
    (folders.claims / "data" / "sets" / "x.csv").write_bytes(content)
    assert not_run(folders, format=form).startswith("data set pvc://data/sets/x.csv")


def test_an_unknown_format(folders: Folders) -> None:
    (folders.claims / "data" / "sets" / "x.txt").write_text("")
    assert not_run(folders, uri="pvc://data/sets/x.txt").endswith(
        "its name ends in none of .csv, .jsonl, .npz, .parquet: set format"
    )


def fetched(folders: Folders, name: str, content: str = CSV, **changes: Any) -> DatasetSpec:
    """Leave a data set as the container that fetches does, and return its spec."""
    found = spec(**changes)
    folder = folders.downloads / folder_of(found).name
    folder.mkdir()
    (folder / name).write_text(content)
    return found


@pytest.mark.parametrize(
    ("changes", "name", "shown"),
    [
        ({"uri": "s3://data/held-out/x.csv"}, "x.csv", "s3://data/held-out/x.csv"),
        ({"uri": "hf://acme/digits", "path": "sets/x.csv"}, "x.csv", "hf://acme/digits:main/sets/x.csv"),
        ({"uri": "https://files.example.com/x.csv?token=secret"}, "x.csv", "https://files.example.com/x.csv"),
        ({"uri": "models:/digits@champion", "format": "csv"}, "held-out", "models:/digits@champion"),
    ],
)
def test_rows_of_what_was_fetched(folders: Folders, changes: dict[str, Any], name: str, shown: str) -> None:
    dataset = Dataset(fetched(folders, name, **changes), folders)
    assert sum(len(part) for part in dataset.rows()) == 100
    with pytest.raises(NotRunError) as raised:
        list(dataset.rows("missing"))
    assert str(raised.value).startswith(f"data set {shown}: it has no column missing")


def test_one_place_with_other_credentials_is_another_folder() -> None:
    asked = [spec(uri="s3://data/x.csv"), spec(uri="s3://data/x.csv", credentials={"secretName": "reader"})]
    assert len({folder_of(one) for one in asked}) == 2
    assert folder_of(spec(uri="s3://data/x.csv", maxRows=1)) == folder_of(asked[0])


def test_what_was_not_fetched(folders: Folders) -> None:
    assert not_run(folders, uri="s3://data/x.csv") == (
        "s3://data/x.csv was not fetched before the checks began: see the log of the container fetch-datasets"
    )
