"""The contract between the operator and the Jobs that resolve and tag models: the work and the answer.

They are two processes of different images, and share nothing else.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Final

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from nereid.api.provenance import MAX_SIGNATURE_LENGTH, MAX_TEXT_LENGTH
from nereid.api.schema import ApiModel
from nereid.api.status import ResolutionFailure
from nereid.contract.fetch_request import Request

# The containers of the Jobs that resolve a URI, and that tag a registered version.
CONTAINER_RESOLVE: Final = "resolve-model"
CONTAINER_TAG: Final = "tag-model"
# The environment variable that holds a ModelJobWork as JSON.
ENV_WORK: Final = "NEREID_MODEL_JOB"


@dataclass(frozen=True, slots=True)
class ModelJobWork:
    """The URI to resolve or tag, and how to reach its server; `tags` are what a Job that tags a version sets."""

    request: Request
    tags: Mapping[str, str] = field(default_factory=dict)


def _cut(length: int) -> BeforeValidator:
    return BeforeValidator(lambda value: str(value)[:length] if value not in (None, "") else None)


RegistryText = Annotated[str | None, _cut(MAX_TEXT_LENGTH), Field(default=None)]


class RegistryProvenance(ApiModel):
    """What a registry knows about a model; text that is too long for status is cut."""

    repository: RegistryText
    commit: RegistryText
    dataset: RegistryText
    dataset_version: RegistryText
    run: RegistryText
    signature: Annotated[str | None, _cut(MAX_SIGNATURE_LENGTH), Field(default=None)]


class ModelJobAnswer(ApiModel):
    """The termination message: the URI that the reference leads to (none for tags), or the failure."""

    uri: str | None = None
    provenance: RegistryProvenance | None = None
    failure: ResolutionFailure | None = None
