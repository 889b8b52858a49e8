"""The sources behind a network, one module each; a client library is only loaded when its source is used.

An init container has to do with little memory, and the libraries together need more than it has.
"""

from importlib import import_module
from typing import Final, cast

from nereid.fetch.remote import RemoteFiles
from nereid.fetch.request import Request
from nereid.fetch.source import (
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

_MODULES: Final[dict[type[RemoteSource], str]] = {
    HttpsSource: "nereid.fetch.https",
    S3Source: "nereid.fetch.remotes.s3",
    GcsSource: "nereid.fetch.remotes.gcs",
    AzureSource: "nereid.fetch.remotes.azure",
    HubSource: "nereid.fetch.remotes.huggingface",
    OciSource: "nereid.fetch.remotes.oci",
    RegisteredModel: "nereid.fetch.remotes.mlflow",
    RunArtifact: "nereid.fetch.remotes.mlflow",
}


def open_source(source: RemoteSource, request: Request) -> RemoteFiles:
    """Return the files of a source; nothing is asked of its server before they are listed."""
    module = import_module(_MODULES[type(source)])
    return cast("RemoteFiles", module.open_files(source, request))
