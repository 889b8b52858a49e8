"""PromQL that the operator may not run is told of, with what it means and what to change."""

from dataclasses import replace

from tests.support.scenario import Scenario, doing, rollout

from nereid.api.scaling import ScalingMetric
from nereid.controller.plan.plan import BusinessMetric, Query

QUERY = Query("memory", "sum(memory)", None, 1.0, None, 3)
ORDERS = BusinessMetric("orders", "bad_orders", "orders")
CANARY = rollout().judged().stable("a").candidate("b", weight=20).analyzing(5)


def asking(scenario: Scenario, *, may_query: bool) -> Scenario:
    analysis = replace(scenario.rollout.analysis, queries=(QUERY,), business=(ORDERS,), may_query=may_query)
    return replace(scenario, rollout=replace(scenario.rollout, analysis=analysis))


def told(scenario: Scenario) -> str | None:
    shown = {one.type: one for one in scenario.report().conditions}.get("QueriesNotAllowed")
    return shown.message if shown else None


def test_queries_that_are_not_run_are_told_of() -> None:
    message = told(asking(CANARY, may_query=False))
    assert message
    assert "spec.rollout.analysis.queries (memory, orders) are not run" in message
    assert "set prometheus.allowQueries of Nereid's chart" in message
    assert told(asking(CANARY, may_query=True)) is None
    assert told(CANARY) is None


def test_so_is_by_what_a_model_is_scaled_instead() -> None:
    scaled = rollout().stable("a").autoscaled(4, ScalingMetric(type="CPU", target=70))
    assert told(scaled) is None
    assert scaled.autoscaling
    lacking = replace(scaled, autoscaling=replace(scaled.autoscaling, lacks_queries=True))
    message = told(lacking)
    assert message
    assert "type Query do not count: the number of pods follows CPU" in message


def test_a_candidate_whose_queries_are_not_run_neither_passes_nor_fails_by_them() -> None:
    judged = asking(CANARY, may_query=False).counted((4000, 0), (4000, 0))
    decision = judged.decide()
    assert decision.state.analysis
    assert (decision.state.analysis.verdict, decision.state.failed) == ("Continue", None)
    assert [query.passed for query in decision.state.analysis.queries] == [None]
    bad = asking(CANARY, may_query=False).counted((400, 400), (4000, 0)).decide()
    assert doing(bad)[0] == "RollingBack"
