"""What becomes of one field of a predictor, and what its user is told of it."""

import re
from pathlib import Path

import pytest

from nereid.cli.convert.conversion import conversion
from nereid.cli.convert.credentials import VARIABLES

MODELS = Path(__file__).parents[4] / "docs" / "models.md"
IMAGE = "nvcr.io/nvidia/tritonserver"


def converted(**predictor):
    return conversion(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "digits"},
            "spec": {"predictor": predictor},
        }
    )


def by_format(name, **fields):
    model = {"modelFormat": {"name": name}, "protocolVersion": "v2", "storageUri": "s3://models/digits", **fields}
    return converted(model=model)


def by_storage(**storage):
    return converted(sklearn={"protocolVersion": "v2", "storage": storage})


def by_container(**container):
    own = {"name": "kserve-container", "image": f"{IMAGE}:25.08-py3", **container}
    return converted(containers=[{"env": [{"name": "STORAGE_URI", "value": "pvc://models/digits"}], **own}])


def arguments(made):
    return made.manifest["spec"].get("runtime", {}).get("args")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("sklearn", "must have scikit-learn, in the version that trained the model, and Triton's own has none: set"),
        ("mlflow", "must have scikit-learn, in the version that trained the model, and Triton's own has none: set"),
        ("tensorflow", "must have the TensorFlow backend: set spec.runtime.image if the chart's image does not"),
    ],
)
def test_formats_that_the_default_image_does_not_serve_ask_for_an_image(name, sentence):
    assert any(sentence in note for note in by_format(name).notes)
    assert not any(sentence in note for note in by_format(name, runtime="kserve-tritonserver").notes)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_forests_are_served_by_the_default_image(name):
    assert by_format(name).notes == ()


@pytest.mark.parametrize(
    ("release", "is_old"),
    [
        ("20.03.1-py3", True),
        ("21.09-py3", True),
        ("23.10-py3-sdk", True),
        ("23.11-py3", False),
        ("25.08-py3", False),
    ],
)
def test_a_triton_that_nereid_cannot_start_is_told(release, is_old):
    for made in (
        by_container(image=f"{IMAGE}:{release}"),
        by_container(image=f"registry.example.com:5000/tritonserver:{release}@sha256:{'0' * 64}"),
        by_format("triton", image=f"{IMAGE}:{release}"),
    ):
        assert any("Nereid needs Triton 23.11 or later" in note for note in made.notes) is is_old


def test_an_old_runtime_version_is_told():
    made = by_format("triton", runtimeVersion="21.09-py3")
    assert any(note.startswith("spec.predictor.model.runtimeVersion: Nereid needs Triton 23.11") for note in made.notes)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (
            ["tritonserver", "--model-repository", "/mnt/models", "--http-port", "8080", "--log-verbose", "1"],
            ["--log-verbose", "1"],
        ),
        (["--model-store=/mnt/models", "--log-verbose=1"], ["--log-verbose=1"]),
        (["--allow-grpc", "--log-verbose=1"], ["--log-verbose=1"]),
        (["tritonserver", "--model-repository=/tritonserver"], None),
        (["/opt/tritonserver/bin/tritonserver", "--exit-on-error", "false"], ["--exit-on-error", "false"]),
        (["--model-name", "other", "--log-info=true"], ["--log-info=true"]),
    ],
)
def test_of_tritons_arguments_only_those_that_nereid_gives_are_left_out_with_their_values(words, kept):
    for made in (by_format("triton", args=words), by_container(args=words)):
        assert arguments(made) == kept
        assert made.lost == ()


def test_a_command_that_is_triton_is_nothing_to_lose():
    made = by_container(command=["tritonserver", "--log-info=true"], args=["--log-verbose=1"])
    assert (arguments(made), made.lost) == (["--log-info=true", "--log-verbose=1"], ())


@pytest.mark.parametrize("words", [["--model-name", "other"], ["--model_name=other"], ["--model-name other"]])
def test_the_name_of_the_model_is_taken_from_the_arguments_once(words):
    made = by_format("sklearn", args=words)
    assert made.manifest["spec"]["model"]["name"] == "other"
    assert made.lost == ()


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"command": ["sh", "-c"], "args": ["tritonserver --model-repository=/mnt/models --model-name=x"]}, "command"),
        ({"command": ["/bin/bash", "-c", "exec tritonserver"]}, "command"),
        ({"args": ["bash", "-c", "sleep 1; tritonserver"]}, "args"),
        ({"args": ["-c", "tritonserver --log-verbose=1"]}, "args"),
    ],
)
def test_nothing_is_kept_of_a_shell_that_starts_triton(container, field):
    made = by_container(**container)
    assert "runtime" in made.manifest["spec"]
    assert arguments(made) is None
    assert "name" not in made.manifest["spec"]["model"]
    told = "a shell starts Triton: write its arguments one by one in spec.runtime.args"
    assert made.lost == (f"spec.predictor.containers[0].{field}: {told}",)


def test_another_program_than_triton_is_lost_and_its_arguments_are_kept():
    made = by_container(command=["/opt/wrap"], args=["tritonserver", "--log-verbose=1"])
    assert arguments(made) == ["--log-verbose=1"]
    assert [line.partition(": ")[0] for line in made.lost] == ["spec.predictor.containers[0].command"]


def test_storage_without_a_key_tells_which_one_kserve_takes():
    made = by_storage(path="iris", parameters={"type": "s3", "bucket": "models"})
    assert made.manifest["spec"]["model"] == {"uri": "s3://models/iris", "format": "sklearn"}
    (note,) = [note for note in made.notes if note.startswith("spec.predictor.sklearn.storage: ")]
    assert "KServe uses default_s3 of KServe's Secret storage-config" in note
    assert "create a Secret with the keys AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in note
    assert "spec.model.credentials" in note


def test_storage_without_key_and_type_is_of_the_key_default():
    made = by_format("onnx", storage={"path": "1"})
    assert any("KServe uses default of KServe's Secret" in note for note in made.notes)


@pytest.mark.parametrize("kind", ["hdfs", "webhdfs"])
def test_storage_in_hdfs_is_refused_as_such(kind):
    for parameters in ({"type": kind}, {"type": kind, "bucket": "models"}):
        made = by_storage(path="iris", parameters=parameters)
        assert made.not_converted.startswith(
            f"spec.predictor.sklearn.storage.parameters.type: Nereid does not fetch from {kind}: copy the model to one"
        )


def test_storage_without_a_path_is_refused_as_such():
    made = by_storage(parameters={"type": "s3", "bucket": "models"})
    assert made.not_converted.startswith("spec.predictor.sklearn.storage.path is missing")


@pytest.mark.parametrize(
    ("uri", "name", "is_told"),
    [
        ("hf://owner/digits", "HF_TOKEN", True),
        ("s3://models/digits", "AWS_ACCESS_KEY_ID", True),
        ("s3://models/digits", "HF_TOKEN", False),
        ("pvc://models/digits", "AWS_ACCESS_KEY_ID", False),
    ],
)
@pytest.mark.parametrize("value", [{"value": "x"}, {"valueFrom": {"secretKeyRef": {"name": "keys", "key": "x"}}}])
def test_a_credential_among_the_variables_is_told(uri, name, is_told, value):
    made = by_format("xgboost", storageUri=uri, env=[{"name": "PLAIN", "value": "1"}, {"name": name, **value}])
    told = f"spec.predictor.model.env[1]: {name} reaches only Triton, not the container that fetches the model: "
    assert any(note.startswith(told) for note in made.notes) is is_told
    assert made.manifest["spec"]["runtime"]["env"][1]["name"] == name


def test_the_variables_are_the_documented_keys():
    rows = re.findall(r"^\| `(s3|gs|azure|hf)://.*\| (?P<keys>[^|]*) \|$", MODELS.read_text(), re.MULTILINE)
    documented = {scheme: frozenset(re.findall(r"`([A-Z][A-Z_]+)`", keys)) for scheme, keys in rows}
    assert documented == dict(VARIABLES)
