import json
import math
from dataclasses import replace
from typing import Any

import pytest
from scipy.stats import binom, nchypergeom_fisher

from nereid.controller.decide.judge.eprocess import CEILING, EProcess
from nereid.controller.decide.judge.evidence import (
    FAILING_ODDS,
    PASSING_ODDS,
    PASSING_RATES,
    Evidence,
    Margins,
    alone,
    beyond_ratios,
    fail_ratios,
    pass_ratios,
    refitted,
    with_interval,
)
from nereid.controller.observed.counters import Counts

MARGINS = Margins()
CANDIDATE, STABLE = Counts(15, 4), Counts(285, 1)


def scipy_ratio(odds_ratio: float, boundary: float) -> float:
    at = [nchypergeom_fisher.pmf(4, 300, 15, 5, w) for w in (odds_ratio, boundary)]
    return math.log(at[0] / at[1])


def test_ratios_are_those_of_scipy() -> None:
    failing = [scipy_ratio(1.5 * factor, 1.5) for factor in FAILING_ODDS]
    passing = [scipy_ratio(3.0 * factor, 3.0) for factor in PASSING_ODDS]
    assert fail_ratios(MARGINS, CANDIDATE, STABLE) == pytest.approx(failing, abs=1e-7)
    assert pass_ratios(MARGINS, CANDIDATE, STABLE) == pytest.approx(passing, abs=1e-7)


def test_rate_ratios_are_those_of_scipy() -> None:
    rates = pass_ratios(Margins(negligible=0.01), CANDIDATE, STABLE)[len(PASSING_ODDS) :]
    expected = [binom.logpmf(4, 15, 0.01 * factor) - binom.logpmf(4, 15, 0.01) for factor in PASSING_RATES]
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize(
    ("candidate", "stable"),
    [
        (Counts(0, 0), Counts(0, 0)),
        (Counts(0, 0), Counts(100, 7)),
        (Counts(100, 7), Counts(0, 0)),
        (Counts(100, 0), Counts(100, 0)),
        (Counts(100, 100), Counts(100, 100)),
    ],
)
def test_nothing_to_compare_is_no_evidence(candidate: Counts, stable: Counts) -> None:
    after = with_interval(Evidence(), candidate, stable)
    assert (after.failing, after.passing) == (EProcess(), EProcess())
    assert (after.candidate, after.stable) == (candidate, stable)


def test_a_bad_interval_speaks_for_failing_and_against_passing() -> None:
    after = with_interval(Evidence(), CANDIDATE, STABLE)
    assert after.failing.log_value > 1
    assert after.passing.log_value < 0


def test_two_minutes_of_a_broken_candidate_are_enough() -> None:
    once = with_interval(Evidence(), CANDIDATE, STABLE)
    twice = with_interval(once, CANDIDATE, STABLE)
    assert once.failing.log_value < math.log(100) < twice.failing.log_value


def test_flawless_revisions_pass_only_with_a_negligible_rate() -> None:
    flawless = Counts(1000, 0), Counts(1000, 0)
    assert with_interval(Evidence(), *flawless).passing.log_value == 0
    assert with_interval(Evidence(Margins(negligible=0.01)), *flawless).passing.log_value > math.log(20)


def test_a_million_requests_are_no_problem() -> None:
    after = with_interval(Evidence(), Counts(10**6, 5 * 10**5), Counts(10**6, 10**5))
    assert after.failing.log_value > 4
    assert math.isfinite(after.passing.log_value)


def test_evidence_survives_json() -> None:
    evidence = with_interval(Evidence(Margins(negligible=0.01)), CANDIDATE, STABLE)
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence


def test_evidence_of_an_older_status_goes_on() -> None:
    """It has neither a start, nor bursts, nor what was added since."""
    evidence = with_interval(Evidence(Margins(negligible=0.01, ceiling=0.1)), CANDIDATE, STABLE)
    older = evidence.to_json()
    for added in ("within", "better", "worse", "subject"):
        del older[added]
    for process in ("failing", "passing", "beyond"):
        del older[process]["log_start"]
    del older["margins"]["burst"]
    read = Evidence.from_json(json.loads(json.dumps(older)))
    assert read == replace(evidence, within=EProcess())
    assert refitted(read, read.margins, "slower than 100 ms") == replace(read, subject="slower than 100 ms")


def test_evidence_that_grew_again_after_an_edit_is_read_back() -> None:
    """What it was worth at the edit is small, so that its sums are larger than those of any other."""
    seen = Evidence()
    for _ in range(20):
        seen = with_interval(seen, Counts(1000, 10), Counts(1000, 40))
    edited = refitted(seen, Margins(tolerated=1.2), None)
    for _ in range(40):
        edited = with_interval(edited, CANDIDATE, STABLE)
    assert edited.failing.log_start < -2
    assert edited.failing.log_value == pytest.approx(math.log(CEILING), abs=0.01)
    assert Evidence.from_json(json.loads(json.dumps(edited.to_json()))) == edited


def test_a_burst_counts_as_one_error() -> None:
    """Of rates it is exactly so."""
    alone_, burst = Margins(ceiling=0.1), Margins(ceiling=0.1, burst=5)
    assert beyond_ratios(burst, Counts(100, 20)) == pytest.approx(beyond_ratios(alone_, Counts(20, 4)))
    assert fail_ratios(burst, Counts(10000, 50), Counts(90000, 100)) == pytest.approx(
        fail_ratios(alone_, Counts(2000, 10), Counts(18000, 20)), rel=0.05
    )


@pytest.mark.parametrize(("counts", "decides"), [((49, 49), False), ((50, 25), True), ((100, 49), False)])
def test_one_interval_is_beyond_the_ceiling_only_if_half_of_many_requests_failed(
    counts: tuple[int, int], *, decides: bool
) -> None:
    after = alone(Evidence(Margins(ceiling=0.1)), Counts(*counts))
    assert (after.beyond.log_value >= math.log(100)) is decides


@pytest.mark.parametrize(("requests", "decides"), [(999, False), (1000, True)])
def test_where_errors_come_in_bursts_one_interval_needs_that_many_times_the_requests(
    requests: int, *, decides: bool
) -> None:
    after = alone(Evidence(Margins(ceiling=0.1, burst=20)), Counts(requests, requests))
    assert (after.beyond.log_value >= math.log(100)) is decides


@pytest.mark.parametrize(("base", "incident"), [(5, 50), (5, 200), (1, 20)])
def test_an_incident_of_both_at_each_rise_of_the_weight_is_not_held_against_the_candidate(
    base: int, incident: int
) -> None:
    """Errors per thousand. The interval of a rise is half at the weight before, half at the next one, in the incident.

    There time and split are mixed, and the candidate has more of its requests in the bad half than stable has.
    """
    after, before = Evidence(Margins(negligible=0.01, ceiling=0.1)), 0
    for weight in (1, 10, 50):
        for interval in range(20):
            halves = [(before or weight, base), (weight, incident if before and not interval else base)]
            shares = [(7500 * one // 100, 7500 * (100 - one) // 100, rate) for one, rate in halves]
            after = with_interval(
                after,
                Counts(sum(own for own, _, _ in shares), sum(own * rate // 1000 for own, _, rate in shares)),
                Counts(sum(rest for _, rest, _ in shares), sum(rest * rate // 1000 for _, rest, rate in shares)),
            )
            before = weight
            assert max(after.failing.log_value, after.beyond.log_value) < math.log(100)


def test_evidence_on_other_grids_is_not_taken_over() -> None:
    kept = with_interval(Evidence(), CANDIDATE, STABLE).to_json()
    kept["failing"]["log_sums"] = [0.5]
    assert Evidence.from_json(kept) == Evidence(MARGINS)


@pytest.mark.parametrize(
    "margins",
    [
        {"tolerated": 3.0},
        {"tolerated": 0.0},
        {"against": math.inf},
        {"against": math.nan},
        {"negligible": 0.0},
        {"burst": 0},
    ],
)
def test_margins_that_are_not_valid_are_rejected(margins: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Margins(**margins)
