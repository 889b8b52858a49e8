"""Locks between the worker processes of one test run, which all work on the same cluster and the same operator.

A case takes them in this order, so that nobody waits in a circle: `training` and `serving`, which it leaves at once;
`disturbance`, then `company`, in turn; `gpus`; `starting` of a shared server. No case takes one of them twice.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock alone, waiting for it as long as it takes."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold a file lock together with others who share it, waiting as long as somebody holds it alone."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def in_turn(lock: Callable[[Path], AbstractContextManager[None]], path: Path) -> Iterator[None]:
    """Hold a lock, `locked` or `shared`, that all wait for one after another.

    Without that, those who share it could go on overtaking one who waits to have it alone.
    """
    with ExitStack() as held:
        with locked(path.with_suffix(".turn")):
            held.enter_context(lock(path))
        yield
