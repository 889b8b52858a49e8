"""The work of the Jobs that resolve and tag models; a registry's client is only imported if it is used."""

from typing import TYPE_CHECKING

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.model_job import ModelJobWork
from nereid.contract.source import HubSource, OciSource, RegisteredModel, RunArtifact, parse_source
from nereid.models.registry.answer_lines import done_line
from nereid.models.sources.credentials import Credentials

if TYPE_CHECKING:
    from nereid.models.sources.tracking import TrackingServer


def resolve_reference(work: ModelJobWork) -> str:
    """Return the result line with the fixed URI that the reference leads to; raise FetchError or InterruptionError."""
    request = work.request
    source = parse_source(request.uri)
    match source:
        case RegisteredModel():
            from nereid.models.registry.mlflow import resolve_version  # noqa: PLC0415 - only the client that is used

            return resolve_version(source, _tracking(request), request)
        case RunArtifact():
            from nereid.models.registry.mlflow import resolve_run  # noqa: PLC0415 - only the client that is used

            return resolve_run(source, _tracking(request), request)
        case OciSource():
            from nereid.models.registry.oci import resolve_tag  # noqa: PLC0415 - only the client that is used

            return resolve_tag(source, request)
        case HubSource():
            from nereid.models.registry.huggingface import resolve_revision  # noqa: PLC0415 - only the client that is used

            return resolve_revision(source, request)
        case _:
            raise FetchError(
                Reason.MODEL_INVALID,
                f"{request.uri} cannot be resolved: use a models:/, runs:/, oci:// or hf:// URI",
            )


def tag_version(work: ModelJobWork) -> str:
    """Set the tags of the version that the URI names, and return the result line."""
    source = parse_source(work.request.uri)
    if not (isinstance(source, RegisteredModel) and source.is_immutable):
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{work.request.uri} is not a version that can be tagged: use models:/NAME/VERSION",
        )
    tracking = _tracking(work.request)
    for key, value in work.tags.items():
        tracking.tag(source, key, value)
    return done_line()


def _tracking(request: Request) -> "TrackingServer":
    from nereid.models.sources.tracking import tracking_server  # noqa: PLC0415 - only the client that is used

    return tracking_server(request.endpoint, request.ca_bundle, Credentials.read(request.credentials))
