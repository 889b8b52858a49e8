"""Reads a spec into a plan: the only place that rejects a spec.

Nearly everything is rejected earlier, by the CRD's schema; what is rejected here needs more than a schema, or was
written under an older CRD. Pure: no client, no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from nereid.api import names
from nereid.api.identity import Owner
from nereid.api.model_deployment import ModelDeploymentSpec
from nereid.api.rollout import RolloutSpec
from nereid.api.runtime import DisruptionBudget, RuntimeSpec
from nereid.api.scaling import ScalingSpec
from nereid.api.schema import seconds
from nereid.api.traffic import TrafficSpec
from nereid.controller.plan.admission import admitted, rejection
from nereid.controller.plan.autoscaling import autoscaling, fixed_replicas
from nereid.controller.plan.plan import SourceSpec, Specified
from nereid.controller.plan.pod_policy import refusal
from nereid.controller.plan.revision_content import revision_content, with_version
from nereid.controller.plan.rollout_plan import rollout_plan
from nereid.controller.plan.settings import Settings

DEFAULT_TIMEOUT: Final = "60s"


class InvalidSpecError(Exception):
    """A spec that cannot be carried out; the message says which field, and what to change."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a spec asks for, with the model's URI as it is written.

    rejection: why its model or its pods cannot be served, if so; all other fields then apply to the existing revisions.
    refusal: why the installer's policy does not allow its pods, if they can be made at all.
    """

    plan: Specified
    rejection: str | None
    refusal: str | None = None


def read_spec(owner: Owner, annotations: Mapping[str, str], spec: Mapping[str, Any], settings: Settings) -> Reading:
    """Return what the spec and the annotations of a ModelDeployment ask for.

    Raises InvalidSpecError if anything else than its model or its pods cannot be carried out.
    """
    if len(owner.name) > names.MAX_NAME_LENGTH:
        raise InvalidSpecError(f"metadata.name is longer than {names.MAX_NAME_LENGTH} characters: shorten it")
    try:
        parsed = admitted(spec)
        rejected = rejection(parsed, settings)
        refused = None if rejected else refusal(parsed.runtime or RuntimeSpec(), settings)
        return Reading(_plan(owner, annotations, parsed, settings), rejected, refused)
    except ValidationError as error:
        raise InvalidSpecError(_explain(error)) from error
    except ValueError as error:
        raise InvalidSpecError(str(error)) from error


def read_plan(metadata: Mapping[str, Any], spec: Mapping[str, Any], settings: Settings) -> Specified:
    """Return what a document's metadata and spec ask for; raises InvalidSpecError if any of it is rejected."""
    owner = Owner(metadata["namespace"], metadata["name"], metadata["uid"], metadata.get("generation", 1))
    reading = read_spec(owner, metadata.get("annotations") or {}, spec, settings)
    if problem := reading.rejection or reading.refusal:
        raise InvalidSpecError(problem)
    return reading.plan


def _plan(owner: Owner, annotations: Mapping[str, str], spec: ModelDeploymentSpec, settings: Settings) -> Specified:
    model, runtime = spec.model, spec.runtime or RuntimeSpec()
    scaling, traffic = spec.scaling or ScalingSpec(), spec.traffic or TrafficSpec()
    return Specified(
        owner=owner,
        settings=settings,
        revision=names.revision_of(revision_content(owner.name, model, runtime, model.uri)),
        model_name=model.name or owner.name,
        source=SourceSpec(owner, settings, model, runtime),
        replicas=fixed_replicas(scaling),
        autoscaling=autoscaling(scaling, may_query=settings.allow_queries),
        disruption_budget=runtime.disruption_budget or DisruptionBudget(),
        hosts=tuple(traffic.hosts or ()),
        gateways=tuple(traffic.gateways or ()),
        timeout=seconds(traffic.timeout or DEFAULT_TIMEOUT),
        rollout=rollout_plan(spec.rollout or RolloutSpec(), annotations, settings),
        model=with_version(model, model.uri),
        model_uri=model.uri,
        runtime=runtime,
    )


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join(["spec", *(str(part) for part in problem["loc"])])
        problems.append(f"{path}: {problem['msg']}")
    return "; ".join(problems)
