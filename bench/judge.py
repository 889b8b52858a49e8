"""Run with `make bench-judge`: simulates rollouts and prints what the judge makes of them, beside two usual ways.

Each revision's requests fail independently, unless said otherwise. The candidate gets 5, 10, 25 and 50% of them for ten
minutes each. Every thirty seconds three judges look: Nereid's as a rollout uses it, with its defaults and its guard; a
threshold (rolled back at the fifth look with more than 1% errors); and Fisher's exact test of all counts so far,
repeated at each look. Nereid's has passed a candidate that it has passed at each of the four weights.

All of it takes long; `python -m bench.judge --only hard guard` makes some of the tables.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate, count, product
from typing import Any

import numpy as np

from bench import bakes, promotions
from nereid.api.rollout_stage import Stage
from nereid.controller.decide.judge.verdict import Verdict
from nereid.controller.decide.rollout.analysis import exposed, with_sample
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.state import EPOCH, RolloutState
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, Comparison, Sample
from nereid.controller.plan.plan import Exposure, Specified
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.settings import Settings

LOOK_SECONDS = 30
LOOKS_PER_MINUTE = 60 / LOOK_SECONDS
WEIGHTS = (5, 10, 25, 50)
LOOKS_PER_STEP = round(10 * LOOKS_PER_MINUTE)
BASELINES = (0.001, 0.005, 0.02)
ODDS_RATIOS = (1.0, 1.5, 3.0, 10.0)
REQUESTS_PER_SECOND = (1, 5, 50, 500)
ALPHA = 0.01
METADATA = {"namespace": "bench", "name": "model", "uid": "1"}
SETTINGS = Settings(prometheus_url="http://prometheus")
MOST_ERRORS = 0.01
MISSES = 5
IDENTICAL_TIMES = 5  # rare events need more rollouts to be seen
GUARDED_RATES = (0.02, 0.05, 0.3)
GUARD_EXCEEDED = "GuardExceeded"
ANALYSIS_FAILED = "AnalysisFailed"


@dataclass(frozen=True, slots=True)
class Look:
    """What one interval brought, at the candidate's weight in percent."""

    weight: int
    candidate: Counts
    stable: Counts


@dataclass(frozen=True, slots=True)
class Scenario:
    """A candidate's and stable's error rates, and the requests per second to both together.

    Errors come in bursts of `burst`. The candidate is like stable for its first `good_for` minutes. It gets `weights`
    of the requests, in percent, for ten minutes each.
    """

    candidate: float
    stable: float
    requests_per_second: float
    burst: int = 1
    good_for: int = 0
    weights: tuple[int, ...] = WEIGHTS

    def looks(self, generator: np.random.Generator) -> list[Look]:
        """Draw what each interval brings."""
        weights = (weight for weight in self.weights for _ in range(LOOKS_PER_STEP))
        return [self._look(generator, number, weight) for number, weight in enumerate(weights)]

    def _look(self, generator: np.random.Generator, number: int, weight: int) -> Look:
        requests = generator.poisson(LOOK_SECONDS * self.requests_per_second)
        to_candidate = generator.binomial(requests, weight / 100)
        rate = self.candidate if number >= self.good_for * LOOKS_PER_MINUTE else self.stable
        counted = self._counts(generator, to_candidate, rate)
        return Look(weight, counted, self._counts(generator, requests - to_candidate, self.stable))

    def _counts(self, generator: np.random.Generator, requests: int, rate: float) -> Counts:
        bursts = generator.binomial(requests, rate / self.burst)
        return Counts(int(requests), min(int(bursts) * self.burst, int(requests)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one judge ended one rollout: its verdict, after how many minutes, and why it rolled back."""

    verdict: Verdict
    minutes: float
    reason: str | None = None


Judge = Callable[[Sequence[Look]], Outcome]


def nereid(**analysis: Any) -> Judge:
    """Return Nereid's judge as a rollout uses it, with these fields of spec.rollout.analysis."""
    wanted = _wanted(analysis)

    def run(looks: Sequence[Look]) -> Outcome:
        state = _begun(wanted, Exposure(looks[0].weight))
        has_passed = True
        for number, look in enumerate(looks, 1):
            now = EPOCH + timedelta(seconds=number * LOOK_SECONDS)
            if look.weight != state.weight:
                has_passed = has_passed and _passes(state)
                state = _exposed(wanted, state, look.weight, now - timedelta(seconds=LOOK_SECONDS))
            counted = {ERRORS: Comparison(look.candidate, look.stable), REJECTIONS: _without_errors(look)}
            state, failure = with_sample(wanted, state, Sample(now, counted), now)
            if failure:
                return Outcome(Verdict.FAIL, number / LOOKS_PER_MINUTE, failure.reason)
        verdict = Verdict.PASS if has_passed and _passes(state) else Verdict.INCONCLUSIVE
        return Outcome(verdict, len(looks) / LOOKS_PER_MINUTE)

    return run


def _wanted(analysis: Mapping[str, Any]) -> Specified:
    return read_plan(METADATA, {"model": {"uri": "pvc://m/x.onnx"}, "rollout": {"analysis": analysis}}, SETTINGS)


def _begun(wanted: Specified, exposure: Exposure) -> RolloutState:
    return RolloutState(
        stage=Stage.ANALYZING,
        stable="a",
        candidate=wanted.revision,
        exposure=exposure,
        analysis=AnalysisState(EPOCH, EPOCH),
    )


def _passes(state: RolloutState) -> bool:
    return state.analysis is not None and state.analysis.verdict == "Pass"


def _exposed(wanted: Specified, state: RolloutState, weight: int, now: datetime) -> RolloutState:
    exposure = Exposure(weight)
    return replace(state, exposure=exposure, analysis=exposed(wanted, state, exposure, now))


def _without_errors(look: Look) -> Comparison:
    return Comparison(Counts(look.candidate.requests, 0), Counts(look.stable.requests, 0))


def threshold(looks: Sequence[Look]) -> Outcome:
    """Roll back at the fifth look with more than 1% errors; a look without requests counts for nothing."""
    misses = accumulate(int(look.candidate.errors > MOST_ERRORS * look.candidate.requests) for look in looks)
    return _first_to_fail(seen >= MISSES for seen in misses)


def repeated_fisher(looks: Sequence[Look]) -> Outcome:
    """Roll back at the first look at which Fisher's one-sided test of all counts so far gives p < alpha."""
    candidates = accumulate(look.candidate for look in looks)
    stables = accumulate(look.stable for look in looks)
    return _first_to_fail(fisher_p(*totals) < ALPHA for totals in zip(candidates, stables, strict=True))


def fisher_p(candidate: Counts, stable: Counts) -> float:
    """Return the probability of at least as many errors of the candidate, given all errors; 1 where it is above 1/2."""
    n1, n2, x = candidate.requests, stable.requests, candidate.errors
    m = x + stable.errors
    if x * (n1 + n2) <= m * n1:
        return 1.0
    term = math.exp(_log_choose(n1, x) + _log_choose(n2, m - x) - _log_choose(n1 + n2, m))
    total = term
    while x < min(n1, m) and term > total * 1e-6:
        term *= (n1 - x) * (m - x) / ((x + 1) * (n2 - m + x + 1))
        total += term
        x += 1
    return total


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _first_to_fail(failed: Iterable[bool]) -> Outcome:
    look = next((number for number, has_failed in enumerate(failed, 1) if has_failed), None)
    if look is None:
        return Outcome(Verdict.PASS, len(WEIGHTS) * LOOKS_PER_STEP / LOOKS_PER_MINUTE)
    return Outcome(Verdict.FAIL, look / LOOKS_PER_MINUTE)


JUDGES: Mapping[str, Judge] = {
    "judge": nereid(),
    "threshold": threshold,
    "repeated Fisher": repeated_fisher,
}


class Bench:
    """Runs scenarios, each with its own generator, so that one figure does not depend on which others are asked for."""

    def __init__(self, runs: int, seed: int, baselines: Sequence[float] = BASELINES) -> None:
        self.runs = runs
        self._seed = seed
        self._baselines = baselines

    def outcomes(self, scenario: Scenario, judges: Mapping[str, Judge], times: int = 1) -> dict[str, list[Outcome]]:
        """Let all judges see the same rollouts, `times` as many as usual."""
        generator = np.random.default_rng([self._seed, hash(scenario) % 2**32])
        rollouts = [scenario.looks(generator) for _ in range(self.runs * times)]
        return {name: [one(looks) for looks in rollouts] for name, one in judges.items()}

    def comparison(self, odds_ratio: float) -> Iterator[str]:
        """Yield the lines of the table of one odds ratio."""
        yield f"\n### The candidate's odds of an error are {odds_ratio:g} times stable's\n"
        yield "| errors of stable | requests/s | judge | inconclusive | passed | threshold | repeated Fisher |"
        yield "|---|---|---|---|---|---|---|"
        times = IDENTICAL_TIMES if odds_ratio == 1 else 1
        for rate, per_second in product(self._baselines, REQUESTS_PER_SECOND):
            outcomes = self.outcomes(Scenario(promotions.worse(rate, odds_ratio), rate, per_second), JUDGES, times)
            judged = outcomes["judge"]
            cells = (
                f"{rate:.1%}",
                str(per_second),
                rolled_back(judged),
                share(judged, Verdict.INCONCLUSIVE),
                share(judged, Verdict.PASS),
                rolled_back(outcomes["threshold"]),
                rolled_back(outcomes["repeated Fisher"]),
            )
            yield f"| {' | '.join(cells)} |"

    def targets(self) -> Iterator[str]:
        """Yield the lines of the table of how soon 30% errors at 5 requests/s are caught."""
        yield "\n### 30% errors at 5 requests/s: minutes until rolled back\n"
        columns = (
            "first weight",
            "errors of stable",
            "median",
            "95%",
            "within 2 minutes",
            "threshold",
            "repeated Fisher",
        )
        yield f"| {' | '.join(columns)} |"
        yield "|---|---|---|---|---|---|---|"
        for weights, rate in product(((10, 50), WEIGHTS), self._baselines):
            outcomes = self.outcomes(Scenario(0.30, rate, 5, weights=weights), JUDGES, IDENTICAL_TIMES)
            minutes = {name: sorted(outcome.minutes for outcome in ended) for name, ended in outcomes.items()}
            judged = minutes["judge"]
            within = sum(minute <= 2 for minute in judged) / len(judged)  # noqa: PLR2004
            cells = (
                f"{weights[0]}%",
                f"{rate:.1%}",
                f"{statistics.median(judged):g}",
                f"{judged[math.ceil(0.95 * len(judged)) - 1]:g}",
                f"{within:.1%}",
                f"{statistics.median(minutes['threshold']):g}",
                f"{statistics.median(minutes['repeated Fisher']):g}",
            )
            yield f"| {' | '.join(cells)} |"

    def hard_cases(self) -> Iterator[str]:
        """Yield the lines of the table of what the assumptions of the other tables hide."""
        yield "\n### Hard cases\n"
        yield "| case | requests/s | judge | inconclusive | passed | threshold | repeated Fisher |"
        yield "|---|---|---|---|---|---|---|"
        lenient = {**JUDGES, "judge": nereid(judge={"tolerated": 3, "against": 6, "alpha": 0.001})}
        for case, scenario, judges in (
            ("identical, 0.5%, in bursts of 5", Scenario(0.005, 0.005, 0, burst=5), JUDGES),
            ("the same, burst 5", Scenario(0.005, 0.005, 0, burst=5), _knowing(5)),
            ("identical, 0.5%, in bursts of 20", Scenario(0.005, 0.005, 0, burst=20), JUDGES),
            ("the same, burst 20", Scenario(0.005, 0.005, 0, burst=20), _knowing(20)),
            ("the same, tolerated 3, against 6, alpha 0.001", Scenario(0.005, 0.005, 0, burst=20), lenient),
            ("no errors at all", Scenario(0, 0, 0), JUDGES),
            ("as stable (0.5%) for 20 minutes, then 30%", Scenario(0.3, 0.005, 0, good_for=20), JUDGES),
        ):
            for per_second in REQUESTS_PER_SECOND:
                outcomes = self.outcomes(replace(scenario, requests_per_second=per_second), judges)
                judged = outcomes["judge"]
                yield (
                    f"| {case} | {per_second} | {rolled_back(judged)} | {share(judged, Verdict.INCONCLUSIVE)} "
                    f"| {share(judged, Verdict.PASS)} | {rolled_back(outcomes['threshold'])} "
                    f"| {rolled_back(outcomes['repeated Fisher'])} |"
                )

    def guard(self) -> Iterator[str]:
        """Yield the lines of the table of both versions with errors in bursts, below and above the guard's ceiling."""
        yield "\n### The guard, with 10% as its ceiling: both versions fail alike, in bursts of 20\n"
        yield "| errors of both | requests/s | `burst` | by the guard | by the judge |"
        yield "|---|---|---|---|---|"
        for rate, per_second, burst in product(GUARDED_RATES, REQUESTS_PER_SECOND, (1, 20)):
            judged = self.outcomes(
                Scenario(rate, rate, per_second, burst=20), {"judge": nereid(judge={"burst": burst})}
            )
            by_guard = [_if_for(outcome, GUARD_EXCEEDED) for outcome in judged["judge"]]
            others = [_if_for(outcome, ANALYSIS_FAILED) for outcome in judged["judge"]]
            yield f"| {rate:.0%} | {per_second} | {burst} | {rolled_back(by_guard)} | {rolled_back(others)} |"


def _knowing(burst: int) -> Mapping[str, Judge]:
    """Return the judges, of which Nereid's is told the size of bursts."""
    return {**JUDGES, "judge": nereid(judge={"burst": burst})}


def _if_for(outcome: Outcome, reason: str) -> Outcome:
    """Return the outcome, if the rollback was for this reason; else one without a rollback."""
    return outcome if outcome.reason == reason else replace(outcome, verdict=Verdict.INCONCLUSIVE)


def enough() -> Iterator[str]:
    """Yield the table of how many requests of the candidate pass it, if neither version has any error."""
    yield "\n### Requests of the candidate without an error that are a pass, in intervals of 15\n"
    yield "| compared with | `negligiblePercent` | requests |"
    yield "|---|---|---|"
    for negligible in (0.1, 1, 5):
        yield f"| stable | {negligible} | {_until_passed(Exposure(10), {'judge': {'negligiblePercent': negligible}})} |"
    yield f"| the guard's 10% | | {_until_passed(Exposure(matched=True), {})} |"


def _until_passed(exposure: Exposure, analysis: Mapping[str, Any]) -> int:
    wanted = _wanted(analysis)
    state = _begun(wanted, exposure)
    few = Counts(15)
    for number in count(1):
        now = EPOCH + timedelta(seconds=number * LOOK_SECONDS)
        state, _ = with_sample(
            wanted, state, Sample(now, dict.fromkeys((ERRORS, REJECTIONS), Comparison(few, few))), now
        )
        if _passes(state):
            break
    return number * few.requests


def rolled_back(outcomes: Sequence[Outcome]) -> str:
    """Return the share of rollouts that were rolled back, and the median of when."""
    minutes = [outcome.minutes for outcome in outcomes if outcome.verdict == Verdict.FAIL]
    if not minutes:
        return "0%"
    return f"{share(outcomes, Verdict.FAIL)}, {statistics.median(minutes):.1f} min"


def share(outcomes: Sequence[Outcome], verdict: Verdict) -> str:
    """Return the percentage of rollouts that ended so."""
    part = 100 * sum(outcome.verdict == verdict for outcome in outcomes) / len(outcomes)
    return f"{min(part, 99.9):.1f}%" if 0 < part < 10 or 99 < part < 100 else f"{part:.0f}%"  # noqa: PLR2004


def sections(bench: Bench) -> Mapping[str, Callable[[], Iterator[str]]]:
    """Return the tables by name, in the order in which they are printed."""
    whole_rollouts = max(1, bench.runs // 4)
    return {
        **{f"odds-{odds:g}": partial(bench.comparison, odds) for odds in ODDS_RATIOS},
        "targets": bench.targets,
        "hard": bench.hard_cases,
        "guard": bench.guard,
        "exposures": partial(promotions.each_exposure, bench.runs),
        "bursts": partial(promotions.bursts, bench.runs),
        "clients": partial(promotions.small_client, bench.runs),
        "enough": enough,
        "low-traffic": partial(promotions.little_traffic, whole_rollouts),
        "bake": partial(bakes.table, max(1, bench.runs // 2)),
    }


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="bench.judge", description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="rollouts for each figure (default: 400)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: 1)")
    parser.add_argument("--only", nargs="+", metavar="TABLE", help="names of tables (default: all)")
    parser.add_argument("--stable", nargs="+", type=float, default=BASELINES, help="error rates of stable, for odds-*")
    options = parser.parse_args()
    tables = sections(Bench(options.runs, options.seed, options.stable))
    if unknown := set(options.only or ()) - tables.keys():
        parser.error(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(tables)}")
    _print(
        f"{options.runs} rollouts for each line, {options.runs * IDENTICAL_TIMES} for odds of 1 and for targets; "
        "half as many for bake, a quarter for low-traffic.\n"
        "Share of rollouts rolled back, and after how many minutes (median)."
    )
    for name in options.only or tables:
        for line in tables[name]():
            _print(line)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
