"""Run with `make bench-judge`: candidates that turn bad with the last move, and how soon the bake takes them back.

Stable fails 0.5% of its requests through the two default steps. Then the candidate has all of them, or all but a
holdback, for the default bake of five minutes, in which the judge looks every thirty seconds.
"""

import statistics
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from bench.promotions import BEGIN, METADATA, SETTINGS, Traffic
from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.analysis import with_sample
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, Comparison, Sample
from nereid.controller.plan.plan import Exposure, Specified
from nereid.controller.plan.reading import read_plan

USUAL: Final = 0.005
LOOK_SECONDS: Final = 30
LOOKS: Final = 10
# Stable gets 90% and then 50% of the requests, for five minutes each.
SECONDS_BEFORE: Final = 300 * (0.9 + 0.5)
CASES: Final = (
    ("30%", 0.30),
    ("12%", 0.12),
    ("10 times as many: 4.8%", 0.048),
    ("3 times as many: 1.5%", 0.015),
    ("twice as many: 1%, as by the hour of the day", 0.01),
    ("as stable: 0.5%", USUAL),
)


def minutes_until_back(
    wanted: Specified, rate: float, per_second: float, seed: int, *, share: int, is_learned: bool
) -> float | None:
    """Return when a candidate that fails this share of requests is rolled back; None if it stays for good.

    `share` is its percentage of the requests; `is_learned`: stable's own rate in this rollout is known.
    """
    generator = np.random.default_rng([seed, int(10 * per_second)])
    before = int(generator.poisson(per_second * SECONDS_BEFORE))
    usual = Counts(before, int(generator.binomial(before, USUAL))) if is_learned else Counts()
    state = RolloutState(
        stage=Stage.BAKING,
        stable="a",
        candidate=wanted.revision,
        exposure=Exposure(share),
        since=BEGIN,
        analysis=AnalysisState(BEGIN, BEGIN, usual=usual),
    )
    traffic = Traffic(per_second, lambda _weight: rate, USUAL)
    for look in range(1, LOOKS + 1):
        now = BEGIN + timedelta(seconds=look * LOOK_SECONDS)
        candidate, stable = traffic.drawn(generator, LOOK_SECONDS, share)
        nothing = Comparison(Counts(candidate.requests), Counts(stable.requests))
        sample = Sample(now, {ERRORS: Comparison(candidate, stable), REJECTIONS: nothing})
        state, failure = with_sample(wanted, state, sample, now)
        if failure:
            return look * LOOK_SECONDS / 60
    return None


def table(runs: int) -> Iterator[str]:
    """Yield the table of what is rolled back within the bake, and after how many minutes (median)."""
    wanted = read_plan(METADATA, {"model": {"uri": "pvc://m/x.onnx"}}, SETTINGS)
    yield "\n### Bad from the last move on, stable fails 0.5%: rolled back within a bake of 5 minutes\n"
    yield "| fails | requests/s | guard alone | bake | bake, `holdback: 5` |"
    yield "|---|---|---|---|---|"
    ways = ((100, False), (100, True), (95, True))
    for per_second in (5, 50):
        for name, rate in CASES:
            cells = []
            for share, is_learned in ways:
                found = (
                    minutes_until_back(wanted, rate, per_second, seed, share=share, is_learned=is_learned)
                    for seed in range(runs)
                )
                cells.append(_cell([minutes for minutes in found if minutes is not None], runs))
            yield f"| {name} | {per_second} | {' | '.join(cells)} |"


def _cell(minutes: list[float], runs: int) -> str:
    return f"{100 * len(minutes) / runs:g}%, {statistics.median(minutes):g} min" if minutes else "0%"
