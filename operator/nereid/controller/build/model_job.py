"""The Jobs that contact a model's source from the user's own namespace: to resolve a URI, or to tag the registry."""

import hashlib
from typing import Any, Final

from nereid.api import names
from nereid.contract.model_job import CONTAINER_RESOLVE, CONTAINER_TAG, ENV_WORK, ModelJobWork
from nereid.controller.build import source_access
from nereid.controller.build.jobs import LONGEST_NAME, job
from nereid.controller.build.metadata import Manifest, mesh_labels
from nereid.controller.decide.source.resolution import ModelJob
from nereid.controller.observed.model_jobs import ANSWER_SECONDS
from nereid.controller.plan.plan import SourceSpec
from nereid.controller.plan.pod_security import RESTRICTED_CONTAINER

# The operator gives up earlier, while the pod still shows the cause; a Job deletes its pods at its deadline.
DEADLINE_SECONDS: Final = ANSWER_SECONDS + 60
_CONTAINERS: Final = {"resolve": CONTAINER_RESOLVE, "tag": CONTAINER_TAG}
_HASH_LENGTH: Final = 10
# The container writes nothing there, but a library might.
_TMP_SIZE: Final = "1Gi"


def model_job(source: SourceSpec, job_spec: ModelJob) -> Manifest:
    """Return the Job that resolves a URI or tags a registry: a single attempt, as the operator makes the next one."""
    # An app label of its own, so that no Service or Deployment of the model selects its pod.
    labels = {names.LABEL_MODEL_JOB: job_spec.run, **mesh_labels(names.source_app(source.owner.name), job_spec.task)}
    limits = {"backoffLimit": 0, "activeDeadlineSeconds": DEADLINE_SECONDS}
    pod = {
        "containers": [_container(source, job_spec)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": _TMP_SIZE}}, *source_access.volumes(source.model)],
        **source_access.identity(source.runtime),
    }
    return job(source, job_name(source.owner.name, job_spec), labels, limits, pod)


def job_name(model_deployment: str, job_spec: ModelJob) -> str:
    """Return the name of a Job: the ModelDeployment's, perhaps cut, the task, and a hash of both and of the run."""
    whole = f"{model_deployment} {job_spec.task} {job_spec.run}"
    suffix = f"{job_spec.task}-{hashlib.sha256(whole.encode()).hexdigest()[:_HASH_LENGTH]}"
    room = LONGEST_NAME - len(suffix) - 1
    return f"{model_deployment[:room].rstrip('-')}-{suffix}"


def _container(source: SourceSpec, job_spec: ModelJob) -> dict[str, Any]:
    work = ModelJobWork(source_access.request(source.model, job_spec.uri, source.settings), dict(job_spec.tags))
    return {
        "name": _CONTAINERS[job_spec.task],
        "image": source.settings.models_image,
        "imagePullPolicy": source.settings.image_pull_policy,
        "args": [job_spec.task],
        "env": [source_access.variable(ENV_WORK, work)],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        # It writes its answer as the termination message; if it ends before, the end of its log shows the cause.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount of its own, not a shared folder
            *source_access.mounts(source.model),
        ],
    }
