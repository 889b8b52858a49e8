"""What a metric of ModelDeployments consists of: its family, and its figures."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Family(NamedTuple):
    """A metric: its help text, and its labels beside namespace and name."""

    help: str
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """A figure of one ModelDeployment: `labels` are the values of its family's labels."""

    family: str
    labels: tuple[str, ...]
    value: float


class Reported(Protocol):
    """A ModelDeployment, as far as it matters here."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec as the API server stores it."""

    @property
    def status(self) -> Mapping[str, Any]:
        """Its status as the API server stores it."""
