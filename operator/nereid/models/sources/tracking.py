"""MLflow's tracking server with its model registry, by its REST API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import requests

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.source import RegisteredModel
from nereid.models.sources.credentials import SECRET, Credentials, access_denied
from nereid.models.sources.endpoint import is_endpoint, server_of
from nereid.models.sources.failures import DENIED_STATUSES, InterruptionError, failed
from nereid.models.sources.http_client import Server, basic, new_session
from nereid.models.sources.mlflow_entities import LoggedModel, ModelVersion, Run

ADDRESS_FIELD: Final = str(Field.ENDPOINT)
NEEDED: Final = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
USERNAME, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
_API: Final = "api/2.0/mlflow"
# So that a dead server is detected within 20 seconds; callers try again.
_ANSWER_SECONDS: Final = 15
# An alias that a model does not have is an invalid parameter.
_ABSENT: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
_VERSIONS_SHOWN: Final = 10

Answer = TypeVar("Answer")


class _AbsentError(Exception):
    """The server does not have the requested object."""


@dataclass(frozen=True, slots=True)
class TrackingServer:
    """One server, with the credentials of the user's Secret; it raises FetchErrors and InterruptionErrors."""

    address: str
    server: Server

    @property
    def host(self) -> str:
        """The server's name and port, for messages."""
        return self.server.host

    def version(self, model: RegisteredModel) -> ModelVersion:
        """Return the version that the number, the alias or `latest` leads to now."""
        if model.alias is not None:
            return self._by_alias(model, model.alias)
        if model.is_immutable:
            return self._by_number(model)
        self._require_registered(model)
        versions = self._newest(model)
        if not versions:
            raise _not_found(f"the model {model.name} of {self.host} has no version: register one")
        return versions[0]

    def location(self, version: ModelVersion) -> str:
        """Return the URI of the folder that holds the files of a version."""
        shown = f"models:/{version.name}/{version.version}"
        query = {"name": version.name, "version": version.version}
        try:
            return self._get(
                "model-versions/get-download-uri", query, shown, lambda content: str(content["artifact_uri"])
            )
        except _AbsentError as error:
            raise _not_found(f"{self.host} has no location of {shown}: register the model again") from error

    def run(self, run_id: str) -> Run:
        """Return a run."""
        try:
            return self._get(
                "runs/get", {"run_id": run_id}, f"the run {run_id}", lambda content: Run.from_json(content["run"])
            )
        except _AbsentError as error:
            raise _not_found(f"{self.host} has no run {run_id}: correct {Field.URI}") from error

    def logged_model(self, model_id: str) -> LoggedModel:
        """Return a model that a run logged; MLflow 3 stores it beside the run's files."""
        path, shown = f"logged-models/{quote(model_id, safe='')}", f"the logged model {model_id}"
        try:
            return self._get(path, {}, shown, lambda content: LoggedModel.from_json(content["model"]))
        except _AbsentError as error:
            raise _not_found(f"{self.host} has no logged model {model_id}: log the model again") from error

    def tag(self, model: RegisteredModel, key: str, value: str) -> None:
        """Set a tag of a version; setting it again changes nothing."""
        tag = {"name": model.name, "version": str(model.version), "key": key, "value": value}
        url, headers = self._url("model-versions/set-tag"), self.server.introduction
        try:
            with self._patient.ask("POST", url, headers=headers, json=tag) as answer:
                self._require_success(answer, model)
        except _AbsentError as error:
            raise self._no_such_version(model) from error

    def _by_alias(self, model: RegisteredModel, alias: str) -> ModelVersion:
        try:
            return self._get("registered-models/alias", {"name": model.name, "alias": alias}, model, _version_of)
        except _AbsentError as error:
            aliases = self._require_registered(model)
            raise _not_found(
                f"the model {model.name} of {self.host} has no alias {alias} (its aliases: {_listed(aliases)}): "
                f"set the alias in MLflow, or correct {Field.URI}"
            ) from error

    def _by_number(self, model: RegisteredModel) -> ModelVersion:
        query = {"name": model.name, "version": str(model.version)}
        try:
            return self._get("model-versions/get", query, model, _version_of)
        except _AbsentError as error:
            raise self._no_such_version(model) from error

    def _no_such_version(self, model: RegisteredModel) -> FetchError:
        self._require_registered(model)
        newest = [version.version for version in self._newest(model)]
        return _not_found(
            f"the model {model.name} of {self.host} has no version {model.version} (its newest: {_listed(newest)}): "
            f"correct {Field.URI}"
        )

    def _require_registered(self, model: RegisteredModel) -> list[str]:
        """Return the aliases of a model; raise FetchError if it is not registered."""
        try:
            return sorted(self._get("registered-models/get", {"name": model.name}, model, _aliases_of))
        except _AbsentError as error:
            raise _not_found(
                f"{self.host} has no registered model {model.name}: register it, or correct {Field.URI}"
            ) from error

    def _newest(self, model: RegisteredModel) -> list[ModelVersion]:
        mark = '"' if "'" in model.name else "'"
        query = {
            "filter": f"name = {mark}{model.name}{mark}",
            "max_results": _VERSIONS_SHOWN,
            "order_by": "version_number DESC",
        }
        return self._get("model-versions/search", query, model, _versions_of)

    def _get(
        self, path: str, query: Mapping[str, Any], shown: object, read: Callable[[Mapping[str, Any]], Answer]
    ) -> Answer:
        """Return the JSON at a path of the API, parsed by `read`; raise _AbsentError if the server has none."""
        with self._patient.get(self._url(path), params=query) as answer:
            self._require_success(answer, shown)
            content = self.server.json_object(answer, shown)
        try:
            return read(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            sentence = f"{self.host} did not answer as MLflow does for {shown}: check the server, or correct"
            raise InterruptionError(failed(f"{sentence} {ADDRESS_FIELD}")) from error

    @property
    def _patient(self) -> Server:
        return replace(self.server, read_seconds=_ANSWER_SECONDS)

    def _url(self, path: str) -> str:
        return f"{self.address.rstrip('/')}/{_API}/{path}"

    def _require_success(self, answer: requests.Response, shown: object) -> None:
        if answer.status_code == HTTPStatus.OK:
            return
        code = self._error_code(answer, shown)
        if code in _ABSENT:
            raise _AbsentError
        raise self._error_of_status(answer.status_code, code or f"status {answer.status_code}", shown)

    def _error_code(self, answer: requests.Response, shown: object) -> str | None:
        """Return MLflow's error code; None if the answer is not MLflow's, but a proxy's for instance."""
        try:
            return str(self.server.json_object(answer, shown)["error_code"])
        except (FetchError, InterruptionError, LookupError):
            return None

    def _error_of_status(self, status: int, code: str, shown: object) -> Exception:
        """Return the error for an answer without success: a FetchError, or an InterruptionError to try again."""
        credentials = self.server.credentials
        if status == HTTPStatus.FORBIDDEN and credentials:
            # A server with accounts gives the same answer for objects that do not exist.
            return FetchError(
                Reason.MODEL_ACCESS_DENIED,
                f"{self.host} denies the user of {SECRET} access to {shown}, which may also not exist: "
                f"grant that user access, or correct {Field.URI}",
            )
        if status in DENIED_STATUSES:
            return access_denied(self.host, shown, credentials, NEEDED)
        if status == HTTPStatus.NOT_FOUND:
            return FetchError(
                Reason.MODEL_NOT_FOUND,
                f"{self.host} is not an MLflow server of version 2 or later: correct {ADDRESS_FIELD}",
            )
        return InterruptionError(
            failed(f"{self.host} answered {code} for {shown}: check the server, or correct {ADDRESS_FIELD}")
        )


def tracking_server(address: str | None, ca_bundle: Path | None, credentials: Credentials) -> TrackingServer:
    """Return the server at an address; it gets no request yet."""
    if not address:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"the URL of MLflow's tracking server is not set: set {ADDRESS_FIELD} (or, for all models, Helm value "
            "mlflow.trackingUri of the operator)",
        )
    if not is_endpoint(address):
        raise FetchError(
            Reason.MODEL_INVALID,
            "the URL of MLflow's tracking server is not valid: write it as https://host or http://host:port, in "
            f"{ADDRESS_FIELD} or, if that is not set, in Helm value mlflow.trackingUri of the operator",
        )
    session, introduction = new_session(ca_bundle), _introduction(credentials)
    host = server_of(address)
    return TrackingServer(address, Server(host, ADDRESS_FIELD, credentials, NEEDED, session, introduction=introduction))


def _introduction(credentials: Credentials) -> Mapping[str, str]:
    username, password, token = credentials.value(USERNAME), credentials.value(PASSWORD), credentials.token(TOKEN)
    # The same precedence as that of MLflow's client.
    if username and password:
        return {"Authorization": basic(username, password)}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _version_of(content: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion.from_json(content["model_version"])


def _versions_of(content: Mapping[str, Any]) -> list[ModelVersion]:
    return [ModelVersion.from_json(version) for version in content.get("model_versions", [])]


def _aliases_of(content: Mapping[str, Any]) -> list[str]:
    return [str(alias["alias"]) for alias in content["registered_model"].get("aliases", [])]


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _not_found(sentence: str) -> FetchError:
    return FetchError(Reason.MODEL_NOT_FOUND, sentence)
