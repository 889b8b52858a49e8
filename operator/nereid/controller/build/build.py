"""The manifests of everything that should exist, from a plan and a decision. Building cannot fail. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from nereid.controller.build.manifests import Waves, manifests
from nereid.controller.build.metadata import Manifest
from nereid.controller.build.model_job import model_job
from nereid.controller.build.provenance import with_labels
from nereid.controller.build.records import records
from nereid.controller.build.routing import url
from nereid.controller.decide.decide import Orders
from nereid.controller.observed.facts import RevisionRecord
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.hosts import has_tls
from nereid.controller.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Built:
    """What should exist.

    records: those of the live revisions. waves: the children, in the order in which they are applied. jobs: the Jobs
    that contact the model's source. url: where clients send requests.
    """

    records: Mapping[str, RevisionRecord]
    waves: Waves
    jobs: tuple[Manifest, ...]
    url: str


def build(plan: Plan, orders: Orders, situation: Situation) -> Built:
    """Return what should exist, for orders without open look-ups."""
    live = orders.decision.live
    records_of_live = records(plan, live, situation.observed, situation.looked_up.records)
    labelled = with_labels(records_of_live, plan, orders.resolution)
    return Built(
        records=labelled,
        waves=manifests(plan, live, labelled, orders.decision.check_run),
        jobs=tuple(model_job(plan.source, job) for job in orders.source_jobs),
        url=url(plan, tls=has_tls(plan, situation.gateways)),
    )
