"""The model's file in a folder that holds more."""

import pytest
from tests.support.fetch.layouts import Bench

from nereid.contract.fetch_errors import FetchError


def mlmodel(flavour: str, **entries: str) -> bytes:
    lines = [f"    {key}: {value}" for key, value in entries.items()]
    return "\n".join(["flavors:", "  python_function:", "    env: {}", f"  {flavour}:", *lines]).encode()


@pytest.mark.parametrize(
    ("model_format", "described", "file"),
    [
        ("onnx", mlmodel("onnx", data="model.onnx"), "model.onnx"),
        ("sklearn", mlmodel("sklearn", pickled_model="model.pkl"), "model.pkl"),
    ],
)
def test_mlflow_names_the_file(bench: Bench, model_format: str, described: bytes, file: str) -> None:
    ending = file.partition(".")[2]
    folder = bench.put({"MLmodel": described, file: b"\x80the model", f"examples/other.{ending}": b"another"})
    model = bench.stage(folder, model_format)
    assert next(model.glob("1/model.[op][nk]*")).read_bytes() == b"\x80the model"


def test_mlflow_names_the_folder_of_a_saved_model(bench: Bench) -> None:
    described = mlmodel("tensorflow", saved_model_dir="tf")
    model = bench.stage(bench.put({"MLmodel": described, "tf/saved_model.pb": b"graph"}), "savedmodel")
    assert (model / "1" / "model.savedmodel" / "saved_model.pb").read_bytes() == b"graph"


def test_mlflow_of_another_flavour_is_named(bench: Bench) -> None:
    folder = bench.put({"MLmodel": mlmodel("sklearn", pickled_model="model.pkl"), "model.pkl": b""})
    with pytest.raises(FetchError, match=r"is an MLflow model of the flavour sklearn and holds none of the files"):
        bench.stage(folder, "onnx")


def test_mlflow_that_names_a_missing_file_is_told(bench: Bench) -> None:
    folder = bench.put({"MLmodel": mlmodel("onnx", data="gone.onnx")})
    with pytest.raises(FetchError, match=r"has no gone.onnx, which its MLmodel names as the model"):
        bench.stage(folder, "onnx")


@pytest.mark.parametrize("described", [b"flavors: [onnx]", b"{", b"\xff\xfe", b"flavors: {onnx: {data: 7}}"])
def test_an_odd_mlmodel_does_not_keep_the_file_from_being_found(bench: Bench, described: bytes) -> None:
    model = bench.stage(bench.put({"MLmodel": described, "m.onnx": b"model"}), "onnx")
    assert (model / "1" / "model.onnx").read_bytes() == b"model"


def test_the_only_file_is_found_at_any_depth_but_not_where_it_is_hidden(bench: Bench) -> None:
    model = bench.stage(bench.put({"deep/er/m.onnx": b"model", ".cache/m.onnx": b"old", "README.md": b""}), "onnx")
    assert (model / "1" / "model.onnx").read_bytes() == b"model"


def test_several_files_are_listed(bench: Bench) -> None:
    folder = bench.put({"a.onnx": b"a", "b/c.onnx": b"c"})
    with pytest.raises(
        FetchError, match=r"holds 2 of the files .onnx: a.onnx, b/c.onnx; set spec.model.path to one of them"
    ):
        bench.stage(folder, "onnx")


def test_what_is_there_instead_is_listed(bench: Bench) -> None:
    with pytest.raises(FetchError, match=r"holds README.md, config.json, but none of the files"):
        bench.stage(bench.put({"README.md": b"", "config.json": b"{}"}), "tensorrt")


def test_other_files_of_json_are_no_boosters(bench: Bench) -> None:
    learner = b'"learner_model_param":{"num_class":"0","num_feature":"4"},"objective":{"name":"reg:squarederror"}'
    booster = b'{"learner":{' + learner + b'},"version":[3,2,0]}'
    folder = bench.put({"config.json": b'{"a": 1}', "input_example.json": b"[]", "empty.json": b"", "m.json": booster})
    assert (bench.stage(folder, "xgboost") / "1" / "xgboost.json").read_bytes() == booster


def test_links_in_circles_do_not_keep_the_file_from_being_found(bench: Bench) -> None:
    folder = bench.put({"a/m.onnx": b"model", "b/README": b""})
    for name in ("a/up", "a/again", "b/up", "b/again"):
        (folder / name).symlink_to("..")
    (bench.stage(folder, "onnx") / "1" / "model.onnx").resolve(strict=True)


def test_mlflow_that_names_a_file_elsewhere_is_told(bench: Bench) -> None:
    folder = bench.put({"MLmodel": mlmodel("onnx", data="/etc")})
    with pytest.raises(FetchError, match=r"has no /etc, which its MLmodel names as the model"):
        bench.stage(folder, "onnx")


def test_links_that_multiply_files_are_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nereid.models.fetch.layouts.search.MOST_LINKED", 1000)
    folder = bench.put({f"d{number}/README": b"" for number in range(17)})
    for number in range(16):
        for name in "ab":
            (folder / f"d{number}" / name).symlink_to(f"../d{number + 1}")
    with pytest.raises(FetchError, match=r"holds links to more than 1000 files and folders: remove links"):
        bench.stage(folder, "onnx")
