"""Each format's place in Triton's repository: from a volume by links, else moved, with its configuration."""

import gzip
import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.support.fetch.layouts import Bench, write

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.fetch.layouts import configure

TENSOR = {"name": "INPUT__0", "dataType": "TYPE_FP32", "dims": [4]}
TENSORS = {"input": [TENSOR], "output": [TENSOR]}
TEXT_OF_LIGHTGBM = b"tree\nversion=v4\nnum_class=3\nmax_feature_idx=3\nobjective=multiclass num_class:3\n\nTree=0\n"


def names(model: Path) -> list[str]:
    return sorted(str(path.relative_to(model)) for path in model.rglob("*") if not path.is_dir())


def tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("model_format", "file", "placed"),
    [("onnx", "m.onnx", "model.onnx"), ("tensorrt", "m.engine", "model.plan"), ("torchscript", "m.pth", "model.pt")],
)
def test_a_file_on_a_volume_is_linked(bench: Bench, model_format: str, file: str, placed: str) -> None:
    folder = bench.put({file: b"model"})
    link = bench.stage(folder, model_format, config=TENSORS if model_format == "torchscript" else {}) / "1" / placed
    assert link.is_symlink()
    assert link.readlink() == folder / file


def test_a_file_that_was_fetched_is_moved_whatever_its_name(bench: Bench) -> None:
    bench.staging.arrived.write_bytes(b"model")
    placed = bench.stage(bench.staging.arrived, "onnx") / "1" / "model.onnx"
    assert placed.read_bytes() == b"model"
    assert not placed.is_symlink()
    assert not bench.staging.arrived.exists()


def test_onnx_needs_no_configuration_but_takes_the_users(bench: Bench) -> None:
    folder = bench.put({"m.onnx": b"model"})
    assert names(bench.stage(folder, "onnx")) == ["1/model.onnx"]
    bench.staging.open()
    model = bench.stage(folder, "onnx", config={"maxBatchSize": 16})
    assert (model / "config.pbtxt").read_text() == 'max_batch_size: 16\nbackend: "onnxruntime"\n'


def test_the_weights_beside_an_onnx_file_come_with_it(bench: Bench) -> None:
    folder = bench.put({"onnx/m.onnx": b"graph", "onnx/m.onnx_data": b"weights", "README.md": b"text"})
    assert names(bench.stage(folder, "onnx")) == ["1/m.onnx_data", "1/model.onnx"]


def test_the_weights_beside_a_graph_that_is_named_come_with_it(bench: Bench) -> None:
    others = {"m_fp16.onnx": b"", "m_fp16.onnx_data": b"", "m.onnx.md5": b""}
    folder = bench.put({"m.onnx": b"graph", "m.onnx_data": b"", "m.onnx_data_1": b"", "m.onnx.data": b"", **others})
    expected = ["1/m.onnx.data", "1/m.onnx_data", "1/m.onnx_data_1", "1/model.onnx"]
    assert names(bench.stage(folder / "m.onnx", "onnx")) == expected


SAVED_MODEL = {"export/saved_model.pb": b"graph", "export/variables/variables.index": b"index"}


def test_a_saved_model_on_a_volume_is_linked(bench: Bench) -> None:
    saved = bench.stage(bench.put(SAVED_MODEL), "savedmodel") / "1" / "model.savedmodel"
    assert saved.is_symlink()
    assert (saved / "variables" / "variables.index").read_bytes() == b"index"


def test_a_saved_model_comes_as_an_archive(bench: Bench) -> None:
    bench.staging.arrived.write_bytes(tar(SAVED_MODEL))
    saved = bench.stage(bench.staging.arrived, "savedmodel") / "1" / "model.savedmodel"
    assert not saved.is_symlink()
    assert (saved / "variables" / "variables.index").read_bytes() == b"index"


def test_a_program_is_one_file(bench: Bench) -> None:
    bench.staging.arrived.write_bytes(b"class TritonPythonModel: ...")
    model = bench.stage(bench.staging.arrived, "python")
    assert names(model) == ["1/model.py", "config.pbtxt"]
    assert (model / "config.pbtxt").read_text() == 'backend: "python"\n'


def test_a_program_is_a_folder_with_its_own_configuration(bench: Bench) -> None:
    folder = bench.put({"model.py": b"", "lib/steps.py": b"", "config.pbtxt": b'backend: "python" max_batch_size: 4'})
    model = bench.stage(folder, "python", config={"maxBatchSize": 8})
    assert {"1/model.py", "config.pbtxt"} <= set(names(model))
    assert (model / "1" / "lib" / "steps.py").exists()
    assert "max_batch_size: 8" in (model / "config.pbtxt").read_text()
    assert (folder / "config.pbtxt").read_text().endswith("max_batch_size: 4")


def test_a_folder_without_a_program_is_refused(bench: Bench) -> None:
    with pytest.raises(FetchError, match=r"pvc://models/flowers holds main.py, but no model.py: add one with"):
        bench.stage(bench.put({"main.py": b""}), "python")


def test_a_pickle_goes_to_the_python_backend_with_its_program(bench: Bench) -> None:
    model = bench.stage(bench.put({"m.joblib": b"\x80\x04."}), "sklearn")
    assert names(model) == ["1/model.pkl", "1/model.py", "1/numpy_bridge.py", "1/predictor.py", "config.pbtxt"]
    assert 'backend: "python"' in (model / "config.pbtxt").read_text()
    assert "import sklearn" in (model / "1" / "predictor.py").read_text()


def test_a_forest_goes_to_fil_where_the_image_has_it(bench: Bench) -> None:
    folder = bench.put({"m.txt": TEXT_OF_LIGHTGBM, "requirements.txt": b"lightgbm\n"})
    model = bench.stage(folder, "lightgbm")
    assert names(model) == ["1/model.txt", "config.pbtxt"]
    text = (model / "config.pbtxt").read_text()
    assert 'backend: "fil"' in text
    assert text.count("dims: 4") == 1
    assert text.count("dims: 3") == 1


def test_a_forest_goes_to_python_where_the_user_wants_it(bench: Bench) -> None:
    model = bench.stage(bench.put({"m.txt": TEXT_OF_LIGHTGBM}), "lightgbm", config={"backend": "python"})
    assert names(model) == ["1/model.py", "1/model.txt", "1/predictor.py", "config.pbtxt"]


def test_labels_instead_of_probabilities_change_what_fil_answers(bench: Bench) -> None:
    config = {"parameters": {"predict_proba": {"string_value": "false"}, "threshold": {"stringValue": "0.3"}}}
    text = (bench.stage(bench.put({"m.txt": TEXT_OF_LIGHTGBM}), "lightgbm", config=config) / "config.pbtxt").read_text()
    assert 'name: "output__0"\n  data_type: TYPE_FP32\n  dims: 1' in text
    assert 'string_value: "0.3"' in text


def test_linear_trees_go_to_python(bench: Bench) -> None:
    folder = bench.put({"m.txt": TEXT_OF_LIGHTGBM + b"is_linear=1\n"})
    assert 'backend: "python"' in (bench.stage(folder, "lightgbm") / "config.pbtxt").read_text()
    bench.staging.open()
    with pytest.raises(FetchError, match=r"has linear trees .* set spec.model.config.backend to python"):
        bench.stage(folder, "lightgbm", config={"backend": "fil"})


def test_a_pickled_booster_is_an_estimator(bench: Bench) -> None:
    mlmodel = b"flavors:\n  lightgbm:\n    data: model.pkl\n"
    model = bench.stage(bench.put({"MLmodel": mlmodel, "model.pkl": b"\x80\x04."}), "lightgbm")
    assert "1/model.pkl" in names(model)
    bench.staging.open()
    with pytest.raises(FetchError, match=r"is a pickle, which the backend fil cannot read"):
        bench.stage(bench.put({}), "lightgbm", config={"backend": "fil"})


def test_nonsense_is_no_forest(bench: Bench) -> None:
    bench.staging.arrived.write_bytes(b"nonsense")
    with pytest.raises(
        FetchError, match=r"is not a valid LightGBM text file: write it with Booster.save_model"
    ) as caught:
        bench.stage(bench.staging.arrived, "lightgbm")
    assert caught.value.reason is Reason.MODEL_INVALID


def test_a_link_out_of_the_volume_is_refused(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = bench.put({})
    folder.mkdir()
    (folder / "m.onnx").symlink_to(tmp_path / "secret")
    with pytest.raises(FetchError, match=r"has m.onnx, a link that points outside its volume"):
        bench.stage(folder, "onnx")


REPOSITORY = {
    "flowers/1/model.onnx": b"model",
    "flowers/config.pbtxt": b"max_batch_size: 4",
    "whole/1/.keep": b"",
    "whole/config.pbtxt": b'platform: "ensemble"',
}


def test_of_a_repository_only_the_named_model_is_configured(bench: Bench) -> None:
    folder = bench.put(REPOSITORY)
    model = bench.stage(folder, "triton", config={"dynamicBatching": {}})
    assert (model / "config.pbtxt").read_text() == "max_batch_size: 4\ndynamic_batching {\n}\n"
    assert (folder / "flowers" / "config.pbtxt").read_bytes() == b"max_batch_size: 4"
    assert (bench.staging.tree / "whole").readlink() == folder / "whole"


def test_a_repository_comes_as_an_archive(bench: Bench) -> None:
    bench.staging.arrived.write_bytes(tar(REPOSITORY))
    model = bench.stage(bench.staging.arrived, "triton", config={"maxBatchSize": 0})
    assert (model / "config.pbtxt").read_text() == ""
    assert (model / "1" / "model.onnx").read_bytes() == b"model"


ENSEMBLES = {
    "flowers/config.pbtxt": b"ensemble_scheduling { step [{ model_name: 'steps' model_version: -1 }] }",
    "whole/config.pbtxt": b'platform: "ensemble"',
    "steps/config.pbtxt": b'backend: "python"',
    "odd/config.pbtxt": b"platform = ensemble",
    "third/config.pbtxt": b'platform: "ensemble"',
    "third/3/README": b"",
    # Where a file is expected.
    "folder/config.pbtxt/README": b"",
}


@pytest.mark.parametrize("config", [{}, {"maxBatchSize": 2}])
def test_an_ensemble_without_a_version_gets_one(bench: Bench, config: dict[str, int]) -> None:
    folder = bench.put(ENSEMBLES)
    bench.stage(folder, "triton", config=config)
    bench.staging.open()
    archive = bench.staging.root / "arrived.tar"
    archive.write_bytes(tar(ENSEMBLES))
    bench.stage(archive, "triton", config=config)
    versions = sorted(str(path.parent.relative_to(bench.staging.tree)) for path in bench.staging.tree.glob("*/[0-9]"))
    assert versions == ["flowers", "third", "whole"]
    assert not (folder / "whole" / "1").exists()


def test_configuring_twice_is_configuring_once(bench: Bench) -> None:
    model = write(bench.staging.tree / "flowers", {"config.pbtxt": b"max_batch_size: 4"})
    request = bench.request("triton", config={"instanceGroup": [{"count": 2}]})
    configure(model, request)
    once = (model / "config.pbtxt").read_text()
    configure(model, request)
    assert (model / "config.pbtxt").read_text() == once


def test_a_configuration_that_cannot_be_merged_is_explained(bench: Bench) -> None:
    model = write(bench.staging.tree / "flowers", {"config.pbtxt": b"max_batch_sise: 4"})
    with pytest.raises(FetchError, match=r"configuration of the model flowers: its config.pbtxt is not a valid Triton"):
        configure(model, bench.request("triton", config={"maxBatchSize": 2}))


def test_a_wrong_configuration_is_refused_before_anything_is_placed(bench: Bench) -> None:
    with pytest.raises(FetchError, match=r"did you mean maxBatchSize"):
        bench.stage(bench.put({"m.onnx": b"model"}), "onnx", config={"maxBatchSiz": 2})
    assert list(bench.staging.tree.iterdir()) == []


def test_a_saved_model_may_be_one_file(bench: Bench) -> None:
    artifact = write(bench.staging.arrived, {"saved_model.pb": b"graph"}) / "saved_model.pb"
    saved = bench.stage(artifact, "savedmodel") / "1" / "model.savedmodel"
    assert (saved / "saved_model.pb").read_bytes() == b"graph"


def test_parameters_may_be_null(bench: Bench) -> None:
    model = bench.put({"m.txt": b"tree\nnum_class=1\nmax_feature_idx=3\nobjective=regression\n\n"}) / "m.txt"
    staged = bench.stage(model, "lightgbm", config={"parameters": None})
    assert 'backend: "fil"' in (staged / "config.pbtxt").read_text()


BOOSTER = b'{"learner":{"learner_model_param":{"num_class":"0","num_feature":"4"},"objective":{"name":"reg:tweedie"}}}'
IN_ARCHIVES = [
    ("onnx", "m.onnx", "model.onnx", b"model"),
    ("tensorrt", "m.plan", "model.plan", b"model"),
    ("torchscript", "m.pt", "model.pt", b"model"),
    ("sklearn", "m.joblib", "model.pkl", b"\x80\x04."),
    ("xgboost", "m.json", "xgboost.json", BOOSTER),
    ("lightgbm", "m.txt", "model.txt", TEXT_OF_LIGHTGBM),
]


def archived(bench: Bench, name: str, files: dict[str, bytes]) -> Path:
    """Let an archive have arrived."""
    bench.staging.arrived.mkdir()
    archive = bench.staging.arrived / name
    if not name.endswith(".zip"):
        archive.write_bytes(tar(files))
        return archive
    with zipfile.ZipFile(archive, "w") as packed:
        for entry, content in files.items():
            packed.writestr(entry, content)
    return archive


@pytest.mark.parametrize("archive", ["model.tar.gz", "model.TGZ", "model.zip"])
@pytest.mark.parametrize(("model_format", "file", "placed", "content"), IN_ARCHIVES)
def test_a_file_comes_in_an_archive(
    bench: Bench, archive: str, model_format: str, file: str, placed: str, content: bytes
) -> None:
    path = archived(bench, archive, {f"top/{file}": content, "top/README.md": b"text"})
    model = bench.stage(path, model_format, config=TENSORS if model_format == "torchscript" else {})
    assert (model / "1" / placed).read_bytes() == content


def test_an_archive_may_have_any_name_where_no_model_begins_like_one(bench: Bench) -> None:
    path = archived(bench, "iris-1.0", {"m.onnx": b"model"})
    assert (bench.stage(path, "onnx") / "1" / "model.onnx").read_bytes() == b"model"


def test_a_compressed_pickle_of_any_name_is_no_archive(bench: Bench) -> None:
    bench.staging.arrived.write_bytes(gzip.compress(b"\x80\x04."))
    assert "1/model.pkl" in names(bench.stage(bench.staging.arrived, "sklearn"))


def test_the_weights_beside_a_graph_in_an_archive_come_with_it(bench: Bench) -> None:
    path = archived(bench, "model.tar.gz", {"m.onnx": b"graph", "weights.bin": b"weights"})
    assert names(bench.stage(path, "onnx")) == ["1/model.onnx", "1/weights.bin"]


@pytest.mark.parametrize(
    ("model_format", "entry", "placed"),
    [("torchscript", "m/constants.pkl", "model.pt"), ("sklearn", "schema.json", "model.skops")],
)
def test_a_model_that_is_a_zip_file_itself_is_not_unpacked(
    bench: Bench, model_format: str, entry: str, placed: str
) -> None:
    path = archived(bench, "model.zip", {entry: b"model"})
    config = TENSORS if model_format == "torchscript" else {}
    assert zipfile.is_zipfile(bench.stage(path, model_format, config=config) / "1" / placed)


def test_an_archive_without_the_model_tells_what_it_holds(bench: Bench) -> None:
    path = archived(bench, "model.tar.gz", {"main.py": b"", "README.md": b""})
    with pytest.raises(FetchError, match=r"holds README.md, main.py, but none of the files .onnx"):
        bench.stage(path, "onnx")


def hub_cache(bench: Bench, *links: str) -> Path:
    """Let an archive of the hub's own cache have arrived: a snapshot is links to blobs."""
    bench.staging.arrived.mkdir()
    archive = bench.staging.arrived / "model.tar"
    with tarfile.open(archive, "w") as packed:
        blob = tarfile.TarInfo("hub/blobs/abc")
        blob.size = 5
        packed.addfile(blob, io.BytesIO(b"model"))
        for link in links:
            entry = tarfile.TarInfo(f"hub/snapshots/{link}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/".join([*[".."] * (link.count("/") + 1), "blobs/abc"])
            packed.addfile(entry)
    return archive


def read_alone(bench: Bench, model: Path) -> dict[str, bytes]:
    """Return the files of a model once nothing is left of what it was unpacked from."""
    shutil.rmtree(bench.staging.unpacked)
    shutil.rmtree(bench.staging.arrived)
    return {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if not path.is_dir()}


def test_a_link_in_an_archive_becomes_its_file(bench: Bench) -> None:
    model = bench.stage(hub_cache(bench, "r/model.onnx", "r/weights.bin"), "onnx")
    assert read_alone(bench, model) == {"1/model.onnx": b"model", "1/weights.bin": b"model"}


@pytest.mark.parametrize(
    ("model_format", "links", "placed"),
    [
        ("savedmodel", ["r/saved_model.pb", "r/variables/v"], ["1/model.savedmodel/saved_model.pb"]),
        ("triton", ["flowers/1/model.onnx"], ["1/model.onnx"]),
    ],
)
def test_links_in_a_folder_of_an_archive_become_files(
    bench: Bench, model_format: str, links: list[str], placed: list[str]
) -> None:
    archive = hub_cache(bench, *links)
    if model_format == "triton":
        # A repository has the models at its top.
        unpacked = bench.staging.root / "repository"
        with tarfile.open(archive) as packed:
            packed.extractall(unpacked)
        shutil.move(unpacked / "hub" / "snapshots" / "flowers", unpacked / "hub" / "flowers")
        (unpacked / "hub" / "flowers" / "1" / "model.onnx").unlink()
        (unpacked / "hub" / "flowers" / "1" / "model.onnx").symlink_to("../../blobs/abc")
        with tarfile.open(archive, "w") as packed:
            packed.add(unpacked / "hub", "hub")
    held = read_alone(bench, bench.stage(archive, model_format))
    assert {name: held[name] for name in placed} == dict.fromkeys(placed, b"model")


def test_a_link_of_a_folder_that_was_fetched_becomes_its_file(bench: Bench) -> None:
    folder = write(bench.staging.arrived, {"blobs/abc": b"model"})
    (folder / "model.plan").symlink_to("blobs/abc")
    model = bench.stage(folder, "tensorrt")
    shutil.rmtree(folder)
    assert (model / "1" / "model.plan").read_bytes() == b"model"


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, b"\x80\x04.")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("model_format", "files", "placed"),
    [
        ("sklearn", {"model.pkl": b"\x80\x04.", "raw.zip": zipped("schema.json", "d.csv")}, "model.pkl"),
        ("torchscript", {"model.pt": b"model", "old.zip": zipped("m/constants.pkl")}, "model.pt"),
    ],
)
def test_a_zip_file_beside_a_model_is_none(
    bench: Bench, model_format: str, files: dict[str, bytes], placed: str
) -> None:
    folder = bench.put(files)
    model = bench.stage(folder, model_format, config=TENSORS if model_format == "torchscript" else {})
    assert (model / "1" / placed).readlink() == next(iter(folder.glob("model.*")))


@pytest.mark.parametrize("name", ["net.pth.tar", "net.zip", "net.tgz", "net"])
def test_a_script_is_told_by_what_it_holds(bench: Bench, name: str) -> None:
    path = write(bench.staging.arrived, {name: zipped("net/constants.pkl", "net/data.pkl")}) / name
    assert zipfile.is_zipfile(bench.stage(path, "torchscript", config=TENSORS) / "1" / "model.pt")


@pytest.mark.parametrize(
    ("model_format", "entries", "placed"),
    [
        ("sklearn", ["model.pkl", "schema.json"], "model.pkl"),
        ("torchscript", ["model.pt", "extra/constants.pkl"], "model.pt"),
    ],
)
def test_a_zip_file_with_a_models_file_is_an_archive(
    bench: Bench, model_format: str, entries: list[str], placed: str
) -> None:
    path = write(bench.staging.arrived, {"m.zip": zipped(*entries)}) / "m.zip"
    model = bench.stage(path, model_format, config=TENSORS if model_format == "torchscript" else {})
    assert (model / "1" / placed).read_bytes() == b"\x80\x04."


def test_several_models_in_an_archive_are_told(bench: Bench) -> None:
    path = archived(bench, "model.zip", {"a.onnx": b"a", "b.onnx": b"b"})
    with pytest.raises(FetchError, match=r"holds 2 of the files .onnx: a.onnx, b.onnx; pack only one of them"):
        bench.stage(path, "onnx")


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"{}"), b"\x1f\x8b", gzip.compress(b"{}" * 99)[:20]],
    ids=["whole", "cut in its head", "cut off"],
)
def test_a_compressed_file_that_is_no_archive_is_told_as_its_format_does(bench: Bench, content: bytes) -> None:
    path = write(bench.staging.arrived, {"model.json.gz": content}) / "model.json.gz"
    with pytest.raises(FetchError, match=r"is not a valid XGBoost model"):
        bench.stage(path, "xgboost")
