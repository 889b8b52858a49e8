"""What all Jobs have in common that Nereid runs in a user's namespace: they are in the mesh, and may do very little."""

from collections.abc import Mapping
from typing import Any, Final

from nereid.controller.build.metadata import Manifest, child, common_labels
from nereid.controller.build.pull_secrets import pull_secrets
from nereid.controller.build.security import RESTRICTED_POD
from nereid.controller.plan.plan import SourceSpec

# They let a Job run where the model's own pods may. Node selector and affinity are not among them: it needs no GPU, and
# is not to take a place on a node that has one.
_SHARED_WITH_MODEL: Final = ("tolerations", "priorityClassName")
# A label holds 63 characters, and so does a pod's name, which has a dash and five characters more than its Job's.
LONGEST_NAME: Final = 57


def job(
    source: SourceSpec, name: str, labels: Mapping[str, str], limits: Mapping[str, int], pod: Mapping[str, Any]
) -> Manifest:
    """Return a Job.

    source: that of the spec that it is made for. labels: those of the Job and of its pods. limits: its backoffLimit and
    activeDeadlineSeconds. pod: its pods' spec, as far as it differs from that of others; its first container is the one
    that does the work.
    """
    runtime = source.runtime.pod_fields()
    spec = {
        **limits,
        "template": {
            "metadata": {
                "labels": {**common_labels(source.owner), **labels, "sidecar.istio.io/inject": "true"},
                # A sidecar that is an ordinary container would keep the Job from ever being complete.
                "annotations": {
                    "kubectl.kubernetes.io/default-container": pod["containers"][0]["name"],
                    "sidecar.istio.io/nativeSidecar": "true",
                },
            },
            "spec": {
                **pod,
                "securityContext": RESTRICTED_POD,
                "restartPolicy": "Never",
                "enableServiceLinks": False,
                **pull_secrets(source.runtime),
                **{key: runtime[key] for key in _SHARED_WITH_MODEL if key in runtime},
            },
        },
    }
    return child("batch/v1", "Job", name, source.owner, labels, {"spec": spec})
