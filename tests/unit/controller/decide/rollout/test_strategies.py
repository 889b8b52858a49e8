"""The strategies other than a canary: what of the traffic the candidate gets, and when it gets everything."""

from dataclasses import replace

import pytest
from tests.support.scenario import INTERVAL, NOW, PROPAGATION, doing, place, reasons, rollout, shares, unchanged

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.judge.eprocess import EProcess
from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.observed.facts import Routing
from nereid.controller.observed.sample import ERRORS
from nereid.controller.plan.plan import ALL_TRAFFIC, Exposure, Guard

PREVIEW = Exposure(preview=True)
MATCHED = Exposure(matched=True)
GOOD = ((1000, 0), (4000, 0))
BAD = ((100, 60), (0, 0))


def exposure(decision):
    return decision.state.exposure


class TestBlueGreen:
    GREEN = rollout().blue_green(preview_hold=60).judged().stable("a")
    PREVIEWED = GREEN.candidate("b", exposure=PREVIEW)
    KEPT = GREEN.candidate("b", exposure=ALL_TRAFFIC, step=1)

    def test_starts_with_all_pods_beside_stable(self):
        assert shares(self.GREEN.wanting("b").decide()) == {"a": (4, 100), "b": (4, 0)}

    def test_shows_the_candidate_under_its_preview_hosts_alone(self):
        decision = self.GREEN.candidate("b", ready=4).decide()
        assert (place(decision), exposure(decision)) == (("Propagating", 0, 0), PREVIEW)
        assert routing_of(decision.state) == Routing(weights=frozenset({("a", 100)}))
        assert decision.events[0].message == "Revision b gets the preview's requests"

    def test_waits_for_all_pods(self):
        assert unchanged(self.GREEN.candidate("b", ready=3))

    def test_is_previewed_for_its_hold(self):
        assert place(self.PREVIEWED.analyzing(59).counted((0, 0)).decide()) == ("Analyzing", 0, 0)
        assert place(self.PREVIEWED.analyzing(60).counted((0, 0)).decide()) == ("Preparing", 1, 0)

    def test_is_previewed_until_its_promotion_where_no_hold_is_said(self):
        waiting = self.PREVIEWED.blue_green().propagating(PROPAGATION).following()
        assert doing(waiting.decide()) == ("Paused", "AwaitingPromotion")
        assert place(waiting.promote("b").decide()) == ("Preparing", 1, 0)

    def test_switches_everything_at_once_and_keeps_stable_whole(self):
        decision = self.PREVIEWED.candidate("b", exposure=PREVIEW, step=1).decide()
        assert place(decision) == ("Propagating", 1, 100)
        assert shares(decision) == {"a": (4, 0), "b": (4, 100)}

    @pytest.mark.parametrize("provider", ["Prometheus", "None"])
    def test_keeps_stable_for_a_while(self, provider):
        kept = self.KEPT.judged(provider=provider)
        kept = kept.analyzing(299) if provider == "Prometheus" else kept.holding(299)
        assert kept.counted((100, 0)).decide().state.stable == "a"
        over = kept.phase(kept.state.phase, 300).looked(INTERVAL).counted((100, 0))
        assert place(over.decide()) == ("Promoting", 2, 100)

    def test_a_promotion_ends_the_wait_for_evidence_that_does_not_come_and_not_the_time_for_which_stable_is_kept(self):
        undecided = self.KEPT.at(Stage.INCONCLUSIVE, 5)
        assert unchanged(undecided)
        assert "To go on without it: kubectl annotate mdep digits --overwrite nereid.dev/promote=b" in (
            undecided.report().rollout.message
        )
        promoted = undecided.promote("b").decide()
        assert (place(promoted), reasons(promoted)) == (("Promoting", 2, 100), ["Promoted"])
        assert unchanged(self.KEPT.analyzing(299).looked(1).promote("b"))

    def test_is_complete_after_that(self):
        last = self.GREEN.candidate("b", exposure=ALL_TRAFFIC, step=2)
        assert last.promoting(PROPAGATION).decide().state.stable == "b"

    def test_goes_back_at_once_when_the_candidate_exceeds_the_guard(self):
        decision = self.KEPT.analyzing(5).counted(*BAD).decide()
        assert doing(decision) == ("RollingBack", "GuardExceeded")
        assert shares(decision) == {"a": (4, 100), "b": (4, 0)}

    def test_has_nothing_to_compare_the_candidate_with(self):
        request = wanted_sample(self.KEPT.plan, self.KEPT.analyzing(5).state, NOW)
        assert not request.has_control
        assert unchanged(self.KEPT.analyzing(5))

    def test_a_promotion_is_the_switch_and_not_the_end_of_keeping_stable(self):
        assert place(self.PREVIEWED.analyzing(5).promote("b").decide()) == ("Preparing", 1, 0)
        assert place(self.KEPT.analyzing(5).promote("b").decide()) == ("Analyzing", 1, 100)

    def test_a_promotion_is_said_once(self):
        assert unchanged(self.GREEN.candidate("b", step=1, ready=3).preparing(5, "Promoted").promote("b"))

    def test_a_promotion_counts_where_the_switch_is_paused(self):
        paused = self.PREVIEWED.candidate("b", exposure=PREVIEW, step=1).paused().preparing(5, "PausedBySpec")
        assert unchanged(paused)
        assert doing(paused.promote("b").decide()) == ("Preparing", "Promoted")
        assert place(paused.promote("b").following().decide()) == ("Propagating", 1, 100)

    def test_a_preview_without_a_ready_pod_is_rolled_back(self):
        assert self.PREVIEWED.analyzing(5).ready("b", 0).decide().state.failed.reason == "NoReadyReplica"


class TestABTest:
    AB = rollout().ab_test().judged().stable("a")
    TESTED = AB.candidate("b", exposure=MATCHED)

    def test_needs_all_pods_as_nobody_knows_how_many_requests_match(self):
        assert shares(self.AB.wanting("b").decide()) == {"a": (4, 100), "b": (4, 0)}

    def test_gives_the_candidate_what_matches(self):
        decision = self.AB.candidate("b", ready=4).decide()
        assert exposure(decision) == MATCHED
        assert routing_of(decision.state) == Routing(weights=frozenset({("a", 100)}), matched=frozenset({("b", 100)}))
        assert decision.events[0].message == "Revision b gets the requests that match the A/B test"

    def test_waits_for_its_promotion_where_no_hold_is_said(self):
        waiting = self.TESTED.propagating(PROPAGATION).following()
        assert doing(waiting.decide()) == ("Paused", "AwaitingPromotion")
        assert place(waiting.promote("b").decide()) == ("Preparing", 1, 0)

    def test_gets_everything_after_its_hold(self):
        timed = self.AB.ab_test(hold=60).candidate("b", exposure=MATCHED).analyzing(60)
        over = timed.counted((100, 0)).following()
        assert place(over.decide()) == ("Promoting", 1, 100)

    @pytest.mark.parametrize(("requests", "failed"), [(10, 5), (12, 5), (20, 8), (60, 15), (200, 36)])
    def test_does_not_pass_because_nothing_was_proven_against_it(self, requests, failed):
        timed = self.AB.ab_test(hold=60).candidate("b", exposure=MATCHED).analyzing(60)
        decision = timed.counted((requests, failed)).decide()
        assert (place(decision), decision.state.failed) == (("Analyzing", 0, 0), None)

    def test_does_not_pass_before_it_has_had_the_least_number_of_requests(self):
        asked = self.AB.ab_test(hold=60).judged(guard=Guard(errors=0.5, slow=None, min_requests=100))
        timed = asked.candidate("b", exposure=MATCHED).analyzing(60)
        assert place(timed.counted((99, 0)).decide()) == ("Analyzing", 0, 0)
        assert place(timed.counted((100, 0)).decide()) == ("Preparing", 1, 0)

    def test_of_other_people_begins_anew(self):
        """What a few testers showed says little of everybody: they may send other requests, and fewer."""
        few = self.AB.ab_test(hold=60, exact="testers").candidate("b", ready=4).following()
        shown = replace(few, state=few.phase("Analyzing", 60).looked(INTERVAL).counted((100, 0)).decide().state)
        shown = shown.phase("Analyzing", 60).looked(INTERVAL)
        assert shown.state.analysis.verdict == "Pass"
        edited = shown.ab_test(hold=60, regex=".*").decide()
        assert (place(edited), reasons(edited)) == (("Analyzing", 0, 0), ["EvidenceReset"])
        assert "abTest was edited" in edited.events[0].message
        errors = edited.state.analysis.evidence["errors"]
        assert (errors.within, errors.beyond) == (EProcess(), shown.state.analysis.evidence["errors"].beyond)
        assert shown.ab_test(hold=61, exact="testers").decide().events == (), "its hold changes nobody's requests"

    def test_whose_people_an_older_status_does_not_say_goes_on(self):
        tested = self.AB.ab_test(hold=60, exact="testers").candidate("b", exposure=MATCHED).analyzing(60)
        assert place(tested.counted((100, 0)).following().decide())[2] == 100

    def test_is_guarded_but_not_compared(self):
        request = wanted_sample(self.TESTED.plan, self.TESTED.analyzing(5).state, NOW)
        assert (request.has_control, request.is_mirrored) == (False, False)
        waiting = self.TESTED.phase("Paused", 300, "AwaitingPromotion").looked(INTERVAL)
        assert waiting.counted((200, 16)).decide().state.failed is None
        assert waiting.counted(*BAD).decide().state.failed.reason == "GuardExceeded"


class TestShadow:
    SHADOW = rollout().shadow((10, 60), (100, None)).judged().stable("a")
    MIRRORED = SHADOW.candidate("b", exposure=Exposure(mirror=10))

    def test_gives_the_candidate_copies_and_nobody_its_answers(self):
        decision = self.SHADOW.candidate("b", ready=1).decide()
        assert shares(decision) == {"a": (4, 100), "b": (1, 0)}
        assert routing_of(decision.state) == Routing(weights=frozenset({("a", 100)}), mirror=frozenset({("b", 10)}))
        assert decision.events[0].message == "Revision b gets a copy of 10% of the requests"

    def test_needs_the_pods_for_its_copies(self):
        over = self.MIRRORED.analyzing(60).counted(*GOOD).following()
        assert place(over.decide()) == ("Preparing", 1, 0)
        assert shares(over.decide()) == {"a": (4, 100), "b": (4, 0)}
        assert exposure(over.ready("b", 4).decide()) == Exposure(mirror=100)

    def test_waits_for_its_promotion_in_the_end(self):
        waiting = self.SHADOW.candidate("b", exposure=Exposure(mirror=100), step=1).propagating(PROPAGATION).following()
        assert doing(waiting.decide()) == ("Paused", "AwaitingPromotion")
        promoted = waiting.promote("b").following()
        assert place(promoted.decide()) == ("Promoting", 2, 100)
        assert exposure(promoted.decide()) == ALL_TRAFFIC

    def test_is_compared_by_its_own_metrics(self):
        request = wanted_sample(self.MIRRORED.plan, self.MIRRORED.analyzing(5).state, NOW)
        assert (request.has_control, request.is_mirrored) == (True, True)
        worse = ((200, 16), (200, 0))
        assert self.MIRRORED.analyzing(5).after(worse).counted(*worse).decide().state.failed.reason == "AnalysisFailed"


class TestMirrorThenWeights:
    """A canary whose first steps are copies of requests."""

    CANARY = rollout().mirroring((50, 60), (100, 60), then=((10, 60), (50, None))).judged().stable("a")
    MIRRORED = CANARY.candidate("b", step=1, exposure=Exposure(mirror=100))

    def test_begins_with_copies(self):
        decision = self.CANARY.candidate("b", ready=2).decide()
        assert (exposure(decision), place(decision)) == (Exposure(mirror=50), ("Propagating", 0, 0))

    def test_goes_on_with_answers_once_it_has_passed(self):
        passed = self.MIRRORED.analyzing(60).counted(*GOOD).following()
        assert place(passed.decide()) == ("Propagating", 2, 10)
        assert routing_of(passed.decide().state) == Routing(weights=frozenset({("a", 90), ("b", 10)}))

    def test_has_to_pass_again_with_answers_whatever_its_copies_have_shown(self):
        passed = self.MIRRORED.analyzing(60).counted(*GOOD).following()
        answering = replace(passed.following(), sample=None)
        assert (passed.state.analysis.verdict, answering.state.analysis.verdict) == ("Pass", "Continue")
        assert answering.state.analysis.evidence[ERRORS].passing == EProcess()
        later = answering.exposed(90).analyzing(60)
        assert place(later.counted((5, 0), (20, 0)).decide()) == ("Analyzing", 2, 10)

    def test_keeps_the_pods_of_its_copies_while_proxies_still_send_them(self):
        passed = self.MIRRORED.analyzing(60).counted(*GOOD).following()
        assert shares(passed.decide()) == {"a": (4, 90), "b": (4, 10)}

    def test_counts_copies_at_the_pods_and_answers_at_the_callers(self):
        answers = self.CANARY.candidate("b", step=2, weight=10)
        mirrored, answered = (wanted_sample(one.plan, one.analyzing(5).state, NOW) for one in (self.MIRRORED, answers))
        assert (mirrored.is_mirrored, answered.is_mirrored) == (True, False)
        assert mirrored.has_control
        assert answered.has_control

    def test_that_fails_is_rolled_back_without_having_answered_anybody(self):
        worse = ((200, 16), (200, 0))
        failed = self.MIRRORED.analyzing(5).after(worse).counted(*worse).decide()
        assert (failed.state.failed.reason, shares(failed)["a"]) == ("AnalysisFailed", (4, 100))


class TestDirect:
    def test_is_checked_by_its_pods_alone(self):
        decision = rollout().direct().judged().stable("a").candidate("b", ready=4).decide()
        assert place(decision) == ("Promoting", 0, 100)

    def test_is_guarded_until_the_proxies_know(self):
        promoting = rollout().direct().judged().stable("a").candidate("b", weight=100).promoting(5)
        assert promoting.looked(INTERVAL).counted(*BAD).decide().state.failed.reason == "GuardExceeded"


class TestChange:
    """The strategy is changed while a rollout runs: steps of two strategies do not compare."""

    CANARY = rollout().stable("a").candidate("b", weight=50, step=1).holding(5)

    def test_begins_at_the_first_step_of_the_other_one(self):
        decision = self.CANARY.blue_green().decide()
        assert place(decision) == ("Preparing", 0, 0)
        assert shares(decision) == {"a": (4, 100), "b": (4, 0)}
        assert (decision.state.strategy, reasons(decision)) == ("BlueGreen", ["StrategyChanged", "RolloutStarted"])

    def test_forgets_what_was_learned_and_checked(self):
        judged = rollout().judged().stable("a").candidate("b", weight=50, step=1).analyzing(5).has_passed()
        state = judged.shadow().decide().state
        assert (state.analysis, state.checks) == (None, None)

    def test_gives_back_no_more_than_stable_can_carry(self):
        decision = self.CANARY.ready("a", 3).blue_green().decide()
        assert (doing(decision), decision.state.weight) == (("RollingBack", "StrategyChanged"), 25)
        later = self.CANARY.ready("a", 3).blue_green().following().ready("a", 4).following()
        assert (later.state.candidate, later.decide().state.candidate) == (None, "b")

    def test_goes_on_with_the_same_candidate_once_everything_is_given_back(self):
        back = rollout().blue_green().stable("a").rolling_back(5).wanting("b")
        assert (place(back.decide()), back.decide().state.candidate) == (("Preparing", 0, 0), "b")

    @pytest.mark.parametrize("phase", ["Preparing", "Paused", "Propagating"])
    def test_counts_in_every_state_before_the_last_move(self, phase):
        assert self.CANARY.phase(phase).direct().decide().state.strategy == "Direct"

    def test_comes_too_late_for_the_last_move(self):
        promoting = rollout().stable("a").candidate("b", weight=100, step=2).promoting(5)
        assert unchanged(promoting.blue_green())
        assert promoting.blue_green().promoting(PROPAGATION).decide().state.stable == "b"

    def test_is_none_where_the_steps_alone_change(self):
        assert unchanged(self.CANARY.steps((20, 60), (50, 70), (80, 60)))
