import math

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import nchypergeom_fisher

from nereid.controller.decide.judge.hypergeometric import Table, log_likelihood, log_normaliser, mode

SMALL = [Table(15, 285, 4), Table(285, 15, 4), Table(10, 10, 20), Table(10, 10, 19), Table(1, 1, 1), Table(40, 3, 30)]
LARGE = [
    Table(1_000_000, 1_000_000, 1_000_000),
    Table(1_000_000, 1_000_000, 3),
    Table(50_000, 950_000, 5_000),
    Table(10, 1_000_000, 900_000),
    Table(1_000_000, 10, 999_999),
]
HUGE = [
    Table(10**9, 10**9, 10**8),
    Table(10**9, 10**9, 2 * 10**9 - 5),
    Table(10**9, 1000, 10**9),
    Table(10**7, 10**9, 5000),
]
ODDS = [0.1, 1 / 3, 1.0, 1.5, 3.0, 100.0, 32_000.0]


def exact_log_normaliser(table: Table, odds_ratio: float) -> float:
    """Sum over the whole support."""
    n1, n2, m = table.candidate_requests, table.stable_requests, table.errors
    x = np.arange(table.lowest, table.highest + 1)

    def log_choose(n, k):
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    return float(logsumexp(log_choose(n1, x) + log_choose(n2, m - x) + x * math.log(odds_ratio)))


def central_log_normaliser(table: Table, odds_ratio: float) -> float:
    """Sum every term within 30 standard deviations of the mode, of the widest such distribution."""
    width = 100 + round(30 * math.sqrt(min(table.candidate_requests, table.stable_requests, table.errors)))
    centre = mode(table, odds_ratio)
    n1, n2, m = table.candidate_requests, table.stable_requests, table.errors
    x = np.arange(max(table.lowest, centre - width), min(table.highest, centre + width) + 1)

    def log_choose(n, k):
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    return float(logsumexp(log_choose(n1, x) + log_choose(n2, m - x) + x * math.log(odds_ratio)))


@pytest.mark.parametrize("odds_ratio", ODDS)
@pytest.mark.parametrize("table", SMALL, ids=str)
def test_likelihood_ratios_are_those_of_scipy(table: Table, odds_ratio: float) -> None:
    total, drawn = table.candidate_requests + table.stable_requests, table.errors
    for x in range(table.lowest, table.highest + 1):
        ratio = log_likelihood(table, x, odds_ratio) - log_likelihood(table, x, 1.0)
        theirs = [nchypergeom_fisher.pmf(x, total, table.candidate_requests, drawn, w) for w in (odds_ratio, 1.0)]
        # scipy's probabilities lose their digits where they are tiny.
        if min(theirs) > 1e-12:
            assert ratio == pytest.approx(math.log(theirs[0] / theirs[1]), abs=1e-7)


@pytest.mark.parametrize("odds_ratio", ODDS)
@pytest.mark.parametrize("table", LARGE, ids=str)
def test_the_trimmed_sum_is_the_whole_sum(table: Table, odds_ratio: float) -> None:
    assert log_normaliser(table, odds_ratio) == pytest.approx(exact_log_normaliser(table, odds_ratio), abs=1e-7)


@pytest.mark.parametrize("odds_ratio", ODDS)
@pytest.mark.parametrize("table", HUGE, ids=str)
def test_a_sum_of_few_terms_is_the_whole_sum_also_at_the_most_requests_that_are_believed(
    table: Table, odds_ratio: float
) -> None:
    assert log_normaliser(table, odds_ratio) == pytest.approx(central_log_normaliser(table, odds_ratio), abs=2e-5)


@pytest.mark.parametrize("odds_ratio", ODDS)
@pytest.mark.parametrize("table", SMALL, ids=str)
def test_the_mode_is_the_likeliest(table: Table, odds_ratio: float) -> None:
    def log_term(x: int) -> float:
        chosen = math.comb(table.candidate_requests, x) * math.comb(table.stable_requests, table.errors - x)
        return math.log(chosen) + x * math.log(odds_ratio)

    most = max(log_term(x) for x in range(table.lowest, table.highest + 1))
    assert log_term(mode(table, odds_ratio)) == pytest.approx(most)


@pytest.mark.parametrize("table", [Table(0, 10, 3), Table(10, 0, 3), Table(10, 10, 0), Table(10, 10, 20)], ids=str)
def test_one_possible_value_is_no_information(table: Table) -> None:
    assert not table.is_informative
    ratio = log_likelihood(table, table.lowest, 3.0) - log_likelihood(table, table.lowest, 1.5)
    assert ratio == pytest.approx(0, abs=1e-12)
