"""The Job that checks a candidate before it gets more traffic, from inside the mesh and the user's own namespace."""

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Final

from nereid.api import names
from nereid.api.checks import CheckSpec, DatasetSpec
from nereid.contract.check_job import (
    CLAIMS,
    CONFIG_MAPS,
    CONTAINER_CHECK,
    CONTAINER_DATASETS,
    DOWNLOADS,
    ENV_DATASETS,
    ENV_WORK,
    MAX_DOWNLOAD_BYTES,
    SECRETS,
    CheckWork,
    Dataset,
    DatasetsWork,
    folder_of,
)
from nereid.contract.fetch_request import Request
from nereid.contract.source import claim_of
from nereid.controller.build import source_access
from nereid.controller.build.jobs import LONGEST_NAME, job
from nereid.controller.build.metadata import Manifest, mesh_labels
from nereid.controller.build.revision import revision_host
from nereid.controller.decide.orders import CheckRun
from nereid.controller.plan.plan import Plan
from nereid.controller.plan.pod_security import RESTRICTED_CONTAINER

BACKOFF_LIMIT: Final = 2
# The operator gives up at the timeout, while the pod still shows the cause; a Job deletes its pods at its deadline.
DEADLINE_MARGIN_SECONDS: Final = 60
_HASH_LENGTH: Final = 5
# The largest data set, and as much again where it is unpacked; in the API server's notation.
_SCRATCH_SIZE: Final = f"{2 * MAX_DOWNLOAD_BYTES >> 30}Gi"


def checks_job(plan: Plan, run: CheckRun, version: str) -> Manifest:
    """Return the Job of a run of checks; `version` is the version label of the revision that is checked."""
    # An app label of its own, so that no Service or Deployment of the model selects its pod.
    app = names.checks_app(plan.owner.name)
    labels = {names.LABEL_CHECKS: run.id, **mesh_labels(app, version)}
    limits = {"backoffLimit": BACKOFF_LIMIT, "activeDeadlineSeconds": run.timeout + DEADLINE_MARGIN_SECONDS}
    datasets = _remote_datasets(plan, run.checks)
    pod = {
        **({"initContainers": [_fetch_container(plan, run, datasets)]} if datasets else {}),
        "containers": [_container(plan, run)],
        "volumes": [volume for volume, _ in (*_volumes(run.checks), *_secrets(run.checks))],
        # The data sets' servers may identify the reader by its service account, as the model's may.
        **(source_access.identity(plan.source.runtime) if datasets else {"automountServiceAccountToken": False}),
    }
    return job(plan.source, job_name(plan.owner.name, run), labels, limits, pod)


def job_name(model_deployment: str, run: CheckRun) -> str:
    """Return the name of a run's Job; a long name of a ModelDeployment is cut, and made unique by a hash."""
    suffix = f"checks-{run.id}"
    room = LONGEST_NAME - len(suffix) - 1
    if len(model_deployment) > room:
        digest = hashlib.sha256(model_deployment.encode()).hexdigest()[:_HASH_LENGTH]
        model_deployment = f"{model_deployment[: room - _HASH_LENGTH - 1].rstrip('-')}-{digest}"
    return f"{model_deployment}-{suffix}"


def work_of(plan: Plan, run: CheckRun) -> CheckWork:
    """Return the work of a run's Job."""
    compares = run.smoke or any(check.comparison for check in run.checks)
    has_stable = run.stable not in {"", run.revision}
    return CheckWork(
        candidate=_host(plan, run.revision),
        stable=_host(plan, run.stable) if compares and has_stable else None,
        model=plan.model_name,
        request_timeout=plan.timeout,
        checks=list(run.checks),
        smoke=run.smoke,
    )


def _host(plan: Plan, revision: str) -> str:
    return f"{revision_host(plan.owner, revision, plan.settings.cluster_domain)}:{names.PORT_HTTP}"


def _container(plan: Plan, run: CheckRun) -> dict[str, Any]:
    work = source_access.literal(work_of(plan, run).as_json())
    return {
        "name": CONTAINER_CHECK,
        "image": _image(plan),
        "imagePullPolicy": plan.settings.image_pull_policy,
        "args": ["check"],
        "env": [{"name": ENV_WORK, "value": work}],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [mount for _, mount in _volumes(run.checks)],
    }


def _image(plan: Plan) -> str:
    """Return the image of both containers, which has the clients of sources and the libraries of the checks."""
    return plan.settings.models_image


def _remote_datasets(plan: Plan, checks: Iterable[CheckSpec]) -> tuple[Dataset, ...]:
    """Return the data sets to fetch before the checks run: each one behind a network, once."""
    by_folder: dict[PurePosixPath, Dataset] = {}
    for check in checks:
        dataset = check.dataset
        if dataset and dataset.uri and not claim_of(dataset.uri):
            folder = folder_of(dataset)
            by_folder.setdefault(folder, Dataset(_request(dataset, dataset.uri, plan), Path(folder), check.name))
    return tuple(by_folder.values())


def _request(dataset: DatasetSpec, uri: str, plan: Plan) -> Request:
    bundle = dataset.ca_bundle
    return Request(
        uri,
        path=PurePosixPath(dataset.path) if dataset.path else None,
        endpoint=source_access.endpoint(uri, dataset.endpoint, plan.settings),
        credentials=Path(SECRETS / dataset.credentials.secret_name) if dataset.credentials else None,
        ca_bundle=Path(CONFIG_MAPS / bundle.name / bundle.key) if bundle else None,
    )


def _fetch_container(plan: Plan, run: CheckRun, datasets: tuple[Dataset, ...]) -> dict[str, Any]:
    return {
        "name": CONTAINER_DATASETS,
        "image": _image(plan),
        "imagePullPolicy": plan.settings.image_pull_policy,
        "args": ["fetch-datasets"],
        "env": [source_access.variable(ENV_DATASETS, DatasetsWork(datasets))],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            *(mount for _, mount in _volumes(run.checks) if mount["mountPath"] in _needed_to_fetch(datasets)),
            *(mount for _, mount in _secrets(run.checks)),
        ],
    }


def _needed_to_fetch(datasets: Iterable[Dataset]) -> set[str]:
    """Return where the fetching container mounts volumes, beside the Secrets: it reads no claims and no rows."""
    bundles = (dataset.request.ca_bundle for dataset in datasets)
    return {str(DOWNLOADS), *(str(bundle.parent) for bundle in bundles if bundle)}


def _secrets(checks: Iterable[CheckSpec]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the volumes with credentials of data sets and their mounts, which only the fetching container has."""
    references = (check.dataset.credentials for check in checks if check.dataset)
    return [
        # Optional, so that the container can report what is missing; the kubelet would wait silently.
        _mounted(f"secret-{number}", {"secret": {"secretName": name, "optional": True}}, f"{SECRETS}/{name}")
        for number, name in enumerate(sorted({reference.secret_name for reference in references if reference}))
    ]


def _volumes(checks: Iterable[CheckSpec]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the volumes with their mounts: downloads, and every claim and ConfigMap that a data set is in, once."""
    datasets = [check.dataset for check in checks if check.dataset]
    claims = sorted({claim for dataset in datasets if (claim := claim_of(dataset.uri or ""))})
    config_maps = sorted(
        {reference.name for dataset in datasets for reference in (dataset.config_map, dataset.ca_bundle) if reference}
    )
    scratch = {"name": "tmp", "emptyDir": {"sizeLimit": _SCRATCH_SIZE}}
    volumes = [(scratch, {"name": "tmp", "mountPath": str(DOWNLOADS)})]
    for number, claim in enumerate(claims):
        source = {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        volumes.append(_mounted(f"claim-{number}", source, f"{CLAIMS}/{claim}"))
    for number, name in enumerate(config_maps):
        # Optional, so that the container can report that it is missing; the kubelet would wait silently.
        source = {"configMap": {"name": name, "optional": True}}
        volumes.append(_mounted(f"config-map-{number}", source, f"{CONFIG_MAPS}/{name}"))
    return volumes


def _mounted(name: str, source: dict[str, Any], path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"name": name, **source}, {"name": name, "mountPath": path, "readOnly": True}
