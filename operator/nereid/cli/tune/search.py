"""Which configuration to measure next: a climb along one setting at a time, on each kind of hardware.

A full grid is out of reach, as each measurement takes minutes. On each hardware the search begins with the spec's own
settings and measures the neighbours of the best so far (one value up or down in one setting) until none of them is
better. Hardware takes turns, and what is clearly worse is given up.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from nereid.cli.tune.configuration import Configuration, Hardware
from nereid.cli.tune.cost import Prices, Requests, hourly_price
from nereid.cli.tune.load import Load, at_objective

_Value = TypeVar("_Value")

# Hardware whose best is so many times worse than another's, after some steps, is given up.
CLEARLY_WORSE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a configuration: its loads and what its pod asks for, or why there are none."""

    configuration: Configuration
    loads: tuple[Load, ...] = ()
    requests: Requests | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """What may be chosen: the values of each setting, rising. `own` are the spec's instances and largest batch."""

    hardware: tuple[Hardware, ...]
    instances: tuple[int, ...] = ()
    batch_sizes: tuple[int, ...] = ()
    queue_delays: tuple[int, ...] = ()
    own: tuple[int, int] = (1, 1)

    def neighbours(self, configuration: Configuration) -> Iterator[Configuration]:
        """Yield the configurations that differ by one value of one setting; larger ones first."""
        own_instances, own_batch = self.own
        for size in _beside(_axis(self.batch_sizes, own_batch), configuration.batch_size):
            yield replace(configuration, batch_size=size, queue_delay=configuration.queue_delay if size else 0)
        for instances in _beside(_axis(self.instances, own_instances), configuration.instances):
            yield replace(configuration, instances=instances)
        if configuration.batch_size is not None:
            for delay in _beside(sorted({0, *self.queue_delays}), configuration.queue_delay):
                yield replace(configuration, queue_delay=delay)


@dataclass(frozen=True, slots=True)
class Goal:
    """What is looked for: the most predictions for the money, or without prices for a pod, within the objective."""

    objective: float
    prices: Prices

    def merit(self, result: Result) -> float:
        """Return predictions per second, for each unit of money that an hour costs; 0 where the objective breaks."""
        load = at_objective(result.loads, self.objective)
        if load is None:
            return 0.0
        hourly = hourly_price(result.requests or {}, self.prices)
        return load.throughput / hourly if hourly else load.throughput


def best(results: Sequence[Result], goal: Goal) -> Result | None:
    """Return the best of the results that meet the objective; None where none does."""
    good = [result for result in results if goal.merit(result) > 0]
    return max(good, key=goal.merit, default=None)


def proposals(
    space: Space, results: Sequence[Result], goal: Goal, measured_now: Collection[Configuration] = ()
) -> list[Configuration]:
    """Return the configurations that are worth measuring now, the most promising first.

    Each is one that has no result yet and is not being measured. If there are none, and nothing is being measured, the
    search is over.
    """
    tried = {result.configuration for result in results} | set(measured_now)
    seeds = [Configuration(hardware) for hardware in space.hardware]
    if missing := [seed for seed in seeds if seed not in tried]:
        return missing
    by_hardware = {
        hardware: [result for result in results if result.configuration.hardware == hardware]
        for hardware in space.hardware
    }
    alive = [hardware for hardware in space.hardware if not _is_given_up(space, by_hardware, hardware, goal)]
    fewest_first = sorted(alive, key=lambda hardware: len(by_hardware[hardware]))
    neighbours: dict[Configuration, None] = {}
    for hardware in fewest_first:
        leader = best(by_hardware[hardware], goal)
        if leader:
            neighbours.update(dict.fromkeys(space.neighbours(leader.configuration)))
    return [configuration for configuration in neighbours if configuration not in tried]


def _is_given_up(
    space: Space, by_hardware: Mapping[Hardware, Sequence[Result]], hardware: Hardware, goal: Goal
) -> bool:
    """Whether hardware cannot meet the objective, or is clearly worse after a step for each direction.

    What is too slow when it answers one request at a time gets no faster by more instances or larger batches.
    """
    own = best(by_hardware[hardware], goal)
    if own is None:
        return True
    directions = len(list(space.neighbours(Configuration(hardware))))
    if len(by_hardware[hardware]) <= directions:
        return False
    leader = best([result for results in by_hardware.values() for result in results], goal)
    return leader is not None and goal.merit(leader) > CLEARLY_WORSE * goal.merit(own)


def _axis(values: Sequence[int], own: int) -> list[int | None]:
    """Return the values of a setting, rising, with None at the place of the spec's own."""
    return [None if value == own else value for value in sorted({*values, own})]


def _beside(axis: Sequence[_Value], value: _Value) -> list[_Value]:
    place = axis.index(value)
    return [*axis[place + 1 : place + 2], *axis[max(0, place - 1) : place]]
