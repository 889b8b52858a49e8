"""Which revisions each ModelDeployment has, how many pods they should have and do have, and their maximum."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from nereid.api.scaling import ScalingSpec
from nereid.api.status import ModelDeploymentStatus, RevisionStatus
from nereid.controller.shell.telemetry.samples import Family, Sample

_INFO: Final = "nereid_revision_info"
_REPLICAS: Final = "nereid_revision_replicas"
_READY: Final = "nereid_revision_ready_replicas"
_SLEEPING: Final = "nereid_model_deployment_sleeping"
_MAX_REPLICAS: Final = "nereid_model_deployment_max_replicas"
_WITHOUT_PODS: Final = ("Asleep", "Waking")

FAMILIES: Final[Mapping[str, Family]] = {
    _INFO: Family(
        "1; the role and the version label of a revision, whose Service and Deployment are called NAME-REVISION.",
        ("revision", "version", "role"),
    ),
    _REPLICAS: Family("Pods that a revision should have.", ("revision", "role")),
    _READY: Family("Pods of a revision that are ready.", ("revision", "role")),
    _SLEEPING: Family("Whether the model sleeps, or wakes and has no pod yet: 0 or 1. Only of those that may."),
    _MAX_REPLICAS: Family("The most pods that each revision may have. Only where a scaler may choose their number."),
}


def samples(status: ModelDeploymentStatus) -> Iterator[Sample]:
    """Yield the revisions of a status, and whether the model sleeps."""
    for role, revision in (("stable", status.stable), ("candidate", status.candidate)):
        if revision:
            yield from _live(role, revision)
    versions = {served.revision: served.version for served in status.history}
    for retiring in status.rollout.retiring if status.rollout else ():
        # The version of a candidate that was rolled back is not stored.
        yield Sample(_INFO, (retiring.revision, versions.get(retiring.revision, ""), "retiring"), 1)
        yield Sample(_REPLICAS, (retiring.revision, "retiring"), retiring.replicas)
    if status.scaling:
        yield Sample(_SLEEPING, (), float(status.scaling.state in _WITHOUT_PODS))


def scaling_samples(spec: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield the maximum of pods in a spec, if its revisions are scaled. Raises ValidationError."""
    scaling = ScalingSpec.model_validate(spec.get("scaling") or {})
    if scaling.max_replicas is not None and scaling.max_replicas > (scaling.min_replicas or 1):
        yield Sample(_MAX_REPLICAS, (), scaling.max_replicas)


def _live(role: str, revision: RevisionStatus) -> Iterator[Sample]:
    yield Sample(_INFO, (revision.revision, revision.version, role), 1)
    yield Sample(_REPLICAS, (revision.revision, role), revision.replicas)
    yield Sample(_READY, (revision.revision, role), revision.ready_replicas)
