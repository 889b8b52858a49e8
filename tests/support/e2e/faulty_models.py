"""Versions of the digits model that look sound and are not, as archives of Triton repositories.

All are made from one sound version and answer as that one does, where they answer: a client tells their answers from
those of any other version, `nonsense` even from those of the sound one.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import onnx
from digits.train import Digits, Trained

Fault = Literal["broken", "fails", "slow", "nonsense", "crashes", "rejects", "busy", "hoards", "tires"]
Ending = Literal["zip", "tar.gz"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
# The version that the faulty ones are made from: as a logistic regression, it is a matrix.
SOUND: Final = "3"
NONSENSE: Final = "nonsense"
MODEL: Final = "digits"
_SOURCE: Final = Path(__file__).parent / "faulty_model" / "model.py"
_CONFIG: Final = """
backend: "python"
max_batch_size: 32
dynamic_batching {{}}
input [{{ name: "{input}", data_type: TYPE_FP32, dims: [64] }}]
output [
  {{ name: "label", data_type: TYPE_INT64, dims: [1] }},
  {{ name: "probabilities", data_type: TYPE_FP32, dims: [10] }}
]
instance_group [{{ count: 1, kind: KIND_CPU }}]
parameters {{ key: "fault", value: {{ string_value: "{fault}" }} }}
"""


def archive_name(fault: Fault, ending: Ending = "zip") -> str:
    """Return the file name under which a faulty version is served."""
    return f"{fault}.{ending}"


def archives(digits: Digits) -> dict[str, bytes]:
    """Return the archives of all faulty versions by their file names."""
    weights = _weights(digits.versions[SOUND])
    return {
        archive_name(fault, ending): pack(_repository(fault, weights))
        for fault in FAULTS
        for ending, pack in _PACKERS.items()
    }


def with_nonsense(digits: Digits) -> Digits:
    """Add what the version `nonsense` answers, as if it had been trained to."""
    sound = digits.versions[SOUND]
    probabilities = np.roll(sound.probabilities, 1, axis=1)
    answers = replace(sound, version=NONSENSE, labels=(sound.labels + 1) % 10, probabilities=probabilities)
    return replace(digits, versions={**digits.versions, NONSENSE: answers})


def _repository(fault: Fault, weights: bytes) -> dict[str, bytes]:
    # A model with another input refuses what clients of the present one send.
    config = _CONFIG.format(input="pixels" if fault == "rejects" else "image", fault=fault)
    files = {"config.pbtxt": config.encode(), "1/model.py": _SOURCE.read_bytes(), "1/weights.npz": weights}
    return {f"{MODEL}/{path}": content for path, content in files.items()}


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def _tarred(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


_PACKERS: Final[Mapping[Ending, Callable[[Mapping[str, bytes]], bytes]]] = {"zip": _zipped, "tar.gz": _tarred}


def _weights(trained: Trained) -> bytes:
    """Return the matrix of a logistic regression, read from its graph."""
    graph = onnx.load_from_string(trained.onnx).graph
    classifier = next(node for node in graph.node if node.op_type == "LinearClassifier")
    values = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in classifier.attribute}
    intercepts = np.array(values["intercepts"], dtype=np.float32)
    coefficients = np.array(values["coefficients"], dtype=np.float32).reshape(len(intercepts), -1).T
    buffer = io.BytesIO()
    np.savez_compressed(buffer, coefficients=coefficients, intercepts=intercepts)
    return buffer.getvalue()
