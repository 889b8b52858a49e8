"""The judge's guarantees: by exact enumeration where they are about chance, by random examples otherwise."""

import json
import math
from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from nereid.controller.decide.judge.evidence import Evidence, Margins, alone, refitted, with_interval
from nereid.controller.decide.judge.hypergeometric import Table, log_likelihood
from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.decide.judge.summary import summary
from nereid.controller.decide.judge.verdict import Limits, Verdict, judge
from nereid.controller.observed.counters import Advance, Counts, advance

REQUESTS = st.integers(0, 12)
ODDS = st.floats(0.2, 20)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    candidate, stable = draw(REQUESTS), draw(REQUESTS)
    return Table(candidate, stable, draw(st.integers(0, candidate + stable)))


@st.composite
def counts(draw: st.DrawFn, most: int = 10**6) -> Counts:
    requests = draw(st.integers(0, most))
    return Counts(requests, draw(st.integers(0, requests)))


@st.composite
def margins(draw: st.DrawFn) -> Margins:
    tolerated = draw(st.floats(1, 4))
    return Margins(tolerated, tolerated * draw(st.floats(1.1, 5)), draw(st.none() | st.floats(1e-4, 0.5)))


def outcomes(table: Table, odds_ratio: float) -> list[tuple[float, Counts, Counts]]:
    """Return each way in which the errors may fall, with its probability: exactly, for small numbers."""
    weights = [
        math.comb(table.candidate_requests, x) * math.comb(table.stable_requests, table.errors - x) * odds_ratio**x
        for x in range(table.lowest, table.highest + 1)
    ]
    return [
        (
            weight / math.fsum(weights),
            Counts(table.candidate_requests, x),
            Counts(table.stable_requests, table.errors - x),
        )
        for x, weight in enumerate(weights, table.lowest)
    ]


def gathered(intervals: list[tuple[Counts, Counts]], start: Evidence) -> Evidence:
    for candidate, stable in intervals:
        start = with_interval(start, candidate, stable)
    return start


@given(st.lists(tables(), min_size=1, max_size=3), margins(), st.data())
def test_evidence_for_failing_has_a_mean_of_one_at_most(seen: list[Table], limit: Margins, data: st.DataObject) -> None:
    truths = [data.draw(st.floats(0.1, limit.tolerated)) for _ in seen]
    mean = 0.0
    for path in product(*(outcomes(table, truth) for table, truth in zip(seen, truths, strict=True))):
        evidence = gathered([(candidate, stable) for _, candidate, stable in path], Evidence(limit))
        mean += math.prod(probability for probability, _, _ in path) * math.exp(evidence.failing.log_value)
    assert mean <= 1 + 1e-9


@given(st.lists(tables(), min_size=1, max_size=3), margins(), st.data())
def test_evidence_for_passing_has_a_mean_of_one_at_most(seen: list[Table], limit: Margins, data: st.DataObject) -> None:
    odds_only = Margins(limit.tolerated, limit.against)
    truths = [data.draw(st.floats(limit.against, 100)) for _ in seen]
    mean = 0.0
    for path in product(*(outcomes(table, truth) for table, truth in zip(seen, truths, strict=True))):
        evidence = gathered([(candidate, stable) for _, candidate, stable in path], Evidence(odds_only))
        mean += math.prod(probability for probability, _, _ in path) * math.exp(evidence.passing.log_value)
    assert mean <= 1 + 1e-9


@given(st.lists(tables(), min_size=2, max_size=2), margins(), margins(), st.integers(0, 1), st.data())
def test_evidence_for_failing_has_a_mean_of_one_at_most_whatever_is_edited(
    seen: list[Table], first: Margins, second: Margins, edited_after: int, data: st.DataObject
) -> None:
    """The candidate is tolerated by the margins before and after; the edit may depend on what was seen."""
    truths = [data.draw(st.floats(0.1, min(first.tolerated, second.tolerated))) for _ in seen]
    only_if_bad = data.draw(st.booleans())
    mean = 0.0
    for path in product(*(outcomes(table, truth) for table, truth in zip(seen, truths, strict=True))):
        evidence = Evidence(first)
        for number, (_, candidate, stable) in enumerate(path):
            if number == edited_after and (evidence.failing.log_value > 0 or not only_if_bad):
                evidence = refitted(evidence, second, None)
            evidence = with_interval(evidence, candidate, stable)
        mean += math.prod(probability for probability, _, _ in path) * math.exp(evidence.failing.log_value)
    assert mean <= 1 + 1e-9


@given(st.lists(tables(), min_size=1, max_size=2), st.integers(1, 30), st.data())
def test_evidence_for_better_and_worse_has_a_mean_of_one_at_most(
    seen: list[Table], burst: int, data: st.DataObject
) -> None:
    """Also where errors that are said to come in bursts are independent."""
    no_better = [data.draw(st.floats(1, 20)) for _ in seen]
    for truths, process in ((no_better, "better"), ([1 / truth for truth in no_better], "worse")):
        mean = 0.0
        for path in product(*(outcomes(table, truth) for table, truth in zip(seen, truths, strict=True))):
            evidence = Evidence(Margins(burst=burst))
            for _, candidate, stable in path:
                evidence = with_interval(evidence, candidate, stable, decides=True)
            probability = math.prod(probability for probability, _, _ in path)
            mean += probability * math.exp(getattr(evidence, process).log_value)
        assert mean <= 1 + 1e-9


@given(st.lists(REQUESTS, min_size=1, max_size=2), st.floats(0.05, 0.9), st.integers(1, 10), st.data())
def test_evidence_about_a_ceiling_has_a_mean_of_one_at_most(
    requests: list[int], ceiling: float, burst: int, data: st.DataObject
) -> None:
    above = data.draw(st.floats(ceiling, 0.99))
    below = data.draw(st.floats(0.01, ceiling))
    for rate, process in ((above, "within"), (below, "beyond")):
        mean = 0.0
        for errors in product(*(range(number + 1) for number in requests)):
            evidence, probability = Evidence(Margins(ceiling=ceiling, burst=burst)), 1.0
            for number, bad in zip(requests, errors, strict=True):
                evidence = alone(evidence, Counts(number, bad))
                probability *= math.comb(number, bad) * rate**bad * (1 - rate) ** (number - bad)
            mean += probability * math.exp(getattr(evidence, process).log_value)
        assert mean <= 1 + 1e-9


@given(REQUESTS, REQUESTS, st.floats(0.01, 0.5), st.floats(1, 3), st.floats(1, 10))
def test_with_a_negligible_rate_the_mean_is_still_one_at_most(
    to_candidate: int, to_stable: int, negligible: float, above: float, odds: float
) -> None:
    limit = Margins(negligible=negligible)
    rate = min(0.99, negligible * above)
    stable_odds = rate / (1 - rate) / (limit.against * odds)
    stable_rate = stable_odds / (1 + stable_odds)
    mean = 0.0
    for x, y in product(range(to_candidate + 1), range(to_stable + 1)):
        probability = math.comb(to_candidate, x) * rate**x * (1 - rate) ** (to_candidate - x)
        probability *= math.comb(to_stable, y) * stable_rate**y * (1 - stable_rate) ** (to_stable - y)
        evidence = with_interval(Evidence(limit), Counts(to_candidate, x), Counts(to_stable, y))
        mean += probability * math.exp(evidence.passing.log_value)
    assert mean <= 1 + 1e-9


@given(st.lists(tables(), max_size=4), tables(), margins(), st.data())
def test_more_errors_of_the_candidate_are_worse(
    before: list[Table], table: Table, limit: Margins, data: st.DataObject
) -> None:
    history = [data.draw(st.sampled_from(outcomes(one, 1.0)))[1:] for one in before]
    start = gathered(history, Evidence(limit))
    following = [gathered([(candidate, stable)], start) for _, candidate, stable in outcomes(table, 1.0)]
    for fewer, more in pairwise(following):
        assert fewer.failing.log_value <= more.failing.log_value + 1e-9
        assert fewer.passing.log_value >= more.passing.log_value - 1e-9


@given(st.lists(st.tuples(counts(5000), counts(5000)), max_size=6), margins())
def test_a_detour_through_json_at_every_interval_changes_nothing(
    intervals: list[tuple[Counts, Counts]], limit: Margins
) -> None:
    detour = Evidence(limit)
    for candidate, stable in intervals:
        detour = with_interval(Evidence.from_json(json.loads(json.dumps(detour.to_json()))), candidate, stable)
    assert detour == gathered(intervals, Evidence(limit))


@given(st.lists(st.tuples(counts(), counts()), max_size=3), margins())
def test_any_counts_give_finite_evidence_a_verdict_and_a_summary(
    intervals: list[tuple[Counts, Counts]], limit: Margins
) -> None:
    evidence = gathered(intervals, Evidence(limit))
    assert math.isfinite(evidence.failing.log_value)
    assert math.isfinite(evidence.passing.log_value)
    json.dumps(evidence.to_json(), allow_nan=False)
    assert judge({"errors": evidence}, Limits()).verdict in Verdict
    assert summary(evidence, Limits(), 1).failing.reached > 0


@given(tables().filter(lambda table: table.is_informative), ODDS, ODDS)
def test_the_likelihood_ratio_is_monotone_in_the_errors(table: Table, one: float, other: float) -> None:
    low, high = sorted((one, other))
    ratios = [
        log_likelihood(table, x, high) - log_likelihood(table, x, low) for x in range(table.lowest, table.highest + 1)
    ]
    assert all(before <= after + 1e-9 for before, after in pairwise(ratios))


@given(counts())
def test_the_interval_contains_the_rate(seen: Counts) -> None:
    rate = wilson(seen)
    assert (rate is None) == (seen.requests == 0)
    assert rate is None or 0 <= rate.low <= rate.estimate <= rate.high <= 1


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=30))
def test_a_counter_with_resets_never_shrinks_and_counts_all_that_was_sampled(steps: list[tuple[int, bool]]) -> None:
    value, total = 0, 0
    series, counted = {"pod": 0}, 0
    for grown, restarts in steps:
        # A restart between two samples: the counter begins at zero and has not caught up with its former value.
        value, seen = (min(grown, value - 1), min(grown, value - 1)) if restarts and value else (value + grown, grown)
        total += seen
        after = advance(series, {"pod": float(value)})
        assert isinstance(after, Advance)
        assert after.increase >= 0
        series, counted = dict(after.series), counted + after.increase
    assert counted == total
