"""Who is next where many wait for little: lanes take turns, so that no long lane holds up a short one.

A lane is a namespace: what its users do, be it a thousand objects or an endpoint that never answers, costs others one
turn of each lane. And as long as others may come, no lane has all places.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Turns(Generic[Item]):
    """Items that wait, each once, and how many of each lane have been taken and not been given back."""

    def __init__(self, lane_of: Callable[[Item], Hashable], most_of_one: int | None = None) -> None:
        """`most_of_one`: how many of one lane may be taken at a time; None: as many as there are."""
        self._lane_of = lane_of
        self._most_of_one = most_of_one
        # In the order of their turns; within a lane in order of arrival.
        self._lanes: dict[Hashable, dict[Item, None]] = {}
        self._taken: Counter[Hashable] = Counter()
        self._waiting = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting

    def __contains__(self, item: Item) -> bool:
        return item in self._lanes.get(self._lane_of(item), {})

    def add(self, item: Item) -> None:
        """Let an item wait, behind those of its lane; it keeps its place if it waits already."""
        if item not in self:
            self._lanes.setdefault(self._lane_of(item), {})[item] = None
            self._waiting += 1

    def discard(self, item: Item) -> None:
        """Let an item wait no longer."""
        if item in self:
            lane = self._lane_of(item)
            del self._lanes[lane][item]
            self._waiting -= 1
            if not self._lanes[lane]:
                del self._lanes[lane]

    def take(self) -> Item | None:
        """Take the first item of the lane whose turn it is; None if none may be taken now."""
        for lane in self._lanes:
            if self._has_place(lane):
                return self._taken_of(lane)
        return None

    def give_back(self, item: Item) -> None:
        """Tell that an item which was taken is done with."""
        lane = self._lane_of(item)
        self._taken[lane] -= 1
        if not self._taken[lane]:
            del self._taken[lane]

    def _taken_of(self, lane: Hashable) -> Item:
        items = self._lanes.pop(lane)
        item = next(iter(items))
        del items[item]
        if items:
            self._lanes[lane] = items
        self._waiting -= 1
        self._taken[lane] += 1
        return item

    def _has_place(self, lane: Hashable) -> bool:
        return self._most_of_one is None or self._taken[lane] < self._most_of_one


class _Ticket:
    """One that waits for a place."""

    def __init__(self, lane: Hashable) -> None:
        self.lane = lane
        self.called: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Places:
    """A semaphore whose places lanes take in turns."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._free = most
        self._turns = Turns[_Ticket](lambda ticket: ticket.lane, most_of_one)

    @asynccontextmanager
    async def place(self, lane: Hashable) -> AsyncIterator[None]:
        """Wait for a place, and have it until the end of the block."""
        ticket = _Ticket(lane)
        self._turns.add(ticket)
        self._call()
        try:
            await ticket.called
        except BaseException:
            if ticket in self._turns:
                self._turns.discard(ticket)
            else:
                self._leave(ticket)  # It was called in the moment in which it was given up.
            raise
        try:
            yield
        finally:
            self._leave(ticket)

    def _call(self) -> None:
        while self._free and (ticket := self._turns.take()):
            self._free -= 1
            if not ticket.called.done():
                ticket.called.set_result(None)

    def _leave(self, ticket: _Ticket) -> None:
        self._turns.give_back(ticket)
        self._free += 1
        self._call()
