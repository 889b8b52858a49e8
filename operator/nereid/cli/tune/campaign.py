"""Measures what the search proposes, some at a time, until nothing is left to try or the time is used up."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from nereid.cli.tune.configuration import Configuration
from nereid.cli.tune.search import Goal, Result, Space, proposals

Measure = Callable[[Configuration], Result]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a campaign may take, in seconds, and how many configurations it measures at a time."""

    seconds: float
    parallel: int = 1


@dataclass(slots=True)
class Campaign:
    """A search in progress; `is_over` says afterwards whether nothing was left to try.

    A configuration is started only if it would end in time when it takes as long as the longest measurement so far.
    """

    space: Space
    goal: Goal
    budget: Budget
    clock: Clock
    results: list[Result] = field(default_factory=list)
    is_over: bool = False
    _longest: float = 0.0

    def run(self, measure: Measure) -> Iterator[Result]:
        """Measure, and yield each result as it arrives. An exception of `measure` ends the campaign."""
        end = self.clock() + self.budget.seconds
        busy: dict[Future[Result], tuple[Configuration, float]] = {}
        executor = ThreadPoolExecutor(self.budget.parallel)
        try:
            while True:
                measured_now = [configuration for configuration, _ in busy.values()]
                waiting = proposals(self.space, self.results, self.goal, measured_now)
                free = self.budget.parallel - len(busy) if self.clock() + self._longest < end else 0
                for configuration in waiting[:free]:
                    busy[executor.submit(measure, configuration)] = (configuration, self.clock())
                if not busy:
                    self.is_over = not waiting
                    return
                for finished in wait(busy, return_when=FIRST_COMPLETED).done:
                    _, began = busy.pop(finished)
                    yield self._add(finished.result(), began)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _add(self, result: Result, began: float) -> Result:
        if not result.failure:
            self._longest = max(self._longest, self.clock() - began)
        self.results.append(result)
        return result
