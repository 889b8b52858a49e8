"""The records of the live revisions: the stored one, else the recovered one, else a new one. Pure."""

from collections.abc import Mapping, Sequence

from nereid.controller.build.revision import new_record
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.observed.facts import Observed, RevisionRecord
from nereid.controller.plan.plan import Plan, Specified


def records(
    plan: Plan, live: Sequence[LiveRevision], observed: Observed, looked_up: Mapping[str, RevisionRecord | None]
) -> dict[str, RevisionRecord]:
    """Return the record of each live revision that has one; only that of the plan's own revision can be created.

    `looked_up` are missing records that were looked up; None if nothing is left of one.
    """
    by_revision = {
        served.revision: observed.of(served.revision).record or looked_up.get(served.revision) for served in live
    }
    if isinstance(plan, Specified) and plan.revision in by_revision and by_revision[plan.revision] is None:
        by_revision[plan.revision] = new_record(plan)
    return {revision: record for revision, record in by_revision.items() if record is not None}
