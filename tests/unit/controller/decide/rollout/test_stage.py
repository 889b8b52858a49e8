"""The stage decides; phase and reason are words for people, made from it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import INTERVAL, NOW, SCALING_SETTINGS, Scenario, rollout
from tests.support.webhooks import approval

from nereid.api.rollout_stage import Stage
from nereid.api.status import ModelDeploymentStatus, RolloutPhase
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.decide.rollout.analysis import MOST_ERRORS
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.stage import SHOWN_AS, stage_shown_as
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.plan.windows import Window
from nereid.controller.report.conditions import ReportInput
from nereid.controller.report.status import report, to_json

SERVING = rollout().stable("a").recorded("a", "b")
NEW = SERVING.candidate("b")
CANARY = SERVING.judged().candidate("b", weight=20).looked(INTERVAL)
NO_CAUSE = frozenset(SHOWN_AS) - {Stage.IDLE, Stage.RETREATING, Stage.ROLLING_BACK, Stage.FAILED}

# A rollout at every stage, as it stands there.
AT: dict[Stage, Scenario] = {
    Stage.IDLE: SERVING.at(Stage.IDLE, 5, "SpecReverted"),
    Stage.STARTING_PODS: NEW.at(Stage.STARTING_PODS, 5),
    Stage.RUNNING_CHECKS: NEW.at(Stage.RUNNING_CHECKS, 5),
    Stage.PROMOTED_BY_USER: CANARY.at(Stage.PROMOTED_BY_USER, 5),
    Stage.PREPARATION_PAUSED: NEW.paused().at(Stage.PREPARATION_PAUSED, 5),
    Stage.PREPARATION_HELD: NEW.held().at(Stage.PREPARATION_HELD, 5),
    Stage.NO_PLACE: NEW.scaled(1).without_surge().at(Stage.NO_PLACE, 5),
    Stage.OUTSIDE_WINDOW: NEW.windows(Window(frozenset({6}), 0, 60, "UTC")).at(Stage.OUTSIDE_WINDOW, 5),
    Stage.AWAITING_APPROVAL: NEW.calling(approval()).at(Stage.AWAITING_APPROVAL, 5),
    Stage.PROPAGATING: CANARY.at(Stage.PROPAGATING, 5),
    Stage.ANALYZING: CANARY.at(Stage.ANALYZING, 5),
    Stage.HOLDING: SERVING.candidate("b", weight=20).at(Stage.HOLDING, 5),
    Stage.AWAITING_PROMOTION: CANARY.steps((20, None)).at(Stage.AWAITING_PROMOTION, 5),
    Stage.STEP_PAUSED: CANARY.paused().at(Stage.STEP_PAUSED, 5),
    Stage.STEP_HELD: CANARY.held().at(Stage.STEP_HELD, 5),
    Stage.INCONCLUSIVE: CANARY.at(Stage.INCONCLUSIVE, 5),
    Stage.METRICS_UNAVAILABLE: CANARY.looked(INTERVAL, errors=MOST_ERRORS).at(Stage.METRICS_UNAVAILABLE, 5),
    Stage.PROMOTING: SERVING.candidate("b", weight=100, step=2).at(Stage.PROMOTING, 5),
    Stage.BAKING: SERVING.bake(300).candidate("b", weight=100, step=2).at(Stage.BAKING, 5),
    Stage.COMPLETED: SERVING,
    Stage.RETREATING: CANARY.ready("a", 3).at(Stage.RETREATING, 5, "Aborted"),
    Stage.ROLLING_BACK: SERVING.failed("b").at(Stage.ROLLING_BACK, 5, "Aborted"),
    Stage.FAILED: SERVING.failed("b"),
}
# What may happen next, to whatever is under way.
COMING = {
    "nothing": lambda scenario: scenario,
    "pods": lambda scenario: scenario.ready("a", 4).ready("b", 4),
    "no pods": lambda scenario: scenario.ready("b", 0),
    "a sample": lambda scenario: scenario.counted((100, 0), (400, 0)),
    "promotion": lambda scenario: scenario.promote("b"),
    "abort": lambda scenario: scenario.abort("b"),
    "retry": lambda scenario: scenario.retry("b"),
    "pause": lambda scenario: scenario.paused(),
    "a spec that is rejected": lambda scenario: scenario.held(),
    "another revision": lambda scenario: scenario.wanting("c"),
    "the stable revision": lambda scenario: scenario.wanting("a"),
    "sleep": lambda scenario: replace(scenario.autoscaled(may_sleep=True), settings=SCALING_SETTINGS),
}


def written(scenario: Scenario, **changed: str | None) -> RolloutState:
    """Return the state as an operator reads it from a status in which some words were changed; None: they are gone."""
    decision = Decision(scenario.state, live_revisions(scenario), (), None)
    status = report(ReportInput(scenario.plan, decision, scenario.observed, ()), {}, "", ModelDeploymentStatus(), NOW)
    document = to_json(status)
    fields = {**document["rollout"], **changed}
    document["rollout"] = {name: value for name, value in fields.items() if value is not None}
    return RolloutState.from_status(ModelDeploymentStatus.model_validate(document))


def live_revisions(scenario: Scenario) -> tuple[LiveRevision, ...]:
    """Return the revisions that have traffic at this moment, as status shows them."""
    state = scenario.state
    assert state.stable
    stable = LiveRevision(state.stable, 4, replace(state.exposure, weight=100 - state.weight))
    return (stable, LiveRevision(state.candidate, 4, state.exposure)) if state.candidate else (stable,)


def decided(scenario: Scenario, state: RolloutState, seconds: int) -> tuple[object, ...]:
    """Return all that a pass decides, but for the word for people that a state was given with its stage."""
    decision = decide(scenario.plan, scenario.observed, state, NOW + timedelta(seconds=seconds))
    return replace(decision.state, cause=None), decision.live, decision.events, decision.requeue_after


def test_there_is_a_rollout_at_every_stage():
    assert AT.keys() == set(Stage)
    assert all(scenario.state.stage is stage for stage, scenario in AT.items())


@pytest.mark.parametrize("coming", COMING)
@pytest.mark.parametrize("stage", Stage)
def test_no_wording_of_a_reason_changes_what_is_decided(stage: Stage, coming: str):
    scenario = AT[stage]
    kept, reworded = written(scenario), written(scenario, reason="SaidInOtherWords")
    following = COMING[coming](scenario)
    for seconds in (0, 100, 3600):
        assert decided(following, reworded, seconds) == decided(following, kept, seconds)


@pytest.mark.parametrize("stage", sorted(NO_CAUSE))
def test_a_reason_is_made_from_the_stage(stage: Stage):
    assert written(AT[stage], reason="SaidInOtherWords").reason == SHOWN_AS[stage].reason


@pytest.mark.parametrize("stage", Stage)
def test_a_status_of_an_operator_without_stages_is_understood(stage: Stage):
    """All that it wrote were phase and reason."""
    assert written(AT[stage], stage=None) == written(AT[stage]) == AT[stage].state


@pytest.mark.parametrize(
    ("phase", "reason", "stage"),
    [
        ("Idle", "Idle", Stage.IDLE),
        ("Idle", "SpecReverted", Stage.IDLE),
        ("Preparing", "StartingPods", Stage.STARTING_PODS),
        ("Preparing", "RunningChecks", Stage.RUNNING_CHECKS),
        ("Preparing", "Promoted", Stage.PROMOTED_BY_USER),
        ("Preparing", "PausedBySpec", Stage.PREPARATION_PAUSED),
        ("Preparing", "HeldBySpec", Stage.PREPARATION_HELD),
        ("Preparing", "NoPlace", Stage.NO_PLACE),
        ("Propagating", "RouteChanged", Stage.PROPAGATING),
        ("Analyzing", "CollectingEvidence", Stage.ANALYZING),
        ("Holding", "HoldingWeight", Stage.HOLDING),
        ("Paused", "AwaitingPromotion", Stage.AWAITING_PROMOTION),
        ("Paused", "PausedBySpec", Stage.STEP_PAUSED),
        ("Paused", "HeldBySpec", Stage.STEP_HELD),
        ("Paused", "Inconclusive", Stage.INCONCLUSIVE),
        ("Paused", "MetricsUnavailable", Stage.METRICS_UNAVAILABLE),
        ("Promoting", "RouteChanged", Stage.PROMOTING),
        ("Completed", "Promoted", Stage.COMPLETED),
        ("RollingBack", "GuardExceeded", Stage.ROLLING_BACK),
        ("Failed", "GuardExceeded", Stage.FAILED),
    ],
)
def test_the_words_of_earlier_operators_keep_their_meaning(phase: RolloutPhase, reason: str, stage: Stage):
    assert stage_shown_as(phase, reason, has_candidate=False) is stage


def test_a_candidate_tells_two_ways_of_rolling_back_apart():
    assert stage_shown_as("RollingBack", "Aborted", has_candidate=True) is Stage.RETREATING
