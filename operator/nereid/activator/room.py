"""Room in memory for the messages of calls over gRPC, which the library holds whole, several times.

How long a message is, is known when it has arrived. So a call takes room before it reads, as much as the longest
message needs, and keeps of it what the message takes. A message that is not there after a while may not be on its way
at all, so then the room is given back, and what has arrived shows in the memory that is used. Should that become too
much, the latest calls of the namespace with the most of them are ended.
"""

import asyncio
import ctypes
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# How often the library and this process hold a message at the same time, as measured.
COPIES: Final = 3
# How much of the memory messages may fill, and beyond which part calls are ended.
_FULL: Final = 0.5
_CRITICAL: Final = 0.85
# For how many looks room is kept for a call's first message, which is there when the call begins, and for later ones.
# Not for a time: where the processor is short, messages take longer, and so do looks.
_FIRST_LOOKS: Final = 25
_NEXT_LOOKS: Final = 2
_LOOK_SECONDS: Final = 0.02
# Ended calls give their memory back within this time.
_PAUSE_SECONDS: Final = 0.2
# How long a call waits for room.
_WAIT_SECONDS: Final = 30.0


class NoRoomError(Exception):
    """There was no room for a message; the message is a sentence for the client."""

    def __init__(self) -> None:
        super().__init__("the messages of calls to sleeping models take too much memory; try again later")


class Place:
    """What one call has of the room.

    refusal: why the call may not read its next message. is_ended: the call was cancelled, as there was no room for it.
    """

    def __init__(self, room: "Room", namespace: str, task: "asyncio.Task[object]") -> None:
        self._room = room
        self._size = self._message = 0
        self._has_read = self._is_closed = False
        self._looks = 0
        self.namespace = namespace
        self.task = task
        self.refusal: NoRoomError | None = None
        self.is_ended = False

    async def read(self) -> bool:
        """Take room for a message before it is read, in place of that for the last one; False if there is none."""
        # One copy of it is there until the next one has come.
        self._set(self._message)
        try:
            await self._room.wait(self.namespace, is_next=self._has_read)
        except NoRoomError as error:
            self.refusal = error
            return False
        self._set(self._room.message_size)
        self._keep_for(_NEXT_LOOKS if self._has_read else _FIRST_LOOKS)
        self._has_read = True
        return True

    def arrived(self, message_bytes: int) -> None:
        """Keep the room that a message takes, which has been read."""
        self._keep_for(0)
        self._message = message_bytes
        self._set(COPIES * message_bytes)

    def look(self) -> None:
        """Give back, after some looks, the room for a message that has not come."""
        if self._looks:
            self._keep_for(self._looks - 1)
            if not self._looks:
                self._set(self._message)

    def leave(self) -> None:
        """Give the room back."""
        self._keep_for(0)
        self._message = 0
        self._set(0)

    def close(self) -> None:
        """Give the room back for good: the library may still read for a call that is over."""
        self.leave()
        self._is_closed = True

    def _keep_for(self, looks: int) -> None:
        if self._is_closed:
            return
        self._room.reading += bool(looks) - bool(self._looks)
        self._looks = looks

    def _set(self, size: int) -> None:
        if self._is_closed:
            return
        self._room.add(self.namespace, size - self._size)
        self._size = size


class Room:
    """Hands out places. `used`: returns how many bytes of the process's memory are in use."""

    def __init__(self, memory_bytes: int, message_bytes: int, used: Callable[[], int]) -> None:
        self.message_size = COPIES * message_bytes
        self._full = int(memory_bytes * _FULL)
        self._critical = int(memory_bytes * _CRITICAL)
        self._used = used
        self._taken: Counter[str] = Counter()
        # The turns of calls that have begun, and of others by their namespaces.
        self._next: deque[asyncio.Future[None]] = deque()
        self._first: dict[str, deque[asyncio.Future[None]]] = {}
        self._in_use = 0
        # For how many messages that are about to come room is kept.
        self.reading = 0
        self._places: dict[Place, None] = {}

    @contextmanager
    def place(self, namespace: str) -> Iterator[Place]:
        """Give a call its place within the context."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError
        one = Place(self, namespace, task)
        self._places[one] = None
        try:
            yield one
        finally:
            del self._places[one]
            one.close()

    async def wait(self, namespace: str, *, is_next: bool) -> None:
        """Wait for room for one message; raise NoRoomError if there is none for long.

        `is_next`: for the next message of a call, or its end, which goes before the first ones of others.
        """
        if self._has_room(is_next=is_next) and (is_next or not self._first):
            return
        turn = asyncio.get_running_loop().create_future()
        (self._next if is_next else self._first.setdefault(namespace, deque())).append(turn)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await turn
        except TimeoutError as error:
            raise NoRoomError from error

    def add(self, namespace: str, size: int) -> None:
        """Count what a place takes, or gives back."""
        self._taken[namespace] += size
        if not self._taken[namespace]:
            del self._taken[namespace]
        if size < 0:
            self._call_next()

    async def run(self) -> None:
        """Look for ever whether there is room again, and end calls while there is far too little."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._in_use = self._used() if self._places else 0
            for place in self._places:
                place.look()
            self._call_next()
            if self._places and self._in_use > self._critical:
                self._end_calls()
                await asyncio.sleep(_PAUSE_SECONDS)

    def _has_room(self, *, is_next: bool) -> bool:
        # One at a time goes on however little memory there is.
        if not self.reading:
            return True
        taken = 0 if is_next else self._taken.total()
        return self._in_use + taken + self.message_size <= self._full

    def _call_next(self) -> None:
        """Give a turn to a call that has begun, or of the namespace that has the least."""
        while self._next and self._has_room(is_next=True):
            # Who has waited for too long, or has gone, is passed over.
            if _comes(self._next.popleft()):
                return
        while self._first and self._has_room(is_next=False):
            namespace = min(self._first, key=self._taken.__getitem__)
            turns = self._first[namespace]
            turn = turns.popleft()
            if not turns:
                del self._first[namespace]
            if _comes(turn):
                return

    def _end_calls(self) -> None:
        calls = Counter(place.namespace for place in self._places)
        ((namespace, _),) = calls.most_common(1)
        tasks = list(dict.fromkeys(place.task for place in self._places if place.namespace == namespace))
        latest = set(tasks[len(tasks) // 2 :])
        for place in self._places:
            if place.task in latest:
                place.is_ended = True
        for task in latest:
            task.cancel()


def _comes(turn: asyncio.Future[None]) -> bool:
    """Give a call its turn; False if it no longer waits."""
    if turn.done():
        return False
    turn.set_result(None)
    return True


class _MallInfo(ctypes.Structure):
    """The C library's struct mallinfo2."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keep",
        )
    )


def memory_in_use() -> int:
    """Return the bytes that are allocated in this process, without what is free but not given back; 0 if unknown."""
    if _mallinfo is None:
        return 0
    info = _mallinfo()
    return int(info.uordblks + info.hblkhd)


_mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
if _mallinfo is not None:
    _mallinfo.restype = _MallInfo
