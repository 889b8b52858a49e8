"""Transitions that random walks seldom make, or never: a rollout for each, of which the next pass makes it."""

from typing import Final

from tests.support.scenario import INTERVAL, PROPAGATION, Scenario, rollout
from tests.support.webhooks import approval

from nereid.api.checks import SMOKE_CHECK
from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.analysis import MOST_ERRORS
from nereid.controller.decide.rollout.route_share import RouteShare
from nereid.controller.decide.rollout.transitions import Group

_SERVING: Final = rollout().stable("a")
_JUDGED: Final = _SERVING.judged().candidate("b", weight=20).looked(INTERVAL)
_NOT_JUDGED: Final = _SERVING.candidate("b", weight=20)
_GIVEN: Final = _SERVING.candidate("b", weight=100, step=2)
_HELD_BACK: Final = _SERVING.bake(300, holdback=5).candidate("b", weight=95, step=2)
_ONE_PLACE: Final = rollout().scaled(1).without_surge().stable("a")
_STABLE_LACKS_PODS: Final = _JUDGED.ready("a", 3)
_TAKEN_BACK: Final = _SERVING.judged().candidate("b", weight=20, step=1).looked(INTERVAL)
_FIRST_CHECKED: Final = rollout().smoke(asked_for=True).candidate("a", ready=4).at(Stage.RUNNING_CHECKS, 5)
_TO_BE_APPROVED: Final = rollout().calling(approval()).stable("a").candidate("b", ready=4)
_WITHOUT_EFFECT: Final = _TAKEN_BACK.looked(0, share=RouteShare(20, 0, 2000, is_off=True))

RARE: Final[dict[tuple[Stage | Group, Stage], Scenario]] = {
    (Stage.STARTING_PODS, Stage.AWAITING_APPROVAL): _TO_BE_APPROVED.at(Stage.STARTING_PODS, 5),
    (Stage.AWAITING_APPROVAL, Stage.STARTING_PODS): _TO_BE_APPROVED.calling().at(Stage.AWAITING_APPROVAL, 5),
    (Group.IN_PROGRESS, Stage.NO_PLACE): _ONE_PLACE.candidate("b", ready=0).wanting("c").at(Stage.STARTING_PODS, 5),
    (Group.IN_PROGRESS, Stage.RETREATING): _STABLE_LACKS_PODS.abort("b").at(Stage.ANALYZING, 5),
    (Group.PREPARING, Stage.NO_PLACE): _ONE_PLACE.candidate("b", ready=0).at(Stage.STARTING_PODS, 5),
    (Group.AT_A_STEP, Stage.PROMOTED_BY_USER): _JUDGED.promote("b").at(Stage.ANALYZING, 5),
    (Stage.STARTING_PODS, Stage.ANALYZING): _WITHOUT_EFFECT.at(Stage.STARTING_PODS, 5),
    (Stage.PREPARATION_PAUSED, Stage.ANALYZING): _TAKEN_BACK.at(Stage.PREPARATION_PAUSED, 5),
    (Stage.PREPARATION_HELD, Stage.ANALYZING): _TAKEN_BACK.at(Stage.PREPARATION_HELD, 5),
    (Stage.AWAITING_APPROVAL, Stage.ANALYZING): _TAKEN_BACK.at(Stage.AWAITING_APPROVAL, 5),
    (Stage.OUTSIDE_WINDOW, Stage.ANALYZING): _TAKEN_BACK.at(Stage.OUTSIDE_WINDOW, 5),
    (Stage.PROPAGATING, Stage.STEP_PAUSED): _JUDGED.paused().at(Stage.PROPAGATING, PROPAGATION),
    (Stage.PROPAGATING, Stage.STEP_HELD): _JUDGED.held().at(Stage.PROPAGATING, PROPAGATION),
    (Stage.ANALYZING, Stage.METRICS_UNAVAILABLE): (
        _JUDGED.looked(INTERVAL, errors=MOST_ERRORS - 1).provider_fails().at(Stage.ANALYZING, 5)
    ),
    (Stage.ANALYZING, Stage.HOLDING): _JUDGED.judged(provider="None").at(Stage.ANALYZING, 5),
    (Stage.ANALYZING, Stage.AWAITING_PROMOTION): _JUDGED.steps((20, None)).at(Stage.ANALYZING, 5),
    (Stage.ANALYZING, Stage.STEP_PAUSED): _JUDGED.paused().at(Stage.ANALYZING, 5),
    (Stage.ANALYZING, Stage.STEP_HELD): _JUDGED.held().at(Stage.ANALYZING, 5),
    (Stage.HOLDING, Stage.ANALYZING): _NOT_JUDGED.judged().at(Stage.HOLDING, 5),
    (Stage.HOLDING, Stage.AWAITING_PROMOTION): _NOT_JUDGED.steps((20, None)).at(Stage.HOLDING, 5),
    (Stage.HOLDING, Stage.STEP_PAUSED): _NOT_JUDGED.paused().at(Stage.HOLDING, 5),
    (Stage.HOLDING, Stage.STEP_HELD): _NOT_JUDGED.held().at(Stage.HOLDING, 5),
    (Stage.PROMOTING, Stage.BAKING): _GIVEN.bake(300).at(Stage.PROMOTING, PROPAGATION),
    (Stage.BAKING, Stage.COMPLETED): _GIVEN.bake(300).at(Stage.BAKING, 300),
    (Stage.BAKING, Stage.PROMOTING): _HELD_BACK.at(Stage.BAKING, 300),
    (Stage.RUNNING_CHECKS, Stage.FAILED): _FIRST_CHECKED.checked((SMOKE_CHECK, False)),
    (Stage.FAILED, Stage.IDLE): _SERVING.failed("b").wanting("a"),
    (Group.WAITING, Stage.STEP_HELD): _JUDGED.held().at(Stage.STEP_PAUSED, 5),
    (Group.WAITING, Stage.AWAITING_PROMOTION): _NOT_JUDGED.steps((20, None)).at(Stage.STEP_PAUSED, 5),
    (Stage.RETREATING, Stage.ROLLING_BACK): _JUDGED.abort("b").at(Stage.RETREATING, 5, "Aborted"),
}
