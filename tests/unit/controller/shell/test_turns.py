"""Lanes take turns: a long one delays a short one by one turn, and nothing is lost or taken twice."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nereid.controller.shell.turns import Places, Turns
from nereid.controller.shell.work_queue import WorkQueue

Key = tuple[str, str]
KEYS = st.tuples(st.sampled_from("abc"), st.sampled_from("1234567"))
MOVES = st.lists(st.one_of(st.tuples(st.just("add"), KEYS), st.just(("take", None)), st.just(("done", None))))


def lane(key: Key) -> str:
    return key[0]


@settings(deadline=None)
@given(MOVES, st.sampled_from([None, 1, 2]))
def test_whatever_comes_nothing_is_lost_nothing_is_twice_and_no_lane_waits_for_more_than_a_turn_of_each(
    moves: list[tuple[str, Key | None]], most: int | None
) -> None:
    turns = Turns[Key](lane, most)
    waiting: dict[Key, int] = {}
    taken: list[Key] = []
    passed_over: Counter[str] = Counter()
    for move, key in moves:
        if move == "add" and key:
            turns.add(key)
            waiting.setdefault(key, 0)
        elif move == "done" and taken:
            turns.give_back(taken.pop(0))
        elif move == "take":
            out = Counter(lane(one) for one in taken)
            may = {lane(one) for one in waiting if most is None or out[lane(one)] < most}
            found = turns.take()
            assert (found is not None) == bool(may)
            if found:
                del waiting[found]
                taken.append(found)
                passed_over = Counter({one: passed_over[one] + 1 for one in may if one != lane(found)})
                assert all(count < 3 for count in passed_over.values())
        assert len(turns) == len(waiting)
        assert all(count <= (most or count) for count in Counter(lane(one) for one in taken).values())


async def test_a_thousand_objects_of_one_namespace_delay_no_other_by_more_than_one_pass() -> None:
    queue = WorkQueue[Key](lane, most_of_one=6)
    for number in range(1000):
        queue.add(("crowd", str(number)))
    order = []
    queue.add(("alone", "1"))
    for _ in range(3):
        key = await queue.get()
        order.append(lane(key))
        queue.done(key)
    assert order[:2] == ["crowd", "alone"]


async def test_no_namespace_has_all_workers_and_each_comes_again_when_one_of_its_passes_ends() -> None:
    queue = WorkQueue[Key](lane, most_of_one=2)
    for number in range(5):
        queue.add(("crowd", str(number)))
    held = [await queue.get(), await queue.get()]
    more = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not more.done()
    queue.add(("alone", "1"))
    assert await asyncio.wait_for(more, 5) == ("alone", "1")
    queue.done(held[0])
    assert await asyncio.wait_for(queue.get(), 5) == ("crowd", "2")


async def test_places_go_round_and_are_never_more_than_there_are() -> None:
    places, order, most, running = Places(4, 3), list[str](), 0, 0

    async def one(name: str) -> None:
        nonlocal most, running
        async with places.place(name):
            running += 1
            most = max(most, running)
            order.append(name)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(one("crowd") for _ in range(100)), one("alone"), one("other"))
    assert (len(order), most) == (102, 4)
    assert set(order[:6]) == {"crowd", "alone", "other"}


@pytest.mark.parametrize("ticks", range(4))
async def test_who_gives_up_leaves_no_place_taken(ticks: int) -> None:
    places = Places(1, 1)
    entered = asyncio.Event()

    async def hold() -> None:
        async with places.place("a"):
            entered.set()
            await asyncio.Event().wait()

    async def pass_through() -> None:
        async with places.place("b"):
            pass

    holder = asyncio.create_task(hold())
    await entered.wait()
    waiting = asyncio.create_task(pass_through())
    await asyncio.sleep(0)
    holder.cancel()
    for _ in range(ticks):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(holder, waiting, return_exceptions=True)
    await asyncio.wait_for(pass_through(), 5)
