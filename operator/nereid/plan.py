"""What a spec means: defaults resolved, durations in seconds, the revision that it asks for.

`plan` is the only place that rejects a spec. Nearly everything is rejected earlier, by the CRD's schema; what arrives
here in spite of that was written under an older CRD. Pure: no client, no clock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from nereid import names
from nereid.api.delivery import RolloutSpec, ScalingSpec, TrafficSpec
from nereid.api.model import ModelSpec
from nereid.api.model_deployment import ModelDeploymentSpec
from nereid.api.runtime import RuntimeSpec
from nereid.api.schema import seconds
from nereid.settings import Settings

DEFAULT_TIMEOUT: Final = "60s"
DEFAULT_DRAIN: Final = "30s"
DEFAULT_PROGRESS_DEADLINE: Final = 600

_COMMAND: Final = re.compile(r"(?P<revision>[a-z0-9]+)(?:/(?P<attempt>[0-9]{1,6}))?")


class InvalidSpecError(Exception):
    """A spec that cannot be carried out; the message says which field, and what to change."""


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the traffic in percent, and how long it is held in seconds; None waits for a promotion."""

    weight: int
    hold: int | None


DEFAULT_STEPS: Final = (Step(10, 300), Step(50, 300))


@dataclass(frozen=True, slots=True)
class Command:
    """What a user's annotation asks for: it names a revision and which attempt at it is meant."""

    revision: str
    attempt: int

    @classmethod
    def parse(cls, value: str | None) -> "Command | None":
        """Read `REVISION` or `REVISION/ATTEMPT`; None for anything else, as an annotation may hold anything."""
        match = _COMMAND.fullmatch(value or "")
        return cls(match["revision"], int(match["attempt"] or 1)) if match else None


@dataclass(frozen=True, slots=True)
class Owner:
    """The ModelDeployment that a plan belongs to."""

    namespace: str
    name: str
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class LiveRevision:
    """A revision that keeps its pods: how many it should have, and its share of the traffic in percent."""

    revision: str
    replicas: int
    weight: int


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """How the wanted revision takes over; times in seconds. No steps: all traffic at once."""

    steps: tuple[Step, ...]
    paused: bool
    drain: float
    propagation: float
    progress_deadline: float
    promote: Command | None
    abort: Command | None
    retry: Command | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec with its meaning: which revision is wanted, how many pods, which routes, which way there."""

    owner: Owner
    settings: Settings
    revision: str
    model: ModelSpec
    runtime: RuntimeSpec
    replicas: int
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    timeout: int
    rollout: RolloutPlan

    @property
    def model_name(self) -> str:
        """The name that clients ask Triton for."""
        return self.model.name or self.owner.name


def plan(metadata: Mapping[str, Any], spec: Mapping[str, Any], settings: Settings) -> Plan:
    """Return what a ModelDeployment's metadata and spec mean.

    Raises InvalidSpecError with a sentence for the user.
    """
    if len(metadata["name"]) > names.MAX_NAME_LENGTH:
        raise InvalidSpecError(f"metadata.name is longer than {names.MAX_NAME_LENGTH} characters: shorten it")
    try:
        parsed = ModelDeploymentSpec.model_validate(spec)
        _check_uri(parsed.model.uri)
        traffic = parsed.traffic or TrafficSpec()
        return Plan(
            owner=Owner(metadata["namespace"], metadata["name"], metadata["uid"], metadata.get("generation", 1)),
            settings=settings,
            revision=names.revision_of(revision_content(metadata["name"], parsed)),
            model=parsed.model,
            runtime=parsed.runtime or RuntimeSpec(),
            replicas=_replicas(parsed.scaling or ScalingSpec()),
            hosts=tuple(traffic.hosts or ()),
            gateways=tuple(traffic.gateways or ()),
            timeout=seconds(traffic.timeout or DEFAULT_TIMEOUT),
            rollout=_rollout(parsed.rollout or RolloutSpec(), metadata.get("annotations") or {}, settings),
        )
    except ValidationError as error:
        raise InvalidSpecError(_explain(error)) from error
    except ValueError as error:
        raise InvalidSpecError(str(error)) from error


def revision_content(name: str, spec: ModelDeploymentSpec) -> dict[str, Any]:
    """Return the user's fields that shape the pods, and nothing else: what a revision is the hash of.

    Empty fields are left out, so that fields which later versions of the API add change no hash.
    """
    content = {
        "model": {"name": name, **spec.model.model_dump(exclude_none=True)},
        "runtime": spec.runtime.model_dump(exclude_none=True) if spec.runtime else {},
    }
    return {part: _without_empty(fields) for part, fields in content.items()}


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    inner = {key: _without_empty(value) if isinstance(value, Mapping) else value for key, value in fields.items()}
    return {key: value for key, value in inner.items() if value not in ({}, [])}


def _check_uri(uri: str) -> None:
    try:
        urlsplit(uri)
    except ValueError as error:
        raise ValueError(f"spec.model.uri: {uri} is no URI ({error})") from error


def _replicas(scaling: ScalingSpec) -> int:
    minimum = scaling.min_replicas or 1
    return max(minimum, scaling.replicas or minimum)


def _rollout(rollout: RolloutSpec, annotations: Mapping[str, str], settings: Settings) -> RolloutPlan:
    return RolloutPlan(
        steps=_steps(rollout),
        paused=bool(rollout.paused),
        drain=seconds(rollout.drain or DEFAULT_DRAIN),
        propagation=settings.propagation_seconds,
        progress_deadline=rollout.progress_deadline_seconds or DEFAULT_PROGRESS_DEADLINE,
        promote=Command.parse(annotations.get(names.ANNOTATION_PROMOTE)),
        abort=Command.parse(annotations.get(names.ANNOTATION_ABORT)),
        retry=Command.parse(annotations.get(names.ANNOTATION_RETRY)),
    )


def _steps(rollout: RolloutSpec) -> tuple[Step, ...]:
    if rollout.strategy == "Direct":
        return ()
    if rollout.steps is None:
        return DEFAULT_STEPS
    return tuple(Step(step.weight, None if step.hold is None else seconds(step.hold)) for step in rollout.steps)


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join(["spec", *(str(part) for part in problem["loc"])])
        problems.append(f"{path}: {problem['msg']}")
    return "; ".join(problems)
