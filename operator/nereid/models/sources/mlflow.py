"""Models of MLflow: the registry returns the location of the files, which are mostly in another source.

MLflow writes the files of a model or run once and has no checksums, so a file's location and size serve as its version;
`spec.model.digest` verifies the content.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import AzureSource, RegisteredModel, RemoteSource, RunArtifact, parse_source
from nereid.models.sources.bounds import Bound, Tally
from nereid.models.sources.credentials import Credentials
from nereid.models.sources.http_client import Server, range_header
from nereid.models.sources.mlflow_entities import LoggedModel, Run
from nereid.models.sources.remote import RemoteFile, RemoteFiles
from nereid.models.sources.tracking import TrackingServer, tracking_server

_PROXY: Final = "api/2.0/mlflow-artifacts/artifacts"
_LOGGED_MODEL: Final = "models:/m-"
_DEEPEST: Final = 32
# A run logs a model at some of its steps; each of them is asked for by a request.
_MOST_LOGGED: Final = 1000
_STORE_SECONDS: Final = 600


def open_files(source: RegisteredModel | RunArtifact, request: Request) -> "MlflowFiles":
    """Return the files of a version or run; the server gets no request before they are listed."""
    tracking = tracking_server(request.endpoint, request.ca_bundle, Credentials.read(request.credentials))
    return MlflowFiles(source, tracking, request)


class MlflowFiles:
    """The files of a model version, or of what a run logged, wherever MLflow keeps them."""

    def __init__(self, source: RegisteredModel | RunArtifact, tracking: TrackingServer, request: Request) -> None:
        self._source = source
        self._tracking = tracking
        self._request = request
        self._files: RemoteFiles | None = None

    def files(self) -> Sequence[RemoteFile]:
        """Return the files at the location that the server returns."""
        self._files = self._opened(self._location())
        return self._files.files()

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the bytes of a file that was listed, from `offset` on."""
        if self._files is None:
            self._files = self._opened(self._location())
        return self._files.read(file, offset)

    def _location(self) -> str:
        if isinstance(self._source, RunArtifact):
            return run_location(self._tracking, self._source)
        location = self._tracking.location(self._tracking.version(self._source))
        if location.startswith(_LOGGED_MODEL):
            return self._tracking.logged_model(location.removeprefix("models:/")).artifact_location
        return location

    def _opened(self, location: str) -> RemoteFiles:
        if location.startswith(("mlflow-artifacts:", "http:", "https:")):
            address = _proxy_address(location, self._tracking.address)
            return ProxiedFiles(self._source, address, self._server(address))
        # The files are on another server, whose credentials are in the same Secret.
        from nereid.models.sources.opening import open_source  # noqa: PLC0415 - it imports this module, by name

        elsewhere = replace(self._request, endpoint=None)
        return open_source(self._stored(location), elsewhere)

    def _stored(self, location: str) -> RemoteSource:
        scheme = location.partition(":")[0]
        if scheme in {"wasb", "wasbs", "abfs", "abfss"}:
            return _azure(location)
        if scheme in {"s3", "gs"}:
            return parse_source(location)  # type: ignore[return-value]
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{self._tracking.host} stores {self._source} at {_shown(location)}, where pods cannot read it: "
            "start the server with --artifacts-destination, or store its artifacts in S3, Google Cloud or Azure",
        )

    def _server(self, address: URL) -> Server:
        # No other server gets the tracking server's password, and this one does not get it over another scheme.
        is_own = address.origin() == URL(self._tracking.address).origin()
        return self._tracking.server if is_own else replace(self._tracking.server, introduction={})


def run_location(tracking: TrackingServer, source: RunArtifact) -> str:
    """Return the location of a run's path: in a model that the run logged, or among the run's own files."""
    run = tracking.run(source.run_id)
    name, _, rest = source.path.partition("/")
    model = _newest(tracking, run, name) if name else None
    if model is None:
        return _joined(run.artifact_uri, source.path)
    return _joined(model.artifact_location, rest)


def _newest(tracking: TrackingServer, run: Run, name: str) -> LoggedModel | None:
    """Return the newest of a run's models of a name, as MLflow does; None if it has none, or no longer."""
    if len(run.model_ids) > _MOST_LOGGED:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"the run {run.run_id} of {tracking.host} has logged more than {_MOST_LOGGED} models: register the one "
            f"that is meant, and name its version in {Field.URI}",
        )
    logged = [_logged(tracking, model_id) for model_id in run.model_ids]
    matches = [model for model in logged if model is not None and model.name == name]
    return max(matches, key=lambda model: (model.creation_timestamp, model.model_id), default=None)


def _logged(tracking: TrackingServer, model_id: str) -> LoggedModel | None:
    try:
        return tracking.logged_model(model_id)
    except FetchError as error:
        if error.reason is Reason.MODEL_NOT_FOUND:
            # It was deleted, but the run still names it.
            return None
        raise


class ProxiedFiles:
    """Files that the tracking server serves itself, from whichever store it uses."""

    def __init__(self, source: object, address: URL, server: Server) -> None:
        self._source = source
        self._address = address
        self._folder = address
        self._server = server

    def files(self) -> Sequence[RemoteFile]:
        """Return all files below the address."""
        self._folder = self._address
        tally = Tally(Bound(str(self._source)))
        files = list(self._listed(PurePosixPath(), 0, tally)) or self._single()
        if not files:
            raise FetchError(
                Reason.MODEL_NOT_FOUND,
                f"{self._server.host} holds no files of {self._source}: log the model again, or correct {Field.URI}",
            )
        return files

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the bytes of a file from `offset` on; a server without range requests sends all of it again."""
        # The tracking server fetches all of the file from its store before it sends the first byte.
        server = replace(self._server, read_seconds=_STORE_SECONDS)
        answer = server.get(self._address_of(file.path), range_header(offset))
        return server.read(answer, f"{file.path} of {self._source}", offset)

    def _single(self) -> list[RemoteFile]:
        """Return the file at the address itself, as the folder above it lists it."""
        self._folder = self._address.parent
        return [file for file in self._entries(PurePosixPath())[0] if file.path.name == self._address.name]

    def _listed(self, folder: PurePosixPath, depth: int, tally: Tally) -> Iterator[RemoteFile]:
        files, folders = self._entries(folder)
        tally.entries(len(files) + len(folders))
        yield from files
        for below in folders if depth < _DEEPEST else []:
            yield from self._listed(below, depth + 1, tally)

    def _entries(self, folder: PurePosixPath) -> tuple[list[RemoteFile], list[PurePosixPath]]:
        entries = self._ask(folder)
        names = [(entry, folder / PurePosixPath(str(entry.get("path", ""))).name) for entry in entries]
        files = [self._file(path, entry) for entry, path in names if not entry.get("is_dir")]
        return files, [path for entry, path in names if entry.get("is_dir")]

    def _file(self, path: PurePosixPath, entry: Mapping[str, object]) -> RemoteFile:
        size = int(str(entry["file_size"])) if entry.get("file_size") is not None else None
        return RemoteFile(path, size, f"{self._address_of(path)}#{size}")

    def _address_of(self, path: PurePosixPath) -> str:
        return f"{self._folder}/{quote(str(path))}"

    def _ask(self, folder: PurePosixPath) -> list[Mapping[str, object]]:
        base, _, root = str(self._folder).partition(f"/{_PROXY}")
        below = "/".join(
            part for part in (URL(root, encoded=True).path.strip("/"), str(folder)) if part not in {"", "."}
        )
        with self._server.get(f"{base}/{_PROXY}?path={quote(below)}") as answer:
            if not answer.ok:
                raise self._server.error_of_status(answer.status_code, self._source)
            return list(self._server.json_object(answer, f"the files of {self._source}").get("files", []))


def _proxy_address(location: str, tracking: str) -> URL:
    """Return the URL of a folder that a server serves; a location without a host is on the tracking server."""
    scheme, authority, path = _parts(location)
    if scheme in {"http", "https"}:
        return URL(f"{scheme}://{authority}").with_path(f"/{quote(path)}", encoded=True)
    server = URL(tracking)
    if authority:
        host = URL(f"//{authority}")
        server = server.with_host(str(host.host)).with_port(host.explicit_port)
    return URL(f"{str(server).rstrip('/')}/{_PROXY}/{quote(path)}", encoded=True)


def _azure(location: str) -> AzureSource:
    """Return the source of wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH."""
    _, authority, path = _parts(location)
    container, _, host = authority.rpartition("@")
    if not container or not host:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"MLflow stores the model at {_shown(location)}, which is not a valid Azure URI: log the model again",
        )
    return AzureSource(host.partition(".")[0], container, path.strip("/"))


def _parts(location: str) -> tuple[str, str, str]:
    """Return scheme, server and path of a location as MLflow writes it, without percent-encoding."""
    scheme, _, rest = location.partition(":")
    if not rest.startswith("//"):
        return scheme, "", rest.lstrip("/")
    authority, _, path = rest[2:].partition("/")
    return scheme, authority, path


def _joined(location: str, path: str) -> str:
    return f"{location.rstrip('/')}/{path}" if path else location


def _shown(location: str) -> str:
    """Return the location without possible secrets: scheme and server, or the path if it has no server."""
    scheme, separator, rest = location.partition("://")
    if not separator or rest.startswith("/"):
        return location.partition("?")[0]
    # A password may hold a slash.
    return f"{scheme}://{re.split('[/?#]', rest.rpartition('@')[2])[0]}"
