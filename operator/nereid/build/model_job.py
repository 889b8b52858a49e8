"""The Jobs that speak to a model's source from the user's own namespace: what a URI leads to, which version serves."""

import hashlib
from typing import Any, Final

from nereid import names
from nereid.api.model_job import CONTAINER_RESOLVE, CONTAINER_TAG
from nereid.build import source_access
from nereid.build.metadata import Manifest, child, common_labels, mesh_labels
from nereid.build.security import RESTRICTED_CONTAINER, RESTRICTED_POD
from nereid.observed.model_jobs import ANSWER_SECONDS
from nereid.plan import Plan
from nereid.resolution import ModelJob

# The operator gives up before, as long as there is a pod to tell why; a Job at its deadline deletes its pods.
DEADLINE_SECONDS: Final = ANSWER_SECONDS + 60
_CONTAINERS: Final = {"resolve": CONTAINER_RESOLVE, "tag": CONTAINER_TAG}
# A label holds 63 characters, and so does a pod's name, which has a dash and five characters more than its Job's.
_LONGEST_JOB_NAME: Final = 57
_HASH_LENGTH: Final = 10


def model_job(plan: Plan, job: ModelJob) -> Manifest:
    """Return the Job that asks a model's source, or tells it something; one attempt, as the operator makes the next."""
    # An app of its own, so that no Service and no Deployment of the model takes its pod for one of theirs.
    labels = {names.LABEL_MODEL_JOB: job.run, **mesh_labels(names.source_app(plan.owner.name), job.task)}
    container = _CONTAINERS[job.task]
    spec = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": DEADLINE_SECONDS,
        "template": {
            "metadata": {
                "labels": {**common_labels(plan.owner), **labels, "sidecar.istio.io/inject": "true"},
                # A sidecar that is an ordinary container would keep the Job from ever being complete.
                "annotations": {
                    "kubectl.kubernetes.io/default-container": container,
                    "sidecar.istio.io/nativeSidecar": "true",
                },
            },
            "spec": _pod_spec(plan, job),
        },
    }
    return child("batch/v1", "Job", job_name(plan.owner.name, job), plan.owner, labels, {"spec": spec})


def job_name(model_deployment: str, job: ModelJob) -> str:
    """Return the name of a Job: the ModelDeployment's, perhaps cut, the task, and a hash of both and of the run."""
    whole = f"{model_deployment} {job.task} {job.run}"
    suffix = f"{job.task}-{hashlib.sha256(whole.encode()).hexdigest()[:_HASH_LENGTH]}"
    room = _LONGEST_JOB_NAME - len(suffix) - 1
    return f"{model_deployment[:room].rstrip('-')}-{suffix}"


def _pod_spec(plan: Plan, job: ModelJob) -> dict[str, Any]:
    runtime = plan.runtime.pod_fields()
    spec = {
        "containers": [_container(plan, job)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *source_access.volumes(plan.model)],
        "securityContext": RESTRICTED_POD,
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        **{key: runtime[key] for key in ("imagePullSecrets",) if key in runtime},
    }
    if "serviceAccountName" in runtime:
        return {**spec, "serviceAccountName": runtime["serviceAccountName"]}
    return {**spec, "automountServiceAccountToken": False}


def _container(plan: Plan, job: ModelJob) -> dict[str, Any]:
    arguments = [
        job.task,
        f"--uri={job.uri}",
        *source_access.arguments(plan.model, plan.settings),
        *(f"--tag={key}={value}" for key, value in job.tags),
    ]
    return {
        "name": _CONTAINERS[job.task],
        "image": plan.settings.fetch_image,
        "imagePullPolicy": plan.settings.image_pull_policy,
        "args": source_access.literal(arguments),
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        # It leaves its answer; should it end before it can, the end of its log says why.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount of its own, not a shared folder
            *source_access.mounts(plan.model),
        ],
    }
