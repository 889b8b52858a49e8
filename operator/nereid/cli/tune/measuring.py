"""Measuring a configuration in the cluster: a ModelDeployment of its own, and a Job for each load."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nereid.api import names
from nereid.cli.tune.configuration import Configuration
from nereid.cli.tune.cost import pod_requests
from nereid.cli.tune.generator import Exercise, Generator
from nereid.cli.tune.load import GeneratorError, Load
from nereid.cli.tune.manifests import START_SECONDS, Manifest, Run, load_job, model_name, owner, trial
from nereid.cli.tune.objects import LoadError, Objects, TrialError
from nereid.cli.tune.ramp import next_concurrency
from nereid.cli.tune.search import Result


@dataclass(frozen=True, slots=True)
class Method:
    """How every configuration is measured: with which loads, for how many seconds each, until which objective.

    `ready_seconds` is how long a pod may take to serve, `deadline` (of the monotonic clock) when all must be over.
    """

    objective: float
    most_concurrency: int
    warm_up: float
    seconds: float
    shapes: Mapping[str, tuple[int, ...]]
    ready_seconds: float
    deadline: float


@dataclass(frozen=True)
class Bench:
    """Where configurations of a ModelDeployment are measured, one or several at a time."""

    objects: Objects
    document: Mapping[str, Any]
    run: Run
    holder: Manifest
    generator: Generator
    method: Method
    report: Callable[[str], None]
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def measure(self, configuration: Configuration) -> Result:
        """Measure a configuration with rising loads; what it created is deleted again."""
        name = self.run.trial_name(next(self._numbers))
        self.report(f"{configuration}: starting as {name}")
        try:
            created = self.objects.create_trial(trial(self.document, configuration, name, self.run, self.holder))
            self.objects.wait_until_ready(name, min(self.method.ready_seconds, self._seconds_left()))
            requests = pod_requests(self.objects.pod_spec(name))
            return Result(configuration, self._loads(configuration, created), requests)
        except (TrialError, GeneratorError) as error:
            return Result(configuration, failure=str(error))
        finally:
            self.objects.delete_trial(name)

    def _loads(self, configuration: Configuration, created: Manifest) -> tuple[Load, ...]:
        loads: list[Load] = []
        while concurrency := next_concurrency(loads, self.method.objective, self.method.most_concurrency):
            if loads and self._seconds_left() < self.method.warm_up + self.method.seconds:
                break
            try:
                load = self._load(created, concurrency)
            except (TrialError, GeneratorError) as error:
                if not loads:
                    raise
                self.report(f"{configuration}: {concurrency} at a time could not be measured: {error}")
                break
            self.report(
                f"{configuration}: {load.throughput:.4g}/s with {concurrency} at a time, p99 {load.p99 * 1e3:.3g}ms"
            )
            loads.append(load)
        return tuple(loads)

    def _load(self, created: Manifest, concurrency: int) -> Load:
        name = created["metadata"]["name"]
        exercise = Exercise(
            target=f"{name}.{self.objects.namespace}.svc:{names.PORT_HTTP}",
            model=model_name(self.document),
            concurrency=concurrency,
            warm_up=self.method.warm_up,
            seconds=self.method.seconds,
            shapes=self.method.shapes,
        )
        job = f"{name}-c{concurrency}"
        self.objects.create_job(load_job(job, self.generator, exercise, self.run, owner(created)))
        try:
            report = self.objects.report(job, exercise.warm_up + exercise.seconds + START_SECONDS)
        except LoadError as error:
            raise TrialError(f"its load generator {error}: {self.generator.cause(error.log)}") from error
        return self.generator.read(report, concurrency)

    def _seconds_left(self) -> float:
        return max(1.0, self.method.deadline - time.monotonic())
