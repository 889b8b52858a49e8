"""What a model was made from (stated by the user) and what was fetched (observed by the operator)."""

from typing import Annotated, Final

from pydantic import Field

from nereid.api.schema import ApiModel

MAX_TEXT_LENGTH: Final = 253
MAX_SIGNATURE_LENGTH: Final = 1024

ShortText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]


class Provenance(ApiModel):
    """What the model was made from, as stated by the user."""

    repository: ShortText | None = Field(default=None, description="Repository of the code that trained it.")
    commit: ShortText | None = Field(default=None, description="Commit of that code.")
    dataset: ShortText | None = Field(default=None, description="Data set that it was trained on.")
    dataset_version: ShortText | None = Field(default=None, description="Version or digest of that data set.")
    run: ShortText | None = Field(default=None, description="Training run, for instance MLflow's run id.")


class ObservedProvenance(Provenance):
    """What a revision's model was made from: the user's statement, completed by the registry and the fetch."""

    signature: Annotated[str, Field(max_length=MAX_SIGNATURE_LENGTH)] | None = Field(
        default=None, description="Inputs and outputs of the model, as the registry records them."
    )
    resolved_uri: str | None = Field(default=None, description="The fixed URI that a reference resolved to.")
    digest: str | None = Field(default=None, description="Digest of what was fetched.")
    applied_by: str | None = Field(
        default=None, description="Field manager that last changed the model in the spec, for instance kubectl."
    )
    applied_at: str | None = Field(default=None, description="When the model in the spec was last changed.")
