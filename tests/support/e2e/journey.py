"""What a rollout went through: a witness that looks at the status all the time, as `kubectl get --watch` would."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from digits.model_deployment import ModelDeployment

_LOOK_SECONDS: Final = 0.25


class Stage(NamedTuple):
    """What the status said at a moment."""

    state: str
    weight: int
    pods: int


@dataclass
class Journey:
    """Writes down the stages of a ModelDeployment while its context lasts, each once in a row."""

    served: ModelDeployment

    def __post_init__(self) -> None:
        self.stages: list[Stage] = []
        self._over = threading.Event()
        self._executor = ThreadPoolExecutor(1, "journey")

    def __enter__(self) -> Self:
        self._watching = self._executor.submit(self._watch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._executor.shutdown()
        self._watching.result()  # or what kept it from looking
        self._look()

    @property
    def weights(self) -> list[int]:
        """The candidate's weights one after another."""
        return [weight for weight, _ in itertools.groupby(stage.weight for stage in self.stages)]

    @property
    def states(self) -> set[str]:
        """All states that it was in."""
        return {stage.state for stage in self.stages}

    @property
    def most_pods(self) -> int:
        """The most pods that stable and candidate were to have together."""
        return max(stage.pods for stage in self.stages)

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        status = self.served.status
        if status.get("rollout") and (not self.stages or _stage(status) != self.stages[-1]):
            self.stages.append(_stage(status))


def _stage(status: dict[str, Any]) -> Stage:
    stable, candidate = status.get("stable") or {}, status.get("candidate") or {}
    return Stage(
        state=status["rollout"]["state"],
        weight=candidate.get("weight", 0),
        pods=stable.get("replicas", 0) + candidate.get("replicas", 0),
    )
