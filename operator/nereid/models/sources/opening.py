"""Opens a source on a network, by its own module; a client library is only imported if its source is used.

An init container has little memory, and all libraries together would need more.
"""

from importlib import import_module
from typing import Final, cast

from nereid.contract.fetch_request import Request
from nereid.contract.source import (
    AzureSource,
    GcsSource,
    HttpsSource,
    HubSource,
    OciSource,
    RegisteredModel,
    RemoteSource,
    RunArtifact,
    S3Source,
)
from nereid.models.sources.remote import RemoteFiles

_MODULES: Final[dict[type[RemoteSource], str]] = {
    HttpsSource: "nereid.models.sources.https",
    S3Source: "nereid.models.sources.s3",
    GcsSource: "nereid.models.sources.gcs",
    AzureSource: "nereid.models.sources.azure",
    HubSource: "nereid.models.sources.huggingface",
    OciSource: "nereid.models.sources.oci_files",
    RegisteredModel: "nereid.models.sources.mlflow",
    RunArtifact: "nereid.models.sources.mlflow",
}


def open_source(source: RemoteSource, request: Request) -> RemoteFiles:
    """Return the files of a source; its server gets no request before they are listed."""
    module = import_module(_MODULES[type(source)])
    return cast("RemoteFiles", module.open_files(source, request))
