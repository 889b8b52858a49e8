"""Which ModelDeployment something belongs to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """The ModelDeployment that a plan and its children belong to."""

    namespace: str
    name: str
    uid: str
    generation: int
