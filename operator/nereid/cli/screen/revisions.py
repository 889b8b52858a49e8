"""The revisions, the traffic that each gets, and how many pods it has. Pure."""

from datetime import datetime

from rich.console import Group
from rich.table import Table
from rich.text import Text

from nereid.api.status import RetiringRevision, RevisionStatus, RolloutStatus
from nereid.cli.figures import since, until
from nereid.cli.screen.layout import BAD, BUSY, FAINT, GOOD, bar, section, table
from nereid.cli.steps import log_kept_until
from nereid.cli.view import View, model_version


def revisions(view: View, now: datetime) -> Group | None:
    """Return the table of revisions; None if there is none yet."""
    status, rollout = view.status, view.rollout
    if not status.stable and not status.candidate:
        return None
    rows = table("", "REVISION", "VERSION", "TRAFFIC", "PODS", "MODEL")
    if status.stable:
        is_asleep = status.scaling is not None and status.scaling.state == "Asleep"
        pods = Text("asleep", style=FAINT) if is_asleep else _pods(status.stable)
        _add(rows, "stable", status.stable, bar(status.stable.weight, GOOD), pods)
    if status.candidate:
        _add(rows, "candidate", status.candidate, _exposure(status.candidate, rollout), _pods(status.candidate))
    for retiring in rollout.retiring if rollout else ():
        traffic = Text(f"none for {since(retiring.since, now)}", style=FAINT)
        role = "failed" if retiring.drained else "draining"
        rows.add_row(role, retiring.revision, "", traffic, str(retiring.replicas), _kept(view, retiring, now))
    return section("Revisions", rows)


def _kept(view: View, retiring: RetiringRevision, now: datetime) -> Text:
    """Return for how long a pod is kept for its log, if it is."""
    ends = log_kept_until(view, retiring)
    if ends is None:
        return Text()
    return Text(f"kept for its log, {until(ends, now)} left" if ends > now else "no longer kept", style=FAINT)


def _add(rows: Table, role: str, revision: RevisionStatus, traffic: Text, pods: Text) -> None:
    version = model_version(revision.version, revision.revision) or "-"
    rows.add_row(role, revision.revision, version, traffic, pods, revision.model_uri)


def _pods(revision: RevisionStatus) -> Text:
    ready, replicas = revision.ready_replicas, revision.replicas
    return Text(f"{ready}/{replicas}", style=BAD if ready < replicas else GOOD)


def _exposure(candidate: RevisionStatus, rollout: RolloutStatus | None) -> Text:
    """Return what reaches the candidate; not all of it is a share of the traffic."""
    if rollout and not candidate.weight:
        if rollout.mirror:
            return Text(f"a copy of {rollout.mirror}%", style=BUSY)
        if rollout.matched:
            return Text("requests that match", style=BUSY)
        if rollout.preview:
            return Text("preview only", style=BUSY)
    return bar(candidate.weight, BUSY)
