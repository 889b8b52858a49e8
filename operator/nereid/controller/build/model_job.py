"""The Jobs that speak to a model's source from the user's own namespace: what a URI leads to, which version serves."""

import hashlib
from typing import Any, Final

from nereid.api import names
from nereid.contract.model_job import CONTAINER_RESOLVE, CONTAINER_TAG, ENV_WORK, ModelJobWork
from nereid.controller.build import source_access
from nereid.controller.build.jobs import LONGEST_NAME, job
from nereid.controller.build.metadata import Manifest, mesh_labels
from nereid.controller.build.security import RESTRICTED_CONTAINER
from nereid.controller.decide.source.resolution import ModelJob
from nereid.controller.observed.model_jobs import ANSWER_SECONDS
from nereid.controller.plan.plan import Plan

# The operator gives up before, as long as there is a pod to tell why; a Job at its deadline deletes its pods.
DEADLINE_SECONDS: Final = ANSWER_SECONDS + 60
_CONTAINERS: Final = {"resolve": CONTAINER_RESOLVE, "tag": CONTAINER_TAG}
_HASH_LENGTH: Final = 10


def model_job(plan: Plan, asked: ModelJob) -> Manifest:
    """Return the Job that asks a model's source, or tells it something; one attempt, as the operator makes the next."""
    # An app of its own, so that no Service and no Deployment of the model takes its pod for one of theirs.
    labels = {names.LABEL_MODEL_JOB: asked.run, **mesh_labels(names.source_app(plan.owner.name), asked.task)}
    limits = {"backoffLimit": 0, "activeDeadlineSeconds": DEADLINE_SECONDS}
    pod = {
        "containers": [_container(plan, asked)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *source_access.volumes(plan.model)],
        **source_access.identity(plan.runtime),
    }
    return job(plan, job_name(plan.owner.name, asked), labels, limits, pod)


def job_name(model_deployment: str, asked: ModelJob) -> str:
    """Return the name of a Job: the ModelDeployment's, perhaps cut, the task, and a hash of both and of the run."""
    whole = f"{model_deployment} {asked.task} {asked.run}"
    suffix = f"{asked.task}-{hashlib.sha256(whole.encode()).hexdigest()[:_HASH_LENGTH]}"
    room = LONGEST_NAME - len(suffix) - 1
    return f"{model_deployment[:room].rstrip('-')}-{suffix}"


def _container(plan: Plan, asked: ModelJob) -> dict[str, Any]:
    work = ModelJobWork(source_access.request(plan.model, asked.uri, plan.settings), dict(asked.tags))
    return {
        "name": _CONTAINERS[asked.task],
        "image": plan.settings.fetch_image,
        "imagePullPolicy": plan.settings.image_pull_policy,
        "args": [asked.task],
        "env": [source_access.variable(ENV_WORK, work)],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        # It leaves its answer; should it end before it can, the end of its log says why.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount of its own, not a shared folder
            *source_access.mounts(plan.model),
        ],
    }
