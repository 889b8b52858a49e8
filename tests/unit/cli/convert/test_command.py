"""`nereid convert` as a command: its input, its exit codes, and what it says without KServe's SDK."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nereid.cli import main

CASES = Path(__file__).parent / "cases"
PLAIN = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: digits}
spec: {predictor: {model: {modelFormat: {name: onnx}, storageUri: pvc://models/digits/1.onnx}}}
"""


def convert(*arguments, text=None):
    return CliRunner().invoke(main, ["convert", *arguments], input=text)


def test_standard_input_is_read_where_no_file_is_named():
    for arguments in ([], ["-"]):
        result = convert(*arguments, text=PLAIN)
        assert (result.exit_code, result.stderr) == (0, "")
        assert "uri: pvc://models/digits/1.onnx" in result.stdout


def test_several_files_become_one_stream():
    result = convert(str(CASES / "plain" / "in.yaml"), str(CASES / "rollouts" / "in.yaml"))
    assert result.stdout.count("kind: ModelDeployment") == 6


def test_json_is_printed_without_comments():
    result = convert("--output", "json", text=PLAIN)
    assert json.loads(result.stdout)["kind"] == "ModelDeployment"


@pytest.mark.parametrize(("case", "code"), [("unmapped", 1), ("plain", 0)])
def test_strict_makes_a_loss_a_failure(case, code):
    assert convert("--strict", str(CASES / case / "in.yaml")).exit_code == code


def test_other_kinds_are_skipped_with_a_line():
    result = convert(text="apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: models}\n---\n[]\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Secret models/keys: skipped: only InferenceServices" in result.stderr
    assert "a document: skipped: it is not a Kubernetes object" in result.stderr


@pytest.mark.parametrize("text", ["", "apiVersion: v1\nkind: List\nitems: []\n", "kind: Secret\n"])
def test_input_without_an_inference_service_is_told_and_no_failure(text):
    result = convert(text=text)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("no InferenceService found\n")


@pytest.mark.parametrize("version", ["serving.kserve.io/v1alpha2", "serving.kubeflow.org/v1beta1"])
def test_another_version_is_not_converted(version):
    result = convert(text=PLAIN.replace("serving.kserve.io/v1beta1", version))
    assert result.exit_code == 1
    assert f"not converted: its apiVersion is {version}: convert it to serving.kserve.io/v1beta1 first" in result.stderr
    assert "no InferenceService found" not in result.stderr


@pytest.mark.parametrize("text", ["a: [", "image: {user}/name\n", "\tkind: x"])
def test_what_is_not_yaml_is_refused(text):
    result = convert(text=text)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: <stdin> is not YAML: ")


def test_a_comment_stays_a_comment():
    text = PLAIN.replace("{predictor:", '{"x\\ninjected: true\\e[31m": 1, predictor:')
    result = convert(text=text)
    assert "\ninjected" not in result.stdout
    assert "\x1b" not in result.stderr
    assert "lost: spec.x injected: true" in result.stderr


@pytest.mark.parametrize("missing", ["kserve", "kubernetes"])
def test_the_missing_sdk_is_named(missing):
    program = f"import sys; sys.modules[{missing!r}] = None; from nereid.cli import main; main(['convert'])"
    ran = subprocess.run([sys.executable, "-c", program], input=PLAIN, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "needs KServe's SDK" in ran.stderr
    assert "pip install '.[convert]'" in ran.stderr


def test_nothing_is_imported_before_it_is_needed():
    program = "import sys, nereid.cli.convert.command; print('kserve' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
