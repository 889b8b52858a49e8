"""A ModelDeployment as the commands see it: parsed in one place, so that all of them read it alike. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
from pydantic import ValidationError

from nereid.api.identity import Owner
from nereid.api.rollout_stage import Stage
from nereid.api.status import ModelDeploymentStatus, RolloutStatus
from nereid.controller.decide.rollout.stage import stage_of
from nereid.controller.plan.plan import RolloutPlan
from nereid.controller.plan.reading import InvalidSpecError, read_spec
from nereid.controller.plan.settings import Settings


@dataclass(frozen=True, slots=True)
class View:
    """A ModelDeployment.

    `plan` is how the spec wants revisions to be rolled out; None if this version of Nereid cannot read it.
    """

    namespace: str
    name: str
    generation: int
    annotations: Mapping[str, str]
    status: ModelDeploymentStatus
    plan: RolloutPlan | None

    @property
    def rollout(self) -> RolloutStatus | None:
        """The state of the rollout; None before the operator has processed the object."""
        return self.status.rollout

    @property
    def stage(self) -> Stage | None:
        """The stage of the rollout, also of one that an operator without stages reports; None before any report."""
        rollout, candidate = self.status.rollout, self.status.candidate
        return stage_of(rollout, has_candidate=candidate is not None) if rollout else None

    @property
    def is_up_to_date(self) -> bool:
        """Whether the status was made for the spec as it is now."""
        return self.status.observed_generation == self.generation


def read(document: Mapping[str, Any]) -> View:
    """Read an object as the API server gives it.

    Raises ClickException if its status cannot be read.
    """
    metadata = document["metadata"]
    try:
        status = ModelDeploymentStatus.model_validate(document.get("status") or {})
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in problem["loc"]) for problem in error.errors())
        raise click.ClickException(
            f"the status of {metadata['name']} was written by another version of Nereid ({fields}): "
            "install the version of the command line that matches the operator"
        ) from error
    return View(
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata.get("generation", 1),
        annotations=metadata.get("annotations") or {},
        status=status,
        plan=_plan(document),
    )


def model_version(version: str, revision: str) -> str:
    """Return the user's own version out of the version label of a revision's pods; empty if there is none."""
    return "" if version == revision else version.removesuffix(f"-{revision}")


def title(version: str, revision: str) -> str:
    """Return what a sentence calls a revision: its id, and the user's own version if it has one."""
    own = model_version(version, revision)
    return f"{revision} (version {own})" if own else revision


def title_of(view: View, revision: str) -> str:
    """Return what a sentence calls the revision with this id."""
    statuses = [status for status in (view.status.stable, view.status.candidate, *view.status.history) if status]
    return next((title(status.version, revision) for status in statuses if status.revision == revision), revision)


def _plan(document: Mapping[str, Any]) -> RolloutPlan | None:
    # The operator's settings, not those of this machine's environment, decide; none of them is shown.
    settings = Settings.model_construct()
    metadata = document["metadata"]
    owner = Owner(metadata["namespace"], metadata["name"], metadata.get("uid", ""), metadata.get("generation", 1))
    try:
        return read_spec(owner, metadata.get("annotations") or {}, document.get("spec") or {}, settings).plan.rollout
    except InvalidSpecError:
        return None
