"""What a load generator is: a container that measures one load, and how its report is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Protocol

from nereid.cli.tune.load import Load

# The kubelet shows what is written here in the pod's status; at most 4096 bytes.
REPORT: Final = PurePosixPath("/dev/termination-log")
FILES: Final = PurePosixPath("/etc/nereid/load")


@dataclass(frozen=True, slots=True)
class Exercise:
    """One load to measure: against which server (host and port) and model, how many requests at a time, how long."""

    target: str
    model: str
    concurrency: int
    warm_up: float
    seconds: float
    shapes: Mapping[str, tuple[int, ...]]


class Generator(Protocol):
    """A load generator."""

    @property
    def image(self) -> str:
        """Its image."""

    def files(self) -> dict[str, str]:
        """Return the files that its container reads in FILES."""

    def container(self, exercise: Exercise) -> dict[str, Any]:
        """Return what its container runs: command, args and env; it writes its report to REPORT."""

    def read(self, report: str, concurrency: int) -> Load:
        """Return what was measured; raises GeneratorError where the report cannot be understood."""

    def cause(self, log: str) -> str:
        """Return why it failed, found in the end of its log."""
