"""The conditions that show a problem. Pure."""

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
_SHOULD_NOT_BE_TRUE: Final = frozenset(
    {"ModelChanged", "RouteNotEffective", "CountsDisagree", "RequestsLeftOut", "QueriesNotAllowed"}
)
# A rollout in progress is not a problem, and the lines above show it.
_NO_FAULT: Final = frozenset({"RolloutInProgress"})


def conditions(view: View, now: datetime) -> Group | None:
    """Return the conditions that show a problem, with their messages; None if there are none."""
    faults = unreported_conditions(view)
    if not faults:
        return None
    rows = table("", "", "", "")
    for condition in faults:
        is_good = None if condition.status == "Unknown" else False
        rows.add_row(
            mark(is_good=is_good),
            condition.type,
            f"{condition.reason}, {since(condition.last_transition_time, now)}",
            condition.message,
        )
    return section("Conditions", rows)


def unreported_conditions(view: View) -> list[Condition]:
    """Return the conditions that show a problem which the rollout's own messages do not report."""
    messages = _messages_of_rollout(view)
    faults = (condition for condition in view.status.conditions if _is_fault(condition))
    return [fault for fault in faults if not any(fault.message in message for message in messages)]


def _messages_of_rollout(view: View) -> tuple[str, ...]:
    rollout = view.rollout
    if rollout is None:
        return ()
    return (rollout.message, rollout.failed.message) if rollout.failed else (rollout.message,)


def _is_fault(condition: Condition) -> bool:
    if condition.type in _SHOULD_NOT_BE_TRUE:
        return condition.status == "True"
    return condition.type in _SHOULD_BE_TRUE and condition.status != "True" and condition.reason not in _NO_FAULT
