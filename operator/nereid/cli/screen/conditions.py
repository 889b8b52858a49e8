"""The conditions that are not as they should be. Pure."""

from datetime import datetime
from typing import Final

from rich.console import Group

from nereid.api.status import Condition
from nereid.cli.figures import since
from nereid.cli.screen.layout import mark, section, table
from nereid.cli.view import View

_SHOULD_BE_TRUE: Final = frozenset(
    {"Ready", "Available", "RolloutPassed", "SpecValid", "ModelResolved", "RegistryTagged"}
)
_SHOULD_NOT_BE_TRUE: Final = frozenset({"ModelChanged"})
# What a rollout under way is no fault of, and the lines above tell.
_NO_FAULT: Final = frozenset({"RolloutInProgress"})


def conditions(view: View, now: datetime) -> Group | None:
    """Return the conditions that are not as they should be, with their sentences; None where all are."""
    faults = untold(view)
    if not faults:
        return None
    rows = table("", "", "", "")
    for one in faults:
        is_good = None if one.status == "Unknown" else False
        rows.add_row(
            mark(is_good=is_good), one.type, f"{one.reason}, {since(one.last_transition_time, now)}", one.message
        )
    return section("Conditions", rows)


def untold(view: View) -> list[Condition]:
    """Return the conditions that are not as they should be, and of which the rollout's state does not tell."""
    told = _told(view)
    return [one for one in view.status.conditions if _is_fault(one) and one.message not in told]


def _told(view: View) -> set[str]:
    rollout = view.rollout
    if rollout is None:
        return set()
    return {rollout.message, rollout.failed.message} if rollout.failed else {rollout.message}


def _is_fault(condition: Condition) -> bool:
    if condition.type in _SHOULD_NOT_BE_TRUE:
        return condition.status == "True"
    return condition.type in _SHOULD_BE_TRUE and condition.status != "True" and condition.reason not in _NO_FAULT
