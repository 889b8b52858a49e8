"""MLflow's tracking server with its model registry, by its own client.

The client takes its settings from the environment of the process and sends usage data unless it is told not to, so this
module is the only one that imports it.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeVar

import certifi
from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.source import RegisteredModel
from nereid.models.sources.broken_connection import broken
from nereid.models.sources.credentials import SECRET, Credentials, denied
from nereid.models.sources.failures import REFUSED, InterruptionError, failed
from nereid.models.sources.trust import trusted_by

# A dead server is to be known within 20 seconds: this is what the client waits, and how often it tries again.
_SETTINGS: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
os.environ.update(_SETTINGS)

from mlflow.exceptions import MlflowException, RestException  # noqa: E402 - it reads settings when it is imported
from mlflow.tracking import MlflowClient  # noqa: E402

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

ADDRESS_FIELD: Final = str(Field.ENDPOINT)
NEEDED: Final = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
USERNAME, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
_CERTIFICATES: Final = "MLFLOW_TRACKING_SERVER_CERT_PATH"
# An alias that a model does not have is an invalid parameter.
_ABSENT: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
_VERSIONS_SHOWN: Final = 10

Answer = TypeVar("Answer")


class _AbsentError(Exception):
    """The server does not have what it was asked for."""


@dataclass(frozen=True, slots=True)
class TrackingServer:
    """One server, asked with the credentials of the user's Secret; failures are FetchErrors and InterruptionErrors."""

    address: str
    credentials: Credentials
    client: MlflowClient = field(repr=False)
    _certificates: IO[bytes] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The server's name and port, for messages."""
        url = URL(self.address)
        return f"{url.host}:{url.explicit_port}" if url.explicit_port else str(url.host)

    def version(self, model: RegisteredModel) -> "ModelVersion":
        """Return the version that the number, the alias or `latest` names now."""
        if model.alias is not None:
            return self._by_alias(model, model.alias)
        if model.is_immutable:
            return self._by_number(model)
        self._require_registered(model)
        versions = self._newest(model)
        if not versions:
            raise _not_found(f"the model {model.name} of {self.host} has no version: register one")
        return versions[0]

    def location(self, version: "ModelVersion") -> str:
        """Return the URI of the folder that holds the files of a version."""
        shown = f"models:/{version.name}/{version.version}"
        try:
            return str(
                self._ask(shown, lambda: self.client.get_model_version_download_uri(version.name, version.version))
            )
        except _AbsentError as error:
            raise _not_found(f"{self.host} does not know where {shown} is: register the model again") from error

    def run(self, run_id: str) -> "Run":
        """Return a run."""
        try:
            return self._ask(f"the run {run_id}", lambda: self.client.get_run(run_id))
        except _AbsentError as error:
            raise _not_found(f"{self.host} has no run {run_id}: correct {Field.URI}") from error

    def logged_model(self, model_id: str) -> "LoggedModel":
        """Return a model that a run logged; MLflow 3 keeps it beside the run's files."""
        try:
            return self._ask(f"the logged model {model_id}", lambda: self.client.get_logged_model(model_id))
        except _AbsentError as error:
            raise _not_found(f"{self.host} has no logged model {model_id}: log the model again") from error

    def tag(self, model: RegisteredModel, key: str, value: str) -> None:
        """Set a tag of a version; to set it again changes nothing."""
        number = str(model.version)
        try:
            self._ask(model, lambda: self.client.set_model_version_tag(model.name, number, key, value))
        except _AbsentError as error:
            raise self._no_such_version(model) from error

    def _by_alias(self, model: RegisteredModel, alias: str) -> "ModelVersion":
        try:
            return self._ask(model, lambda: self.client.get_model_version_by_alias(model.name, alias))
        except _AbsentError as error:
            aliases = self._require_registered(model)
            raise _not_found(
                f"the model {model.name} of {self.host} has no alias {alias} (its aliases: {_listed(aliases)}): "
                f"set the alias in MLflow, or correct {Field.URI}"
            ) from error

    def _by_number(self, model: RegisteredModel) -> "ModelVersion":
        try:
            return self._ask(model, lambda: self.client.get_model_version(model.name, str(model.version)))
        except _AbsentError as error:
            raise self._no_such_version(model) from error

    def _no_such_version(self, model: RegisteredModel) -> FetchError:
        self._require_registered(model)
        newest = [str(version.version) for version in self._newest(model)]
        return _not_found(
            f"the model {model.name} of {self.host} has no version {model.version} (its newest: {_listed(newest)}): "
            f"correct {Field.URI}"
        )

    def _require_registered(self, model: RegisteredModel) -> list[str]:
        """Return the aliases of a model; raise FetchError when it is not registered."""
        try:
            return sorted(self._ask(model, lambda: self.client.get_registered_model(model.name)).aliases)
        except _AbsentError as error:
            raise _not_found(
                f"{self.host} has no registered model {model.name}: register it, or correct {Field.URI}"
            ) from error

    def _newest(self, model: RegisteredModel) -> list["ModelVersion"]:
        quote = '"' if "'" in model.name else "'"
        condition, order = f"name = {quote}{model.name}{quote}", ["version_number DESC"]
        return list(
            self._ask(
                model,
                lambda: self.client.search_model_versions(condition, max_results=_VERSIONS_SHOWN, order_by=order),
            )
        )

    def _ask(self, shown: object, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except RestException as error:
            if error.error_code in _ABSENT:
                raise _AbsentError from error
            raise self._answered(error, shown) from error
        except MlflowException as error:
            if error.__cause__ is not None or error.__context__ is not None:
                raise broken(error, self.host, ADDRESS_FIELD) from error
            raise self._answered(error, shown) from error

    def _answered(self, error: MlflowException, shown: object) -> Exception:
        """Return what an answer means by which the server does not do what it was asked to."""
        status = error.get_http_status_code()  # type: ignore[no-untyped-call]
        if status == HTTPStatus.FORBIDDEN and self.credentials:
            # A server with accounts answers so for what is not there, too.
            return FetchError(
                Reason.MODEL_ACCESS_DENIED,
                f"{self.host} does not let the user of {SECRET} use {shown}, which may also not exist: "
                f"grant that user access, or correct {Field.URI}",
            )
        if status in REFUSED:
            return denied(self.host, shown, self.credentials, NEEDED)
        if status == HTTPStatus.NOT_FOUND:
            return FetchError(
                Reason.MODEL_NOT_FOUND,
                f"{self.host} is no MLflow server of version 2 or later: correct {ADDRESS_FIELD}",
            )
        answered = f"{self.host} answered {error.error_code} for {shown}"
        return InterruptionError(failed(f"{answered}: look at the server, or correct {ADDRESS_FIELD}"))


def tracking_server(address: str | None, ca_bundle: Path | None, credentials: Credentials) -> TrackingServer:
    """Return the server at an address; nothing is asked of it yet, and the process is set up to speak to it alone."""
    if not address or URL(address).scheme not in {"http", "https"}:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"the address of MLflow's tracking server is {address or 'not known'}: set {ADDRESS_FIELD} to its URL, "
            "or have the operator's setting mlflow_tracking_uri set",
        )
    for key in (USERNAME, PASSWORD, TOKEN):
        _set(key, credentials.token(key) if key == TOKEN else credentials.value(key))
    certificates = _certificates(ca_bundle) if ca_bundle else None
    _set(_CERTIFICATES, certificates.name if certificates else None)
    return TrackingServer(address, credentials, MlflowClient(address, address), certificates)


def _certificates(ca_bundle: Path) -> IO[bytes]:
    """Return a file with the bundle and the public authorities, as the client takes one file in place of its own."""
    trusted_by(ca_bundle)
    together = tempfile.NamedTemporaryFile(suffix=".crt")  # noqa: SIM115 - it is needed as long as the server is asked
    together.write(Path(certifi.where()).read_bytes() + b"\n" + ca_bundle.read_bytes())
    together.flush()
    return together


def _set(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _not_found(sentence: str) -> FetchError:
    return FetchError(Reason.MODEL_NOT_FOUND, sentence)
