"""What is decided for the shell and for build to carry out: which revisions keep pods, and which checks run."""

from dataclasses import dataclass
from typing import Final

from nereid.api import names
from nereid.api.checks import CheckSpec
from nereid.controller.plan.plan import NO_TRAFFIC, Exposure

_RUN_HASH_LENGTH: Final = 6


@dataclass(frozen=True, slots=True)
class CheckRun:
    """Checks of a revision that are to be run now; `step` is the index of the step that they open."""

    revision: str
    stable: str
    attempt: int
    step: int
    checks: tuple[CheckSpec, ...]
    timeout: int

    @property
    def id(self) -> str:
        """What tells it from every other run of checks of the same ModelDeployment, and from one of other checks."""
        asked = [check.model_dump(mode="json", exclude_none=True) for check in self.checks]
        return f"{self.revision}-{self.step}-{self.attempt}-{names.content_hash(asked)[:_RUN_HASH_LENGTH]}"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a scaler changes a revision's number of pods.

    maximum: the most pods. sleeps: it has none until somebody asks for it. in_charge: the scaler is there, so that the
    number of pods is left to it.
    """

    maximum: int
    sleeps: bool
    in_charge: bool


@dataclass(frozen=True, slots=True)
class LiveRevision:
    """A revision that keeps its pods: how many it should have, and what of the traffic reaches it.

    scale: how its pods become more, `replicas` being the fewest; None where there are just `replicas`. is_gated:
    requests reach it by way of the activator, which has them wait for a pod.
    """

    revision: str
    replicas: int
    exposure: Exposure = NO_TRAFFIC
    scale: Scale | None = None
    is_gated: bool = False

    @property
    def weight(self) -> int:
        """Its share of the traffic in percent."""
        return self.exposure.weight
