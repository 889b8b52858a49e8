"""Run with `make bench-judge`: whole rollouts through decide, and how often each ends how.

Pods are always ready and routes apply at once. Requests fail independently, or in bursts. With steps of 10 and 50%, a
rollout that is neither promoted nor rolled back within 75 minutes waits for evidence. With the default steps, which
suit what comes, it is seen how it stands after an hour.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.facts import DeploymentFacts, Observed, RevisionObserved
from nereid.controller.observed.sample import ERRORS, REJECTIONS, Activity, Comparison, Sample
from nereid.controller.plan.plan import Specified
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.settings import Settings

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = 75
HOUR = 60
# As the default steps, but that somebody has asked for them: none is passed over, and without evidence they wait.
STEPS = [{"weight": 10, "hold": "5m"}, {"weight": 50, "hold": "5m"}]
LONGEST_SECONDS = 30
PODS = 4
METADATA = {"namespace": "bench", "name": "model", "uid": "1"}
SETTINGS = Settings(prometheus_url="http://prometheus")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests per second to both revisions, and error rates, the candidate's by its weight; in bursts of `burst`."""

    requests_per_second: float
    candidate: Callable[[int], float]
    stable: float
    burst: int = 1

    def drawn(self, generator: np.random.Generator, seconds: float, weight: int) -> tuple[Counts, Counts]:
        """Draw what some seconds at a weight bring to the candidate and to stable."""
        requests = int(generator.poisson(self.requests_per_second * seconds))
        to_candidate = int(generator.binomial(requests, weight / 100))
        return (
            self._counts(generator, to_candidate, self.candidate(weight)),
            self._counts(generator, requests - to_candidate, self.stable),
        )

    def _counts(self, generator: np.random.Generator, requests: int, rate: float) -> Counts:
        return Counts(requests, min(requests, self.burst * int(generator.binomial(requests, rate / self.burst))))


def end_of(traffic: Traffic, seed: int, rollout: Mapping[str, Any], minutes: int = MINUTES) -> tuple[str, float]:
    """Return how a rollout with this spec ends, promoted, rolled back, or waits, and after how many minutes."""
    asked = {"model": {"uri": "pvc://m/x.onnx"}, "rollout": {"bake": "0s", **rollout}}
    wanted = read_plan(METADATA, asked, SETTINGS)
    generator, now = np.random.default_rng(seed), BEGIN
    state = RolloutState(stage=Stage.COMPLETED, stable="a", since=BEGIN - timedelta(hours=1))
    counted = (Counts(), Counts())
    while now < BEGIN + timedelta(minutes=minutes):
        state, wait, is_read = _passes(wanted, state, counted, now)
        taken = (now - BEGIN).total_seconds() / 60
        if state.failed:
            return "rolled back", taken
        if state.stable == wanted.revision:
            return "promoted", taken
        drawn = traffic.drawn(generator, wait, state.weight)
        counted = drawn if is_read else (counted[0] + drawn[0], counted[1] + drawn[1])
        now += timedelta(seconds=wait)
    return "waits", minutes


def _passes(
    wanted: Specified, state: RolloutState, counted: tuple[Counts, Counts], now: datetime
) -> tuple[RolloutState, float, bool]:
    """Make passes until nothing more happens at this moment; return how long that lasts, and whether it was counted."""
    is_read = False
    while True:
        sample = None
        if wanted_sample(wanted, state, now):
            nothing = Comparison(Counts(counted[0].requests), Counts(counted[1].requests))
            sample = Sample(now, {ERRORS: Comparison(*counted), REJECTIONS: nothing})
            is_read = True
        decision = decide(wanted, replace(_observed(state), sample=sample), state, now)
        if decision.state == state:
            wait = LONGEST_SECONDS if decision.requeue_after is None else decision.requeue_after
            return state, max(1.0, min(wait, LONGEST_SECONDS)), is_read
        state = decision.state


def _observed(state: RolloutState) -> Observed:
    revisions = [state.stable, state.candidate, *(one.revision for one in state.retiring)]
    ready = RevisionObserved(deployment=DeploymentFacts(PODS, PODS, PODS, None), has_service=True)
    return Observed(
        {revision: ready for revision in revisions if revision},
        frozenset({routing_of(state)}),
        activity={one.revision: Activity(7, 0) for one in state.retiring},
    )


def ends(traffic: Traffic, runs: int, **analysis: Any) -> str:
    """Return how many of so many rollouts ended how, in percent."""
    rollout = {"steps": STEPS, "analysis": analysis}
    found: Sequence[str] = [end_of(traffic, seed, rollout)[0] for seed in range(runs)]
    return " | ".join(f"{100 * found.count(end) / runs:.0f}%" for end in ("promoted", "rolled back", "waits"))


def worse(rate: float, odds_ratio: float) -> float:
    """Return the error rate whose odds are `odds_ratio` times those of `rate`."""
    odds = odds_ratio * rate / (1 - rate)
    return odds / (1 + odds)


def each_exposure(runs: int) -> Iterator[str]:
    """Yield the table of candidates that are bad under more traffic only."""
    yield "\n### As stable at 10%, worse at 50%\n"
    yield "| errors of stable | requests/s | times as bad at 50% | promoted | rolled back | waits |"
    yield "|---|---|---|---|---|---|"
    for per_second in (5, 50):
        for rate, odds in ((0.001, 10), (0.005, 3), (0.02, 3), (0.005, 1)):
            bad = worse(rate, odds)
            traffic = Traffic(per_second, lambda weight, rate=rate, bad=bad: bad if weight >= 50 else rate, rate)  # type: ignore[misc] # noqa: PLR2004
            yield f"| {rate:.1%} | {per_second} | {odds} | {ends(traffic, runs)} |"


def bursts(runs: int) -> Iterator[str]:
    """Yield the table of errors that come in bursts, without and with `judge.burst`, which says so."""
    yield "\n### Errors in bursts, 0.5% of stable's requests\n"
    yield "| bursts of | requests/s | times as bad | `burst` | promoted | rolled back | waits |"
    yield "|---|---|---|---|---|---|---|"
    for burst in (5, 20):
        for per_second in (5, 50):
            for odds in (1, 3, 10):
                bad = worse(0.005, odds)
                traffic = Traffic(per_second, lambda _weight, bad=bad: bad, 0.005, burst)  # type: ignore[misc]
                for told in (1, burst):
                    yield f"| {burst} | {per_second} | {odds} | {told} | {ends(traffic, runs, judge={'burst': told})} |"


# Error rates of stable and of the candidate.
HEALTHY = ((0.0, 0.0), (0.005, 0.005), (0.02, 0.02))
BAD = ((0.005, 0.015), (0.005, 0.055), (0.005, 0.205))


def little_traffic(runs: int) -> Iterator[str]:
    """Yield the table of what the default steps make of little traffic within an hour, and of more."""
    yield "\n### The default steps, after an hour\n"
    yield "| requests/s | errors of stable | of the candidate | promoted | rolled back | still judged, or waits |"
    yield "|---|---|---|---|---|---|"
    for per_second in (0.1, 0.5, 1, 5, 50):
        for stable, candidate in (*HEALTHY, *BAD):
            traffic = Traffic(per_second, lambda _weight, rate=candidate: rate, stable)  # type: ignore[misc]
            found = [end_of(traffic, seed, {}, HOUR) for seed in range(runs)]
            cells = " | ".join(_share_and_median(found, end) for end in ("promoted", "rolled back", "waits"))
            yield f"| {per_second:g} | {stable:.1%} | {candidate:.1%} | {cells} |"


def _share_and_median(found: Sequence[tuple[str, float]], wanted: str) -> str:
    minutes = [taken for end, taken in found if end == wanted]
    share = f"{100 * len(minutes) / len(found):.0f}%"
    return f"{share}, {statistics.median(minutes):.0f} min" if minutes and wanted != "waits" else share


def small_client(runs: int) -> Iterator[str]:
    """Yield the table of a candidate that fails all requests of a client with 0.3% of the traffic."""
    yield "\n### The candidate fails all requests of a client with 0.3% of the traffic, and stable none of them\n"
    yield "| errors of other clients | requests/s | `negligiblePercent` | promoted | rolled back | waits |"
    yield "|---|---|---|---|---|---|"
    for rate in (0.0, 0.001):
        for per_second in (5, 50):
            traffic = Traffic(per_second, lambda _weight, rate=rate: rate + 0.003, rate)  # type: ignore[misc]
            for negligible in (1, 0.1):
                found = ends(traffic, runs, judge={"negligiblePercent": negligible})
                yield f"| {rate:.1%} | {per_second} | {negligible} | {found} |"
