"""Which measurements a pass wants, and what it sees with those that are there. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from nereid.controller.decide.asks import ActivityRequest, SampleRequest
from nereid.controller.decide.rollout import checks
from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.decide.rollout.draining import wanted_looks
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.check_results import combine, why_not_running
from nereid.controller.observed.facts import Observed
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import Activity
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.plan import Plan

Pods = Mapping[str, tuple[PodAddress, ...]]


@dataclass(frozen=True, slots=True)
class WantedMeasurements:
    """What is to be measured in the background, each with the pods to look at, by revision.

    What is wanted is named again by each pass until it is wanted no more, so that its pods are those of today.
    """

    sample: tuple[SampleRequest, Pods] | None = None
    activities: tuple[tuple[ActivityRequest, Pods], ...] = ()


def wanted_measurements(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> WantedMeasurements:
    """Return what the state asks to be measured; of a revision without pods, no activity can be."""
    sample = wanted_sample(plan, state, now)
    looks = [(look, addresses(observed, look.revision)) for look in wanted_looks(plan, state, now)]
    return WantedMeasurements(
        sample=(sample, addresses(observed, sample.candidate, sample.stable)) if sample else None,
        activities=tuple((look, pods) for look, pods in looks if pods[look.revision]),
    )


def measured(plan: Plan, situation: Situation, state: RolloutState, now: datetime) -> Observed:
    """Return what is seen with the answers to what the state asks for, as far as they are there."""
    answers, run = situation.measurements, checks.due(plan, state)
    sample = wanted_sample(plan, state, now)
    looks = wanted_looks(plan, state, now)
    activity = {look.revision: _activity(situation, look) for look in looks}
    return replace(
        situation.observed,
        sample=answers.samples.get(sample) if sample else None,
        checks=combine(run.id, situation.check_jobs) if run else None,
        why_not_running=why_not_running(run.id, situation.check_jobs) if run else None,
        activity={revision: seen for revision, seen in activity.items() if seen},
    )


def addresses(observed: Observed, *revisions: str) -> dict[str, tuple[PodAddress, ...]]:
    """Return where the counters of revisions' pods can be read."""
    return {revision: tuple(pod.address for pod in observed.of(revision).pods if pod.address) for revision in revisions}


def _activity(situation: Situation, look: ActivityRequest) -> Activity | None:
    has_pods = addresses(situation.observed, look.revision)[look.revision]
    return situation.measurements.activities.get(look) if has_pods else Activity(None, None)
