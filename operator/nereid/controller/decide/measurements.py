"""Which measurements a pass asks for, and the facts with those that have arrived. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from nereid.controller.decide.measurement_requests import ActivityRequest, SampleRequest
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

    Each pass asks again for what it still needs, so that the pods are always the present ones.
    """

    sample: tuple[SampleRequest, Pods] | None = None
    activities: tuple[tuple[ActivityRequest, Pods], ...] = ()


def wanted_measurements(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> WantedMeasurements:
    """Return what is to be measured in this state; a revision without pods has no activity to read."""
    sample = wanted_sample(plan, state, now)
    looks = [(look, addresses(observed, look.revision)) for look in wanted_looks(plan, state, now)]
    return WantedMeasurements(
        sample=(sample, addresses(observed, sample.candidate, sample.stable)) if sample else None,
        activities=tuple((look, pods) for look, pods in looks if pods[look.revision]),
    )


def measured(plan: Plan, situation: Situation, state: RolloutState, now: datetime) -> Observed:
    """Return the observed facts, with the measurements for this state that have arrived."""
    answers, run = situation.measurements, checks.due(plan, state)
    sample = wanted_sample(plan, state, now)
    looks = wanted_looks(plan, state, now)
    activities = {look.revision: _activity(situation, look) for look in looks}
    return replace(
        situation.observed,
        sample=answers.samples.get(sample) if sample else None,
        checks=combine(run.id, situation.check_jobs) if run else None,
        why_not_running=why_not_running(run.id, situation.check_jobs) if run else None,
        activity={revision: activity for revision, activity in activities.items() if activity},
    )


def addresses(observed: Observed, *revisions: str) -> dict[str, tuple[PodAddress, ...]]:
    """Return the addresses of the pods whose counters can be read, by revision."""
    return {revision: tuple(pod.address for pod in observed.of(revision).pods if pod.address) for revision in revisions}


def _activity(situation: Situation, look: ActivityRequest) -> Activity | None:
    has_pods = addresses(situation.observed, look.revision)[look.revision]
    return situation.measurements.activities.get(look) if has_pods else Activity(None, None)
