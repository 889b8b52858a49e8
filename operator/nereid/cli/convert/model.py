"""`spec.model` of a predictor: where the model is, its format, and what the batcher becomes."""

from collections.abc import Mapping
from typing import Any, Final

from nereid.cli.convert.arguments import model_name
from nereid.cli.convert.credentials import note_account, note_variables, storage_credentials
from nereid.cli.convert.findings import Findings, NotConvertibleError
from nereid.cli.convert.part import Part
from nereid.cli.convert.server import Server
from nereid.cli.convert.source import model_uri, not_fetched

_MICROSECONDS: Final = 1000
# A TorchScript file does not describe its tensors, which Triton needs.
_EXAMPLE_TENSORS: Final[Mapping[str, Any]] = {
    "input": [{"name": "INPUT__0", "dataType": "TYPE_FP32", "dims": [-1]}],
    "output": [{"name": "OUTPUT__0", "dataType": "TYPE_FP32", "dims": [-1]}],
}
_WITH_ENDPOINT: Final = frozenset({"s3", "gs", "azure", "hf"})
_TYPES: Final = frozenset({"s3", "gs"})


def model_fields(name: str, predictor: Part, server: Server, findings: Findings) -> dict[str, Any]:
    """Return `spec.model` for the predictor of the InferenceService `name`."""
    storage = server.part.part("storage") if "storage" in server.part else None
    uri = model_uri(server.uri, server.uri_path) if server.uri else _uri_of_storage(predictor, server, storage)
    fields: dict[str, Any] = {"uri": uri, "format": server.format.value}
    if name_of_model := model_name(server.part):
        fields["name"] = name_of_model
    if storage:
        fields |= _from_storage(name, storage, uri, with_path=bool(server.uri), findings=findings)
    elif account := predictor.take("serviceAccountName") or predictor.take("serviceAccount"):
        note_account(predictor.path_of("serviceAccountName"), account, uri, findings)
    note_variables(server.part, uri, findings)
    if server.format == "triton" and "name" not in fields:
        findings.note(
            server.part.path,
            f"clients address the models of the repository by their folders' names; set spec.model.name to one of "
            f"them if none is called {name}",
        )
    config = dict(_EXAMPLE_TENSORS) if server.format == "torchscript" else {}
    if "batcher" in predictor:
        config |= _batching(predictor.part("batcher"), findings)
    return fields | ({"config": config} if config else {})


def _uri_of_storage(predictor: Part, server: Server, storage: Part | None) -> str:
    if storage:
        return _uri_of_parameters(storage)
    uris = [part.take("uri") for part in (predictor.parts("storageUris") if "storageUris" in predictor else ())]
    if len(uris) == 1:
        return model_uri(str(uris[0]), predictor.path_of("storageUris"))
    raise NotConvertibleError(
        f"{server.uri_path}: {'several URIs are given' if uris else 'no URI is given'}: a "
        "ModelDeployment has exactly one source"
    )


def _uri_of_parameters(storage: Part) -> str:
    parameters, path = storage.open_part("parameters"), storage.take("path")
    scheme, bucket = parameters.take("type"), parameters.take("bucket")
    if scheme and scheme not in _TYPES:
        raise not_fetched(parameters.path_of("type"), scheme)
    if not (scheme and bucket):
        raise NotConvertibleError(
            f"{storage.path}: type and bucket are in a Secret, which is not in this document: write storageUri: "
            f"s3://BUCKET/{(path or 'PATH').lstrip('/')} instead, and convert again"
        )
    if not path:
        raise NotConvertibleError(
            f"{storage.path_of('path')} is missing: say where in the bucket {bucket} the model is"
        )
    return f"{scheme}://{bucket}/{path.lstrip('/')}"


def _from_storage(name: str, storage: Part, uri: str, *, with_path: bool, findings: Findings) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    scheme = uri.partition("://")[0]
    if scheme in _WITH_ENDPOINT and (endpoint := storage.open_part("parameters").take("endpoint_url")):
        fields["endpoint"] = endpoint
    if with_path and scheme != "https" and (path := storage.take("path")):
        fields["path"] = path.lstrip("/")
    if credentials := storage_credentials(name, storage, uri, findings):
        fields["credentials"] = credentials
    return fields


def _batching(batcher: Part, findings: Findings) -> dict[str, Any]:
    """Return what Triton's own batching has in place of KServe's, which joins requests before the server."""
    size, latency = batcher.take("maxBatchSize"), batcher.take("maxLatency")
    findings.note(batcher.path, "Triton's own batching takes its place: the model's first dimension must be the batch")
    queue = {} if latency is None else {"maxQueueDelayMicroseconds": latency * _MICROSECONDS}
    return {**({} if size is None else {"maxBatchSize": size}), "dynamicBatching": queue}
