"""Transitions that random walks seldom make, or never: a rollout for each, of which the next pass makes it."""

from typing import Final

from tests.support.scenario import INTERVAL, PROPAGATION, Scenario, rollout

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.analysis import MOST_ERRORS
from nereid.controller.decide.rollout.transitions import Group
from nereid.controller.plan.plan import ALL_TRAFFIC, Exposure

_SERVING: Final = rollout().stable("a")
_JUDGED: Final = _SERVING.judged().candidate("b", weight=20).looked(INTERVAL)
_NOT_JUDGED: Final = _SERVING.candidate("b", weight=20)
_SWITCHED: Final = _SERVING.judged().blue_green().candidate("b", step=1, exposure=ALL_TRAFFIC).looked(INTERVAL)
_ONE_PLACE: Final = rollout().scaled(1).without_surge().stable("a")
_STABLE_LACKS_PODS: Final = _JUDGED.ready("a", 3)
_TAKEN_BACK: Final = _SERVING.judged().candidate("b", weight=20, step=1).looked(INTERVAL)
_PREVIEWED: Final = _SERVING.blue_green().candidate("b", step=1, exposure=Exposure(preview=True))

RARE: Final[dict[tuple[Stage | Group, Stage], Scenario]] = {
    (Group.IN_PROGRESS, Stage.NO_PLACE): _ONE_PLACE.candidate("b", ready=0).wanting("c").at(Stage.STARTING_PODS, 5),
    (Group.IN_PROGRESS, Stage.RETREATING): _STABLE_LACKS_PODS.abort("b").at(Stage.ANALYZING, 5),
    (Group.PREPARING, Stage.NO_PLACE): _ONE_PLACE.candidate("b", ready=0).at(Stage.STARTING_PODS, 5),
    (Group.AT_A_STEP, Stage.PROMOTED_BY_USER): _JUDGED.promote("b").at(Stage.ANALYZING, 5),
    (Stage.PROMOTED_BY_USER, Stage.PROPAGATING): _PREVIEWED.at(Stage.PROMOTED_BY_USER, 5),
    (Stage.PREPARATION_PAUSED, Stage.ANALYZING): _TAKEN_BACK.at(Stage.PREPARATION_PAUSED, 5),
    (Stage.PREPARATION_HELD, Stage.ANALYZING): _TAKEN_BACK.at(Stage.PREPARATION_HELD, 5),
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
    (Stage.INCONCLUSIVE, Stage.PROMOTING): _SWITCHED.counted((100, 0)).at(Stage.INCONCLUSIVE, 300),
    (Stage.RETREATING, Stage.ROLLING_BACK): _JUDGED.abort("b").at(Stage.RETREATING, 5, "Aborted"),
}
