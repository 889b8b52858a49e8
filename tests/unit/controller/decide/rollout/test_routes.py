"""Time counts from what the routes are, not from what was decided."""

from tests.support.scenario import DRAIN, NOW, PROGRESS_DEADLINE, PROPAGATION, rollout, shares

from nereid.controller.decide.rollout.decide import routed_anew


class TestRoutes:
    """Time counts from what the routes are, not from what was decided."""

    def test_a_promotion_waits_for_its_route(self):
        promoting = rollout().stable("a").candidate("b", weight=100, step=2).promoting(PROPAGATION)
        assert promoting.decide().state.phase == "Completed"
        waiting = promoting.unrouted().decide()
        assert (waiting.state.phase, waiting.requeue_after) == ("Promoting", None)

    def test_a_weight_waits_for_its_route(self):
        propagating = rollout().stable("a").candidate("b", weight=20).propagating(PROPAGATION)
        assert propagating.decide().state.phase == "Holding"
        assert propagating.unrouted().decide().state.phase == "Propagating"

    def test_pods_stay_while_the_routes_may_lead_to_them(self):
        drained = rollout().stable("a").retiring("b", PROPAGATION + DRAIN, looked=(DRAIN, 7))
        assert "b" not in shares(drained.decide())
        assert "b" in shares(drained.unrouted().decide())

    def test_the_first_revision_is_not_stable_before_its_route_exists(self):
        first = rollout().candidate("a", weight=100, step=2).wanting("a").preparing().ready("a", 4)
        assert first.decide().state.stable == "a"
        assert first.unrouted().decide().state.stable is None

    def test_a_candidate_without_a_service_gets_no_traffic(self):
        ready = rollout().stable("a").candidate("b", ready=4).preparing()
        assert ready.decide().state.weight == 20
        assert ready.without_service("b").decide().state.weight == 0
        late = ready.without_service("b").preparing(PROGRESS_DEADLINE).decide().state
        assert "it has no Service" in late.failed.message

    def test_times_begin_anew_with_a_route_that_is_applied_late(self):
        late = rollout().stable("a").candidate("b", weight=20).propagating(3600).retiring("c", 3600).state
        anew = routed_anew(late, NOW)
        assert (anew.since, anew.retiring[0].since) == (NOW, NOW)
        judged = rollout().judged().stable("a").candidate("b", weight=50, step=1).propagating(3600)
        assert routed_anew(judged.exposed(3600).state, NOW).analysis.exposed_at == NOW
        assert routed_anew(judged.state, NOW).analysis.exposed_at is None, "it has what it got first"
        held = rollout().stable("a").candidate("b", weight=20).holding(30).state
        assert routed_anew(held, NOW).since == held.since
