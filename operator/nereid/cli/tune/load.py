"""Measured loads: a model's throughput and latency at one concurrency, and whether they meet the objective."""

from collections.abc import Sequence
from dataclasses import dataclass


class GeneratorError(Exception):
    """A load generator's report says why nothing was measured, or cannot be understood."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was measured at one concurrency: predictions per second, and latencies of whole requests in seconds.

    `failures` is the share of requests that were not answered with a prediction.
    """

    concurrency: int
    throughput: float
    p50: float
    p99: float
    failures: float = 0.0


def meets(load: Load, objective: float) -> bool:
    """Whether every request was answered, 99 of 100 within `objective` seconds."""
    return load.failures == 0 and load.throughput > 0 and load.p99 <= objective


def at_objective(loads: Sequence[Load], objective: float) -> Load | None:
    """Return the load with the highest throughput that meets the objective; None where none does."""
    return max((load for load in loads if meets(load, objective)), key=lambda load: load.throughput, default=None)
