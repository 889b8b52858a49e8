"""Whatever endpoints answer, and when: no traffic rises without an approval, and none is kept back by one."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.scenario import rollout
from tests.support.webhooks import DOWN, NOT_YET, TAKEN, YES, Walk, approval, notification

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.notifications import MOST_PENDING

BEGINNING = rollout().calling(approval(when="EachStep"), notification()).stable("a").wanting("b").ready("b", 4)
BOARD = st.sampled_from([None, YES, NOT_YET, DOWN])
CHAT = st.sampled_from([None, TAKEN, DOWN])
SECONDS = st.sampled_from([0, 1, 10, 30, 60, 600])


@settings(max_examples=60)
@given(st.lists(st.tuples(BOARD, CHAT, SECONDS, st.booleans()), max_size=30))
def test_answers_in_any_order(moves: list[tuple[Any, Any, int, bool]]) -> None:
    walk, approved = Walk(BEGINNING), set()
    for board, chat, seconds, is_paused in moves:
        asked = {call.id for call in walk.calls if call.webhook == "board"}
        before = walk.state
        wished = replace(walk.scenario, rollout=replace(walk.scenario.rollout, paused=is_paused))
        answers = {name: answer for name, answer in (("board", board), ("chat", chat)) if answer}
        walk = walk.with_(wished).go(answers)
        approved |= asked if board is YES else set()
        rises = walk.state.weight > before.weight and walk.state.candidate
        key = "w100" if walk.state.stage is Stage.PROMOTING else f"w{walk.state.weight}"
        assert not rises or f"1f7c-b-1-{key}" in approved
        assert all(len(one.pending) <= MOST_PENDING for one in walk.state.webhooks)
        walk = walk.later(seconds)
        if walk.state.candidate:
            aborted = walk.with_(walk.scenario.abort("b")).go()
            assert aborted.state.stage is Stage.ROLLING_BACK
            assert aborted.state.weight == 0


@settings(max_examples=30)
@given(CHAT, st.integers(1, 40))
def test_no_notification_delays_a_rollout(answer: Any, passes: int) -> None:
    told = Walk(BEGINNING.calling(notification()))
    untold = Walk(BEGINNING.calling())
    for _ in range(passes):
        told, untold = told.go({"chat": answer} if answer else {}).later(5), untold.go().later(5)
        assert replace(told.state, webhooks=()) == untold.state
