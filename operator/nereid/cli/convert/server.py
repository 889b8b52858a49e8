"""Which of KServe's servers a predictor asks for, and the format in which Triton serves its model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nereid.api.model import Format
from nereid.cli.convert.findings import Findings, NotConvertibleError
from nereid.cli.convert.part import Part

# The older way to name a format: a field of the predictor for each.
_OLDER: Final = (
    "sklearn",
    "xgboost",
    "lightgbm",
    "onnx",
    "tensorflow",
    "pytorch",
    "triton",
    "pmml",
    "paddle",
    "huggingface",
)
_FORMATS: Final[Mapping[str, Format]] = {
    "sklearn": Format.SKLEARN,
    "xgboost": Format.XGBOOST,
    "lightgbm": Format.LIGHTGBM,
    "mlflow": Format.SKLEARN,
    "tensorflow": Format.SAVEDMODEL,
    "pytorch": Format.TORCHSCRIPT,
    # For these KServe starts Triton, to which it gives a model repository.
    "onnx": Format.TRITON,
    "tensorrt": Format.TRITON,
    "triton": Format.TRITON,
}
# Their servers speak KServe's first protocol if no other is asked for.
_FIRST_PROTOCOL: Final = frozenset({"sklearn", "xgboost", "lightgbm", "tensorflow", "pytorch"})
_LIBRARY: Final = (
    "the Triton image must have scikit-learn, in the version that trained the model, and Triton's own has none: set "
    "spec.runtime.image"
)
_NOTES: Final[Mapping[str, str]] = {
    "sklearn": _LIBRARY,
    "mlflow": (
        "the model's library is named in its file MLmodel, not here: format is set to sklearn, change it "
        f"if it is another one; for sklearn {_LIBRARY}"
    ),
    "onnx": (
        "KServe has Triton serve a folder as a model repository: if it only holds an .onnx file, set format to onnx"
    ),
    "tensorflow": (
        "TensorFlow Serving's folder has a folder for each version: let uri or path end in the one to serve, for "
        "instance path: '1'; the Triton image must have the TensorFlow backend: set spec.runtime.image if the "
        "chart's image does not"
    ),
    "pytorch": (
        "TorchServe's archive (.mar) is not TorchScript: save the model by torch.jit, let uri or path name the folder "
        "or the .pt file, and correct the tensors in spec.model.config, which are an example"
    ),
}
_IMAGE: Final = "tritonserver"
# The container of a predictor that is its server.
SERVER_CONTAINER: Final = "kserve-container"


@dataclass(frozen=True, slots=True)
class Server:
    """The server that a predictor asks for.

    part: its fields. uri: its `storageUri`, if any, and uri_path where that stands. is_triton: KServe would start
    Triton as well, so that image and arguments are Triton's.
    """

    part: Part
    uri: str | None
    uri_path: str
    format: Format
    is_triton: bool


def server_of(predictor: Part, findings: Findings) -> Server:
    """Return the server that a predictor asks for.

    Raises NotConvertibleError for one that serves what Triton does not.
    """
    if "model" in predictor:
        part = predictor.part("model")
        model_format = part.part("modelFormat")
        return _server(part, str(model_format.take("name") or "").lower(), part.take("runtime"), findings)
    for name in _OLDER:
        if name in predictor:
            return _server(predictor.part(name), name, None, findings)
    return _custom(predictor)


def _server(part: Part, name: str, runtime: str | None, findings: Findings) -> Server:
    uri, protocol = part.take("storageUri"), part.take("protocolVersion")
    if name not in _FORMATS:
        raise NotConvertibleError(
            f"{part.path}: Triton does not serve {name or 'a model without modelFormat.name'} as it is: export the "
            "model to ONNX, TorchScript or a SavedModel, or write a model of Triton's Python backend"
        )
    is_triton = "triton" in runtime if runtime else _FORMATS[name] is Format.TRITON
    if runtime and not is_triton and not runtime.startswith("kserve-"):
        findings.add_lost(part.path_of("runtime"), f"what the ServingRuntime {runtime} sets is not in this document")
    chosen: Format = Format.TRITON if is_triton else _FORMATS[name]
    if (uri or "").endswith(".onnx"):
        chosen = Format.ONNX
    elif name in _NOTES and (name == "onnx" or not is_triton):
        findings.note(part.path, _NOTES[name])
    if not is_triton:
        _note_protocol(part, name, protocol, findings)
    return Server(part, uri, part.path_of("storageUri"), chosen, is_triton)


def _note_protocol(part: Part, name: str, protocol: str | None, findings: Findings) -> None:
    if protocol in {"v1", "grpc-v1"} or (protocol is None and name in _FIRST_PROTOCOL):
        findings.note(
            part.path_of("protocolVersion"),
            "clients of KServe's protocol v1 have to change: POST /v1/models/NAME:predict becomes POST "
            "/v2/models/NAME/infer with the Open Inference Protocol's tensors, as Triton speaks",
        )


def _custom(predictor: Part) -> Server:
    """Return the server of a predictor that brings a container of its own, which must be Triton's."""
    containers = predictor.parts("containers") if "containers" in predictor else []
    if not containers:
        raise NotConvertibleError(f"{predictor.path}: no model is named")
    own = next((part for part in containers if part.take("name") == SERVER_CONTAINER), containers[0])
    image = str(own.take("image"))
    if _IMAGE not in image:
        raise NotConvertibleError(
            f"{own.path}: a container of your own ({image}) is not Triton: serve its code as a model of Triton's "
            "Python backend, and write a ModelDeployment with format python"
        )
    uri = next((item.get("value") for item in own.take("env") or () if item.get("name") == "STORAGE_URI"), None)
    return Server(own, uri, own.path_of("env"), Format.TRITON, is_triton=True)
