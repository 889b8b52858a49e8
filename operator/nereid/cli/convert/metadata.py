"""`metadata` of an InferenceService: what is the user's own, without what KServe and the API server have put there."""

from typing import Any, Final

from nereid.cli.convert.annotations import own
from nereid.cli.convert.part import Part

_SERVER: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
# Whether there is an address outside the cluster: a ModelDeployment has one if it names hosts.
_VISIBILITY: Final = "networking.kserve.io/visibility"


def metadata_fields(metadata: Part) -> dict[str, Any]:
    """Return `metadata` of the ModelDeployment; KServe's own labels and annotations are left out.

    Call it when everything else has read the annotations: what is the user's is taken from what remains.
    """
    for field in _SERVER:
        metadata.take(field)
    labels, place = metadata.open_part("labels"), metadata.open_part("annotations")
    place.take(_LAST_APPLIED)
    labels.take(_VISIBILITY)
    fields = {
        "name": metadata.take("name"),
        "namespace": metadata.take("namespace"),
        "labels": own(labels),
        "annotations": own(place),
    }
    return {key: value for key, value in fields.items() if value}
