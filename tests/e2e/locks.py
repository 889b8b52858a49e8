"""Locks between the worker processes of one test run, which all work on the same cluster and the same operator."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
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
