"""What the operator and the Jobs that speak to a model's source tell each other: the work, and the answer.

They are two processes of different images, and know nothing else of each other.
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
    """What is asked about, and how its server is reached; `tags` are what a Job that tags a version sets."""

    request: Request
    tags: Mapping[str, str] = field(default_factory=dict)


def _cut(length: int) -> BeforeValidator:
    return BeforeValidator(lambda value: str(value)[:length] if value not in (None, "") else None)


RegistryWord = Annotated[str | None, _cut(MAX_TEXT_LENGTH), Field(default=None)]


class RegistryProvenance(ApiModel):
    """What a registry knows about a model; what is longer than status may hold is cut."""

    repository: RegistryWord
    commit: RegistryWord
    dataset: RegistryWord
    dataset_version: RegistryWord
    run: RegistryWord
    signature: Annotated[str | None, _cut(MAX_SIGNATURE_LENGTH), Field(default=None)]


class ModelJobAnswer(ApiModel):
    """The termination message: what a URI leads to (nothing for tags), or why that could not be told."""

    uri: str | None = None
    provenance: RegistryProvenance | None = None
    failure: ResolutionFailure | None = None
