"""What a Job is to ask, and which registry it asks; a client is only loaded when its registry is asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_request import Format, Request
from nereid.contract.source import (
    HubSource,
    OciSource,
    RegisteredModel,
    RunArtifact,
    is_of_mlflow,
    parse_source,
    source_of,
)
from nereid.models.registry.answer_lines import done_line
from nereid.models.sources.credentials import Credentials

if TYPE_CHECKING:
    from nereid.models.sources.tracking import TrackingServer


@dataclass(frozen=True, slots=True)
class Question:
    """A URI, and how its server is reached."""

    uri: str
    endpoint: str | None = None
    ca_bundle: Path | None = None
    credentials: Path | None = None
    mlflow_tracking_uri: str | None = None

    def resolve(self) -> str:
        """Return the line that tells to what the URI leads now; raise FetchError or InterruptionError."""
        source = parse_source(self.uri)
        match source:
            case RegisteredModel():
                from nereid.models.registry.mlflow import resolve_version  # noqa: PLC0415 - only what is asked is loaded

                return resolve_version(source, self._tracking(), self._request())
            case RunArtifact():
                from nereid.models.registry.mlflow import resolve_run  # noqa: PLC0415 - only what is asked is loaded

                return resolve_run(source, self._tracking(), self._request())
            case OciSource():
                from nereid.models.registry.oci import resolve_tag  # noqa: PLC0415 - only what is asked is loaded

                return resolve_tag(source, self._request())
            case HubSource():
                from nereid.models.registry.huggingface import resolve_revision  # noqa: PLC0415 - only what is asked is loaded

                return resolve_revision(source, self._request())
            case _:
                raise FetchError(
                    Reason.MODEL_INVALID,
                    f"{self.uri} leads to nothing else: only models:/, runs:/, oci:// and hf:// are looked up",
                )

    def tag(self, tags: Iterable[str]) -> str:
        """Set the tags `KEY=VALUE` of the version that the URI names, and return the line that says so."""
        source = parse_source(self.uri)
        pairs = [tag.partition("=") for tag in tags]
        if not (isinstance(source, RegisteredModel) and source.is_immutable):
            raise FetchError(Reason.MODEL_INVALID, f"{self.uri} is no version to be tagged: use models:/NAME/VERSION")
        if not all(key and equals for key, equals, _ in pairs):
            raise FetchError(Reason.MODEL_INVALID, "a tag is written KEY=VALUE")
        tracking = self._tracking()
        for key, _, value in pairs:
            tracking.tag(source, key, value)
        return done_line()

    def _tracking(self) -> "TrackingServer":
        from nereid.models.sources.tracking import tracking_server  # noqa: PLC0415 - only what is asked is loaded

        return tracking_server(
            self.endpoint or self.mlflow_tracking_uri, self.ca_bundle, Credentials.read(self.credentials)
        )

    def _request(self) -> Request:
        """Return the request by which the sources are asked; nothing is fetched, so it has no destination."""
        is_mlflow, nowhere = is_of_mlflow(source_of(self.uri)), Path()
        return Request(
            self.uri,
            Format.TRITON,
            "",
            nowhere,
            nowhere,
            ca_bundle=self.ca_bundle,
            endpoint=(self.endpoint or self.mlflow_tracking_uri) if is_mlflow else self.endpoint,
            credentials=self.credentials,
        )
