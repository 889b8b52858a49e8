"""What all of Nereid's Jobs in a user's namespace have in common: they are in the mesh, with minimal permissions."""

from collections.abc import Mapping
from typing import Any, Final

from nereid.controller.build.cloud_identity import only_for_fetching
from nereid.controller.build.metadata import Manifest, child, common_labels
from nereid.controller.build.pull_secrets import pull_secrets
from nereid.controller.plan.plan import SourceSpec
from nereid.controller.plan.pod_security import RESTRICTED_POD

# They let a Job run where the model's own pods may. Node selector and affinity are left out: a Job needs no GPU, and
# must not take a place on a node that has one.
_SHARED_WITH_MODEL: Final = ("tolerations", "priorityClassName")
# A label holds 63 characters, and so does a pod's name, which has a dash and five characters more than its Job's.
LONGEST_NAME: Final = 57


def job(
    source: SourceSpec, name: str, labels: Mapping[str, str], limits: Mapping[str, int], pod: Mapping[str, Any]
) -> Manifest:
    """Return a Job.

    source: that of the spec. labels: those of the Job and of its pods. limits: its backoffLimit and
    activeDeadlineSeconds. pod: the part of its pod spec that differs from other Jobs'; the first container does the
    work.
    """
    runtime = source.runtime.pod_fields()
    spec = {
        **limits,
        "template": only_for_fetching(
            {
                "metadata": {
                    "labels": {**common_labels(source.owner), **labels, "sidecar.istio.io/inject": "true"},
                    # A sidecar that is an ordinary container would keep the Job from ever completing.
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
            }
        ),
    }
    return child("batch/v1", "Job", name, source.owner, labels, {"spec": spec})
