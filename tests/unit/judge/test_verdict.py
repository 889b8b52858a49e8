import math

import pytest

from nereid.rollout.judge.eprocess import EProcess
from nereid.rollout.judge.evidence import Evidence
from nereid.rollout.judge.verdict import Judgement, Limits, Verdict, judge

LIMITS = Limits(alpha=0.01, beta=0.05)


def evidence(fail: float = 1, passes: float = 1) -> Evidence:
    """Return evidence of about so many to one, from an interval so late that beginnings to come weigh nothing."""
    return Evidence(
        failing=EProcess(10**9, (math.log(fail),)),
        passing=EProcess(10**9, (math.log(passes),)),
    )


@pytest.mark.parametrize(
    ("metrics", "is_deadline", "judgement"),
    [
        ({}, False, Judgement(Verdict.CONTINUE)),
        ({}, True, Judgement(Verdict.INCONCLUSIVE)),
        ({"errors": evidence()}, False, Judgement(Verdict.CONTINUE, ("errors",))),
        ({"errors": evidence()}, True, Judgement(Verdict.INCONCLUSIVE, ("errors",))),
        ({"errors": evidence(fail=101)}, False, Judgement(Verdict.FAIL, ("errors",))),
        ({"errors": evidence(fail=99)}, False, Judgement(Verdict.CONTINUE, ("errors",))),
        ({"errors": evidence(passes=21)}, False, Judgement(Verdict.PASS)),
        ({"errors": evidence(passes=19)}, True, Judgement(Verdict.INCONCLUSIVE, ("errors",))),
        ({"errors": evidence(fail=101, passes=21)}, True, Judgement(Verdict.FAIL, ("errors",))),
        ({"errors": evidence(passes=21), "slow": evidence()}, True, Judgement(Verdict.INCONCLUSIVE, ("slow",))),
        ({"errors": evidence(passes=21), "slow": evidence(fail=201)}, False, Judgement(Verdict.FAIL, ("slow",))),
        ({"errors": evidence(passes=21), "slow": evidence(passes=21)}, False, Judgement(Verdict.PASS)),
    ],
)
def test_verdicts(metrics: dict[str, Evidence], is_deadline: bool, judgement: Judgement) -> None:  # noqa: FBT001
    assert judge(metrics, LIMITS, is_deadline=is_deadline) == judgement


def test_alpha_is_shared_among_the_metrics() -> None:
    both = {"errors": evidence(fail=150), "slow": evidence()}
    assert judge(both, LIMITS, is_deadline=False).verdict == Verdict.CONTINUE
    assert judge({"errors": evidence(fail=150)}, LIMITS, is_deadline=False).verdict == Verdict.FAIL


@pytest.mark.parametrize("limits", [{"alpha": 0.0}, {"alpha": 1.0}, {"beta": 0.0001}, {"beta": math.nan}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        Limits(**limits)


def test_too_many_metrics_are_refused() -> None:
    with pytest.raises(ValueError, match="10 metrics at most"):
        judge({str(number): evidence() for number in range(11)}, LIMITS, is_deadline=False)
