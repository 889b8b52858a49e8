"""Resolves a reference in MLflow's registry to a version, with the provenance that its run has."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from yarl import URL

from nereid.contract.fetch_errors import FetchError
from nereid.contract.fetch_request import Request
from nereid.contract.model_job import RegistryProvenance
from nereid.contract.source import RegisteredModel, RunArtifact
from nereid.models.registry.answer_lines import resolved_line
from nereid.models.registry.signature import signature_of
from nereid.models.sources.failures import InterruptionError
from nereid.models.sources.mlflow import MlflowFiles
from nereid.models.sources.mlflow_entities import DatasetInput, Run
from nereid.models.sources.tracking import TrackingServer

_COMMIT: Final = "mlflow.source.git.commit"
_REPOSITORY: Final = "mlflow.source.git.repoURL"
_CONTEXT: Final = "mlflow.data.context"
_DESCRIPTION: Final = "MLmodel"
_LONGEST_DESCRIPTION: Final = 1 << 20


def resolve_version(model: RegisteredModel, tracking: TrackingServer, request: Request) -> str:
    """Return the result line with the version that the reference leads to now, and its provenance."""
    version = tracking.version(model)
    fixed = replace(model, version=version.version, alias=None)
    provenance = _of_run(tracking, version.run_id) if version.run_id else RegistryProvenance()
    return resolved_line(str(fixed), _with_signature(provenance, MlflowFiles(fixed, tracking, request)))


def resolve_run(artifact: RunArtifact, tracking: TrackingServer, request: Request) -> str:
    """Return the result line with the provenance of a run's files; the URI of a run is fixed already."""
    provenance = provenance_of(tracking.run(artifact.run_id))
    return resolved_line(str(artifact), _with_signature(provenance, MlflowFiles(artifact, tracking, request)))


def provenance_of(run: Run) -> RegistryProvenance:
    """Return the code and data that a run has recorded."""
    dataset = _training_set(run.datasets)
    return RegistryProvenance(
        run=run.run_id,
        commit=run.tags.get(_COMMIT),
        repository=without_password(run.tags.get(_REPOSITORY, "")),
        dataset=dataset.name if dataset else None,
        dataset_version=dataset.digest if dataset else None,
    )


def without_password(repository: str) -> str | None:
    """Return a repository's URL without a token; pipelines clone with tokens in URLs, and MLflow records them."""
    if "://" not in repository:
        return repository or None
    try:
        url = URL(repository, encoded=True)
        return str(url.with_user(None)) if url.host and url.scheme != "ssh" else repository.rpartition("@")[2]
    except ValueError:
        return None


def _of_run(tracking: TrackingServer, run_id: str) -> RegistryProvenance:
    try:
        return provenance_of(tracking.run(run_id))
    except FetchError:
        # The run may be deleted, or belong to another team; the version can be served all the same.
        return RegistryProvenance(run=run_id)


def _training_set(datasets: Sequence[DatasetInput]) -> DatasetInput | None:
    """Return the data set with the context `training`, or else the first one."""
    of_training = (dataset for dataset in datasets if dataset.tags.get(_CONTEXT) == "training")
    return next(of_training, datasets[0] if datasets else None)


def _with_signature(provenance: RegistryProvenance, files: MlflowFiles) -> RegistryProvenance:
    return provenance.model_copy(update={"signature": _signature(files)})


def _signature(files: MlflowFiles) -> str | None:
    try:
        description = next((file for file in files.files() if file.path == PurePosixPath(_DESCRIPTION)), None)
        if description is None:
            return None
        content = bytearray()
        for chunk in files.read(description, 0):
            content += chunk
            if len(content) > _LONGEST_DESCRIPTION:
                return None
        return signature_of(content.decode(errors="replace"))
    except (FetchError, InterruptionError, ImportError):
        # The signature is only shown; a failure to read the files is reported when they are fetched.
        return None
