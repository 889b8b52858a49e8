"""Measuring a configuration: what is kept when something fails, and that it is always taken away again."""

import json
import time
from typing import Any

import pytest

from nereid.cli.tune.configuration import OWN, Configuration, Hardware
from nereid.cli.tune.k6 import K6
from nereid.cli.tune.manifests import Run
from nereid.cli.tune.measuring import Bench, Method
from nereid.cli.tune.objects import LoadError, TrialError

CONFIGURATION = Configuration(Hardware(OWN), instances=2)
DOCUMENT = {"metadata": {"name": "digits"}, "spec": {"model": {"uri": "pvc://models/a.onnx"}}}


def report(p99: float = 0.01, answers: int = 1000) -> str:
    figures = {"answers": answers, "predictions": answers, "failures": 0, "seconds": 10, "p50": 0.001, "p99": p99}
    return json.dumps(figures)


class Cluster:
    """A cluster that gives these reports, one for each load."""

    namespace = "models"

    def __init__(self, *reports: str | Exception, ready: Exception | None = None) -> None:
        self._reports = list(reports)
        self._ready = ready
        self.there: list[str] = []
        self.jobs: list[str] = []

    def create_trial(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.there.append(manifest["metadata"]["name"])
        return {**manifest, "metadata": {**manifest["metadata"], "uid": "1"}}

    def delete_trial(self, name: str) -> None:
        self.there.remove(name)

    def wait_until_ready(self, _name: str, _seconds: float) -> None:
        if self._ready:
            raise self._ready

    def pod_spec(self, _name: str) -> dict[str, Any]:
        return {"containers": [{"resources": {"requests": {"cpu": "500m"}}}]}

    def create_job(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.jobs.append(manifest["metadata"]["name"])
        return manifest

    def report(self, _job: str, _seconds: float) -> str:
        told = self._reports.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


def bench(cluster: Cluster, seconds: float = 1000) -> Bench:
    method = Method(0.05, 4, 3, 10, {}, 60, time.monotonic() + seconds)
    return Bench(cluster, DOCUMENT, Run("x7k2m", "digits"), {}, K6(), method, lambda _line: None)  # type: ignore[arg-type]


def test_loads_rise_until_the_most_and_the_trial_is_taken_away():
    cluster = Cluster(report(), report(answers=2000), report(answers=4000))
    result = bench(cluster).measure(CONFIGURATION)
    assert [(load.concurrency, load.throughput) for load in result.loads] == [(1, 100), (2, 200), (4, 400)]
    assert result.requests == {"cpu": 0.5}
    assert cluster.jobs == ["tune-x7k2m-1-c1", "tune-x7k2m-1-c2", "tune-x7k2m-1-c4"]
    assert cluster.there == []


def test_what_is_not_ready_is_told():
    cluster = Cluster(ready=TrialError("does not load: no such file"))
    assert bench(cluster).measure(CONFIGURATION).failure == "does not load: no such file"
    assert cluster.there == []


def test_a_generator_that_fails_at_once_says_why():
    error = LoadError(107, json.dumps({"level": "error", "msg": "Error: the first request was rejected"}))
    failure = bench(Cluster(error)).measure(CONFIGURATION).failure
    assert failure == "its load generator ended with exit code 107: the first request was rejected"


@pytest.mark.parametrize("later", [LoadError(137, "Killed"), TrialError("was deleted"), "no report"])
def test_a_generator_that_fails_later_leaves_what_was_measured(later):
    result = bench(Cluster(report(), later)).measure(CONFIGURATION)
    assert (len(result.loads), result.failure) == (1, None)


def test_no_further_load_is_begun_when_time_is_up():
    assert len(bench(Cluster(report()), seconds=0).measure(CONFIGURATION).loads) == 1


def test_the_trial_is_taken_away_when_the_user_interrupts():
    cluster = Cluster(ready=KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        bench(cluster).measure(CONFIGURATION)
    assert cluster.there == []
