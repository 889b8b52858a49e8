"""The state of each ModelDeployment and its rollout, from spec and status at each scrape.

Nothing is remembered between scrapes, so that the figures are those of the object, also after a restart, and disappear
with the object.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import ValidationError

from nereid.api.status import AnalysisStatus, EvidenceStatus, MetricStatus, ModelDeploymentStatus, RolloutStatus
from nereid.controller.observed.last_status import last_status
from nereid.controller.shell.telemetry import objectives, revisions
from nereid.controller.shell.telemetry.samples import Family, Reported, Sample

# Evidence against a decision can grow without bound, and would only stretch the axis of a graph.
LEAST_EVIDENCE: Final = -1.0

FAMILIES: Final[Mapping[str, Family]] = {
    "nereid_rollout_state": Family(
        "1 for the state that the rollout is in; the reason says why, in one word.", ("strategy", "state", "reason")
    ),
    "nereid_rollout_info": Family(
        "1; the labels name the revisions and their versions.",
        ("stable", "candidate", "stable_version", "candidate_version"),
    ),
    "nereid_rollout_candidate_weight": Family("Percentage of requests that the candidate answers."),
    "nereid_rollout_candidate_mirror": Family("Percentage of requests of which the candidate gets a copy."),
    "nereid_rollout_verdict": Family("1 for what the judge said at its last look.", ("verdict",)),
    "nereid_rollout_metric_bad_ratio": Family(
        "Share of bad requests, from 0 to 1, since the judge began to count.", ("metric", "role")
    ),
    "nereid_rollout_evidence": Family(
        "Logarithm of the evidence reached over that of the evidence needed: 1 decides, below 0 it speaks against.",
        ("metric", "direction"),
    ),
    "nereid_rollout_provider_errors": Family("How many times in a row the provider of metrics failed."),
    "nereid_rollout_failed": Family("1 while the last rollout has failed and the spec still asks for it.", ("reason",)),
    "nereid_model_deployment_condition": Family("1 for the status that the condition has.", ("type", "status")),
    **revisions.FAMILIES,
    **objectives.FAMILIES,
}


class RolloutCollector(Collector):
    """Makes the metrics of all ModelDeployments at each scrape.

    `model_deployments` is called in the thread of the scrape, so that it has to return a snapshot.
    """

    def __init__(self, model_deployments: Callable[[], Iterable[Reported]]) -> None:
        self._model_deployments = model_deployments

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without figures, so that registering them reads nothing."""
        return _families().values()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        families = _families()
        for reported in self._model_deployments():
            for family, labels, value in _readable(reported):
                families[family].add_metric((reported.namespace, reported.name, *labels), value)
        return families.values()


def samples(status: ModelDeploymentStatus) -> Iterator[Sample]:
    """Yield the samples of a status."""
    if status.stable or status.candidate:
        yield _info(status)
    if status.candidate:
        yield Sample("nereid_rollout_candidate_weight", (), status.candidate.weight)
        yield Sample("nereid_rollout_candidate_mirror", (), (status.rollout and status.rollout.mirror) or 0)
    yield from revisions.samples(status)
    if status.rollout:
        yield from _rollout(status.rollout)
    for condition in status.conditions:
        yield Sample("nereid_model_deployment_condition", (condition.type, condition.status), 1)


def _families() -> dict[str, GaugeMetricFamily]:
    return {
        name: GaugeMetricFamily(name, family.help, labels=("namespace", "name", *family.labels))
        for name, family in FAMILIES.items()
    }


def _readable(reported: Reported) -> list[Sample]:
    """Return the samples of a ModelDeployment, without those of a part that cannot be parsed.

    Its own pass reports that part: what is wrong with the spec, or that the status was not readable.
    """
    parts = (
        lambda: samples(last_status(reported.status)[0]),
        lambda: revisions.scaling_samples(reported.spec),
        lambda: objectives.samples(reported.spec),
    )
    return [sample for part in parts for sample in _unless_unreadable(part)]


def _unless_unreadable(part: Callable[[], Iterable[Sample]]) -> list[Sample]:
    try:
        return list(part())
    except (ValidationError, ArithmeticError, AttributeError):  # AttributeError: what should be a mapping is not.
        return []


def _info(status: ModelDeploymentStatus) -> Sample:
    stable, candidate = status.stable, status.candidate
    labels = (
        stable.revision if stable else "",
        candidate.revision if candidate else "",
        stable.version if stable else "",
        candidate.version if candidate else "",
    )
    return Sample("nereid_rollout_info", labels, 1)


def _rollout(rollout: RolloutStatus) -> Iterator[Sample]:
    yield Sample("nereid_rollout_state", (rollout.strategy or "", rollout.state, rollout.reason), 1)
    if rollout.failed:
        yield Sample("nereid_rollout_failed", (rollout.failed.reason,), 1)
    if rollout.analysis:
        yield from _analysis(rollout.analysis)


def _analysis(analysis: AnalysisStatus) -> Iterator[Sample]:
    yield Sample("nereid_rollout_verdict", (analysis.verdict,), 1)
    yield Sample("nereid_rollout_provider_errors", (), analysis.errors)
    for metric in analysis.metrics:
        yield from _metric(metric)


def _metric(metric: MetricStatus) -> Iterator[Sample]:
    for role, rate in (("candidate", metric.candidate), ("stable", metric.stable)):
        if rate.requests:
            yield Sample("nereid_rollout_metric_bad_ratio", (metric.name, role), rate.bad / rate.requests)
    for direction, evidence in (("failing", metric.failing), ("passing", metric.passing)):
        yield Sample("nereid_rollout_evidence", (metric.name, direction), _share(evidence))


def _share(evidence: EvidenceStatus) -> float:
    """Return the share of the evidence that is reached, by logarithm, as evidence multiplies with each sample."""
    if evidence.reached <= 0:
        return LEAST_EVIDENCE
    return max(math.log(evidence.reached) / math.log(evidence.needed), LEAST_EVIDENCE)
