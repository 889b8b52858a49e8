"""All children of a ModelDeployment, in the order in which they are to be applied."""

from collections.abc import Mapping, Sequence

from nereid.controller.build.checks_job import checks_job
from nereid.controller.build.disruption import disruption_budget
from nereid.controller.build.metadata import Manifest
from nereid.controller.build.provenance import labelled
from nereid.controller.build.revision import controller_revision, deployment, destination_rule, service
from nereid.controller.build.routing import root_service, virtual_services
from nereid.controller.build.scaler import scaler
from nereid.controller.decide.orders import CheckRun, LiveRevision
from nereid.controller.observed.facts import RevisionRecord
from nereid.controller.plan.plan import Plan

Waves = tuple[tuple[Manifest, ...], ...]


def manifests(
    plan: Plan,
    live: Sequence[LiveRevision],
    records: Mapping[str, RevisionRecord],
    check_run: CheckRun | None = None,
) -> Waves:
    """Return the manifests of everything that should exist, in waves.

    A wave is applied before the next one begins; within a wave the order does not matter. Records come first, so that
    no pod exists without a record of its revision; then what routes point at; then the routes; last the root Service,
    which follows them (except at first, when `converge` makes it before them), the scalers, which refer to their
    Deployments, and the check Job, if there is a check run.
    `live` begins with the primary revision, and its weights sum to 100; or to 0, before the first revision has passed
    its checks: then there are no routes and no root Service, which would lead clients without a proxy to it. A live
    revision without a record is left as it is.
    """
    recorded = [(revision, records[revision.revision]) for revision in live if revision.revision in records]
    owner, min_ready = plan.owner, plan.settings.min_ready_seconds
    is_open = any(revision.weight for revision in live)
    return (
        tuple(labelled(controller_revision(owner, record), record.provenance_labels) for _, record in recorded),
        tuple(
            labelled(manifest, record.provenance_labels)
            for revision, record in recorded
            for manifest in (
                deployment(owner, record, revision, min_ready),
                service(owner, record),
                destination_rule(owner, record, plan.settings.cluster_domain),
                disruption_budget(owner, record, revision, plan.disruption_budget),
            )
        ),
        virtual_services(plan, live) if is_open else (),
        (
            *((root_service(plan, live[0]),) if is_open else ()),
            *(manifest for revision, record in recorded for manifest in scaler(plan, record, revision)),
            *((checks_job(plan, check_run, _version(check_run, records)),) if check_run else ()),
        ),
    )


def _version(run: CheckRun, records: Mapping[str, RevisionRecord]) -> str:
    return records[run.revision].version if run.revision in records else run.revision
