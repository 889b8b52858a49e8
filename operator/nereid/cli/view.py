"""A ModelDeployment as the commands see it: parsed once, so that all of them understand it alike. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
from pydantic import ValidationError

from nereid.api.rollout_stage import Stage
from nereid.api.status import ModelDeploymentStatus, RolloutStatus
from nereid.controller.decide.rollout.stage import stage_of
from nereid.controller.plan.plan import InvalidSpecError, RolloutPlan, plan
from nereid.controller.plan.settings import Settings


@dataclass(frozen=True, slots=True)
class View:
    """A ModelDeployment.

    `plan` is how the spec wants revisions to be rolled out; None where this version of Nereid does not understand it.
    """

    namespace: str
    name: str
    generation: int
    annotations: Mapping[str, str]
    status: ModelDeploymentStatus
    plan: RolloutPlan | None

    @property
    def rollout(self) -> RolloutStatus | None:
        """The state of the rollout; None before the operator has looked at the object."""
        return self.status.rollout

    @property
    def stage(self) -> Stage | None:
        """The stage of the rollout, also of one that an operator without stages reports; None before any report."""
        rollout, candidate = self.status.rollout, self.status.candidate
        return stage_of(rollout, has_candidate=candidate is not None) if rollout else None

    @property
    def is_seen(self) -> bool:
        """Whether the status was made for the spec as it is now."""
        return self.status.observed_generation == self.generation


def read(document: Mapping[str, Any]) -> View:
    """Read an object as the API server gives it.

    Raises ClickException where its status cannot be understood.
    """
    metadata = document["metadata"]
    try:
        status = ModelDeploymentStatus.model_validate(document.get("status") or {})
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in problem["loc"]) for problem in error.errors())
        raise click.ClickException(
            f"the status of {metadata['name']} is of another version of Nereid ({fields}): "
            "install the version of this command line that the cluster has"
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
    """Return the user's own version out of the version label of a revision's pods; nothing where there is none."""
    return "" if version == revision else version.removesuffix(f"-{revision}")


def title(version: str, revision: str) -> str:
    """Return what a sentence calls a revision: its id, and the user's own version where it has one."""
    own = model_version(version, revision)
    return f"{revision} (version {own})" if own else revision


def named(view: View, revision: str) -> str:
    """Return what a sentence calls a revision of which only the id is given."""
    known = [one for one in (view.status.stable, view.status.candidate, *view.status.history) if one]
    return next((title(one.version, revision) for one in known if one.revision == revision), revision)


def _plan(document: Mapping[str, Any]) -> RolloutPlan | None:
    # The operator's settings, not those of this machine's environment, decide; none of them is shown.
    settings = Settings.model_construct()
    metadata = {"uid": "", **document["metadata"]}
    try:
        return plan(metadata, document.get("spec") or {}, settings).rollout
    except InvalidSpecError as error:
        return error.rest.rollout if error.rest else None
