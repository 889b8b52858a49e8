"""The steps of the rollout, with the present one marked. Pure."""

from datetime import datetime

from rich.console import Group
from rich.table import Table
from rich.text import Text

from nereid.api.rollout_stage import Stage
from nereid.api.status import RolloutStatus
from nereid.cli.figures import since, span, until
from nereid.cli.screen.layout import AHEAD, BUSY, HERE, PASSED, section, table
from nereid.cli.steps import described, hold_ends, steps_of, verdict_due, waits_for_pods
from nereid.cli.view import View
from nereid.controller.decide.rollout.stage import HELD_BY_SPEC, PAUSED_BY_SPEC, PREPARING, ROLLING_BACK
from nereid.controller.plan.plan import ALL_TRAFFIC, Step


def progress(view: View, now: datetime) -> Group | None:
    """Return the steps of the rollout in progress; None if there is none, or no stable revision to replace."""
    rollout = view.rollout
    if rollout is None or view.stage in ROLLING_BACK:
        return None
    if view.status.candidate is None or view.status.stable is None:
        return None
    heading = f"Rollout ({_strategy(view)}, attempt {rollout.attempt})"
    if rollout.fast_track:
        return section(heading, "it served before, so it gets all traffic without steps, checks and analysis")
    steps = steps_of(view)
    if steps is None or view.plan is None:
        return section(heading, f"step {rollout.step + 1}; the steps in the spec are now those of another strategy")
    rows, note = table("", "", ""), _note(view, rollout, now)
    for index, step in enumerate(steps):
        _add(rows, index, rollout.step, described(step, view.plan), note)
    _add(rows, len(steps), rollout.step, _last_move(steps), note)
    return section(heading, rows)


def _strategy(view: View) -> str:
    recorded = view.rollout.strategy if view.rollout else None
    return recorded or (view.plan.strategy if view.plan else "Canary")


def _last_move(steps: tuple[Step, ...]) -> str:
    return "it is stable" if steps and steps[-1].exposure == ALL_TRAFFIC else "100%, and it is stable"


def _add(rows: Table, index: int, present: int, words: str, note: str) -> None:
    if index == present:
        rows.add_row(HERE, Text(words, style="bold"), Text(note, style=BUSY))
    else:
        rows.add_row(PASSED if index < present else AHEAD, words, "")


def _note(view: View, rollout: RolloutStatus, now: datetime) -> str:
    """Return how far the present step is."""
    match view.stage:
        case stage if stage in PAUSED_BY_SPEC:
            return f"paused by the spec for {since(rollout.since, now)}"
        case stage if stage in HELD_BY_SPEC:
            return f"held for {since(rollout.since, now)}, as the spec cannot be carried out"
        case Stage.AWAITING_APPROVAL:
            return f"an approval has been awaited for {since(rollout.since, now)}"
        case Stage.RUNNING_CHECKS:
            return f"its checks have run for {since(rollout.since, now)}"
        case Stage.OUTSIDE_WINDOW:
            return f"a window opens in {until(rollout.next_look, now)}" if rollout.next_look else "no window is open"
        case stage if stage in PREPARING or (stage is Stage.PROMOTING and waits_for_pods(view)):
            candidate = view.status.candidate
            return f"{candidate.ready_replicas} of {candidate.replicas} pods are ready" if candidate else ""
        case Stage.PROPAGATING | Stage.PROMOTING:
            return "the proxies are receiving the route"
        case Stage.HOLDING | Stage.ANALYZING:
            return _hold(view, rollout, now)
        case _:
            return f"paused for {since(rollout.since, now)}: {rollout.reason}"


def _hold(view: View, rollout: RolloutStatus, now: datetime) -> str:
    ends, due = hold_ends(view), verdict_due(view)
    if ends is None:
        return f"held for {since(rollout.since, now)}"
    if ends > now:
        return f"{until(ends, now)} of {span((ends - rollout.since).total_seconds())} left"
    if due is None:
        return "the hold is over"
    return f"the hold is over; the judge has {until(due, now)} left"
