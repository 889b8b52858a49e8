import math

import pytest

from nereid.controller.decide.judge.eprocess import CEILING, EProcess
from nereid.controller.decide.judge.evidence import Evidence, Margins, with_interval
from nereid.controller.decide.judge.verdict import Judgement, Limits, Verdict, judge
from nereid.controller.observed.counters import Counts

LIMITS = Limits(alpha=0.01, beta=0.05)


def evidence(fail: float = 1, passes: float = 1) -> Evidence:
    """Return evidence of about so many to one, from an interval so late that beginnings to come weigh nothing."""
    return Evidence(
        failing=EProcess(10**9, (math.log(fail),)),
        passing=EProcess(10**9, (math.log(passes),)),
    )


@pytest.mark.parametrize(
    ("metrics", "judgement"),
    [
        ({}, Judgement(Verdict.CONTINUE)),
        ({"errors": evidence()}, Judgement(Verdict.CONTINUE, ("errors",))),
        ({"errors": evidence(fail=101)}, Judgement(Verdict.FAIL, ("errors",))),
        ({"errors": evidence(fail=99)}, Judgement(Verdict.CONTINUE, ("errors",))),
        ({"errors": evidence(passes=33)}, Judgement(Verdict.PASS)),
        ({"errors": evidence(passes=32)}, Judgement(Verdict.CONTINUE, ("errors",))),
        ({"errors": evidence(fail=101, passes=33)}, Judgement(Verdict.FAIL, ("errors",))),
        ({"errors": evidence(passes=33), "slow": evidence()}, Judgement(Verdict.CONTINUE, ("slow",))),
        ({"errors": evidence(passes=33), "slow": evidence(fail=201)}, Judgement(Verdict.FAIL, ("slow",))),
        ({"errors": evidence(passes=33), "slow": evidence(passes=33)}, Judgement(Verdict.PASS)),
    ],
)
def test_verdicts(metrics: dict[str, Evidence], judgement: Judgement) -> None:
    assert judge(metrics, LIMITS) == judgement


def test_alpha_is_shared_among_the_metrics() -> None:
    both = {"errors": evidence(fail=150), "slow": evidence()}
    assert judge(both, LIMITS).verdict == Verdict.CONTINUE
    assert judge({"errors": evidence(fail=150)}, LIMITS).verdict == Verdict.FAIL


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.05), (1.0, 0.05), (0.01, 0.0001), (0.01, math.nan)])
def test_limits_that_are_not_valid_are_rejected(alpha: float, beta: float) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        Limits(alpha, beta)


def test_alpha_stays_shared_with_metrics_that_are_no_longer_judged() -> None:
    one = {"errors": evidence(fail=150)}
    assert judge(one, LIMITS, shares=2).verdict == Verdict.CONTINUE
    assert judge(one, LIMITS, shares=1).verdict == Verdict.FAIL


def test_a_decision_stays_within_reach_with_any_number_of_metrics_and_of_rollouts() -> None:
    strictest = Limits(alpha=0.001, beta=0.001, trial=10**6)
    assert strictest.log_fail_at(10**6) < math.log(CEILING)
    assert strictest.log_pass_at < math.log(CEILING)


def test_the_rollouts_of_a_revision_share_beta() -> None:
    needed = [math.exp(Limits(0.01, 0.05, trial).log_pass_at) for trial in range(1, 40)]
    assert needed[0] == pytest.approx(32.9, abs=0.01)
    assert needed == sorted(needed)
    # By Markov's inequality each passes a bad candidate with probability 1 / needed at most.
    assert 0.95 * 0.05 < sum(1 / one for one in needed) <= 0.05


@pytest.mark.parametrize(("negligible", "verdict"), [(0.01, Verdict.PASS), (0.001, Verdict.CONTINUE)])
def test_a_small_client_whose_every_request_fails_passes_only_if_its_share_is_negligible(
    negligible: float, verdict: Verdict
) -> None:
    """It has less than 1% of the requests, which is good enough by default, and more than 0.1%."""
    seen = Evidence(Margins(negligible=negligible))
    for errors in (1, 0, 1, 0):
        seen = with_interval(seen, Counts(300, errors), Counts(2700, 0))
    assert judge({"errors": seen}, Limits(), 2).verdict is verdict
