"""Parts of a decision that build and the shell carry out: which revisions keep pods, and which checks run."""

from dataclasses import dataclass
from typing import Final

from nereid.api import names
from nereid.api.checks import SMOKE_CHECK, CheckSpec
from nereid.controller.plan.plan import NO_TRAFFIC, Exposure

_RUN_HASH_LENGTH: Final = 6


@dataclass(frozen=True, slots=True)
class CheckRun:
    """Checks of a revision that are to be run now; `step` is the index of the step that they must pass for.

    smoke: the built-in check is one of them. is_optional: if they cannot be run, the rollout goes on.
    """

    revision: str
    stable: str
    attempt: int
    step: int
    checks: tuple[CheckSpec, ...]
    timeout: int
    smoke: bool = False
    is_optional: bool = False

    @property
    def check_names(self) -> tuple[str, ...]:
        """The names of all checks, in the order in which they run."""
        return (*((SMOKE_CHECK,) if self.smoke else ()), *(check.name for check in self.checks))

    @property
    def id(self) -> str:
        """Unique among the runs of a ModelDeployment; it changes with the checks."""
        own = [check.model_dump(mode="json", exclude_none=True) for check in self.checks]
        checks = [*([SMOKE_CHECK] if self.smoke else []), *own]
        return f"{self.revision}-{self.step}-{self.attempt}-{names.content_hash(checks)[:_RUN_HASH_LENGTH]}"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a scaler changes a revision's number of pods.

    maximum: the most pods. sleeps: it has no pods until a request arrives. in_charge: the scaler exists and sets the
    number of pods.
    """

    maximum: int
    sleeps: bool
    in_charge: bool


@dataclass(frozen=True, slots=True)
class LiveRevision:
    """A revision that keeps its pods: how many it should have, and which traffic reaches it.

    scale: how a scaler changes the number of pods, of which `replicas` is then the minimum; None if the number is fixed
    at `replicas`. is_gated: requests reach it through the activator, which holds them until a pod is ready.
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
