"""`spec.model` of a predictor: where the model is, its format, and what the batcher becomes."""

import re
from collections.abc import Mapping
from typing import Any, Final

from nereid.convert.findings import Findings, NotConvertibleError
from nereid.convert.part import Part
from nereid.convert.server import Server
from nereid.convert.source import model_uri

_MODEL_NAME: Final = re.compile(r"--model[_-]name[= ](?P<name>\S+)")
_MICROSECONDS: Final = 1000
# Keys of a Secret, by the scheme of what they give access to.
_KEYS: Final[Mapping[str, str]] = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and where needed AWS_ENDPOINT_URL and AWS_DEFAULT_REGION",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS_JSON",
    "azure": "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or AZURE_STORAGE_ACCESS_KEY",
    "hf": "HF_TOKEN",
    "oci": ".dockerconfigjson",
    "https": "username and password, or token",
}
# A TorchScript file does not tell its tensors, without which nothing is served.
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
    fields: dict[str, Any] = {"uri": uri, "format": server.format, **_name(server)}
    if storage:
        fields |= _from_storage(name, storage, uri, with_path=bool(server.uri), findings=findings)
    elif account := predictor.take("serviceAccountName") or predictor.take("serviceAccount"):
        _tell_credentials(predictor.path_of("serviceAccountName"), account, uri, findings)
    if server.format == "triton" and "name" not in fields:
        findings.note(
            server.part.path,
            f"clients ask for the models of the repository by their folders' names; set spec.model.name to one of "
            f"them where none is called {name}",
        )
    config = dict(_EXAMPLE_TENSORS) if server.format == "torchscript" else {}
    if "batcher" in predictor:
        config |= _batching(predictor.part("batcher"), findings)
    return fields | ({"config": config} if config else {})


def _name(server: Server) -> dict[str, str]:
    """Return the model's name where the server's arguments tell it."""
    match = _MODEL_NAME.search(" ".join(server.part.take("args") or ()))
    return {"name": match["name"]} if match else {}


def _uri_of_storage(predictor: Part, server: Server, storage: Part | None) -> str:
    if storage:
        parameters, path = storage.open_part("parameters"), storage.take("path")
        scheme, bucket = parameters.take("type"), parameters.take("bucket")
        if scheme in _TYPES and bucket and path:
            return f"{scheme}://{bucket}/{path.lstrip('/')}"
        raise NotConvertibleError(
            f"{storage.path}: type and bucket are in a Secret, which is not in this document: write storageUri: "
            f"s3://BUCKET/{(path or 'PATH').lstrip('/')} instead, and convert again"
        )
    several = [one.take("uri") for one in (predictor.parts("storageUris") if "storageUris" in predictor else ())]
    if len(several) == 1:
        return model_uri(str(several[0]), predictor.path_of("storageUris"))
    raise NotConvertibleError(
        f"{server.uri_path}: {'several URIs are one model too many' if several else 'there is none'}: a "
        "ModelDeployment has exactly one source"
    )


def _from_storage(name: str, storage: Part, uri: str, *, with_path: bool, findings: Findings) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    scheme = uri.partition("://")[0]
    if scheme in _WITH_ENDPOINT and (endpoint := storage.open_part("parameters").take("endpoint_url")):
        fields["endpoint"] = endpoint
    if with_path and scheme != "https" and (path := storage.take("path")):
        fields["path"] = path.lstrip("/")
    if scheme != "pvc" and (key := storage.take("key")):
        fields["credentials"] = {"secretName": f"{name}-model"}
        findings.note(
            storage.path_of("key"),
            f"create the Secret {name}-model with the keys {_keys(uri)}, from {key} of KServe's Secret storage-config",
        )
    return fields


def _tell_credentials(path: str, account: str, uri: str, findings: Findings) -> None:
    if not uri.startswith("pvc://"):
        findings.note(
            path,
            f"where a Secret of the service account {account} gives access to the model, as KServe's annotations of "
            f"Secrets say, name it in spec.model.credentials.secretName, with the keys {_keys(uri)}",
        )


def _keys(uri: str) -> str:
    return _KEYS[uri.partition("://")[0]]


def _batching(batcher: Part, findings: Findings) -> dict[str, Any]:
    """Return what Triton's own batching has in place of KServe's, which joins requests before the server."""
    size, latency = batcher.take("maxBatchSize"), batcher.take("maxLatency")
    findings.note(batcher.path, "Triton's own batching takes its place: the model's first dimension must be the batch")
    queue = {} if latency is None else {"maxQueueDelayMicroseconds": latency * _MICROSECONDS}
    return {**({} if size is None else {"maxBatchSize": size}), "dynamicBatching": queue}
