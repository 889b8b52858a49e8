"""What a model was made from (stated by the user) and what was fetched (observed by the operator)."""

from typing import Annotated, Final

from pydantic import Field

from nereid.api.schema import ApiModel

LONGEST_WORD: Final = 253
LONGEST_SIGNATURE: Final = 1024

Word = Annotated[str, Field(min_length=1, max_length=LONGEST_WORD)]


class Provenance(ApiModel):
    """What the model was made from, as stated by the user."""

    repository: Word | None = Field(default=None, description="Repository of the code that trained it.")
    commit: Word | None = Field(default=None, description="Commit of that code.")
    dataset: Word | None = Field(default=None, description="Data set that it was trained on.")
    dataset_version: Word | None = Field(default=None, description="Version or digest of that data set.")
    run: Word | None = Field(default=None, description="Training run, for instance MLflow's run id.")


class ObservedProvenance(Provenance):
    """What a revision's model was made from: the user's statement, completed by the registry and the fetch."""

    signature: Annotated[str, Field(max_length=LONGEST_SIGNATURE)] | None = Field(
        default=None, description="Inputs and outputs of the model, as the registry records them."
    )
    resolved_uri: str | None = Field(default=None, description="The fixed URI that a reference resolved to.")
    digest: str | None = Field(default=None, description="Digest of what was fetched.")
    applied_by: str | None = Field(
        default=None, description="Field manager that last changed the model in the spec, for instance kubectl."
    )
    applied_at: str | None = Field(default=None, description="When the model in the spec was last changed.")
