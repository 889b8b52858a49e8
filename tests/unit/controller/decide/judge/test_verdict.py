import math

import pytest

from nereid.controller.decide.judge.eprocess import EProcess
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.decide.judge.verdict import Judgement, Limits, Verdict, judge

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
        ({"errors": evidence(passes=21)}, Judgement(Verdict.PASS)),
        ({"errors": evidence(passes=19)}, Judgement(Verdict.CONTINUE, ("errors",))),
        ({"errors": evidence(fail=101, passes=21)}, Judgement(Verdict.FAIL, ("errors",))),
        ({"errors": evidence(passes=21), "slow": evidence()}, Judgement(Verdict.CONTINUE, ("slow",))),
        ({"errors": evidence(passes=21), "slow": evidence(fail=201)}, Judgement(Verdict.FAIL, ("slow",))),
        ({"errors": evidence(passes=21), "slow": evidence(passes=21)}, Judgement(Verdict.PASS)),
    ],
)
def test_verdicts(metrics: dict[str, Evidence], judgement: Judgement) -> None:
    assert judge(metrics, LIMITS) == judgement


def test_alpha_is_shared_among_the_metrics() -> None:
    both = {"errors": evidence(fail=150), "slow": evidence()}
    assert judge(both, LIMITS).verdict == Verdict.CONTINUE
    assert judge({"errors": evidence(fail=150)}, LIMITS).verdict == Verdict.FAIL


@pytest.mark.parametrize("limits", [{"alpha": 0.0}, {"alpha": 1.0}, {"beta": 0.0001}, {"beta": math.nan}])
def test_limits_that_are_not_valid_are_rejected(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        Limits(**limits)


def test_too_many_metrics_are_rejected() -> None:
    with pytest.raises(ValueError, match="10 metrics at most"):
        judge({str(number): evidence() for number in range(11)}, LIMITS)
