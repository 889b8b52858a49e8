"""What MLflow's registry knows of a model: the version behind an alias, and the run that made it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from yarl import URL

from nereid.contract.fetch_errors import FetchError
from nereid.contract.fetch_request import Request
from nereid.contract.model_job import RegistryProvenance
from nereid.contract.source import RegisteredModel, RunArtifact
from nereid.models.registry.answer_lines import found_line
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
    """Return the line that tells which version the source names now, and what it was made from."""
    version = tracking.version(model)
    fixed = replace(model, version=version.version, alias=None)
    made = _of_run(tracking, version.run_id) if version.run_id else RegistryProvenance()
    return found_line(str(fixed), _signed(made, MlflowFiles(fixed, tracking, request)))


def resolve_run(artifact: RunArtifact, tracking: TrackingServer, request: Request) -> str:
    """Return the line that tells what a run's files were made from; a run never moves."""
    made = provenance_of(tracking.run(artifact.run_id))
    return found_line(str(artifact), _signed(made, MlflowFiles(artifact, tracking, request)))


def provenance_of(run: Run) -> RegistryProvenance:
    """Return what a run tells of code and data."""
    dataset = _training_set(run.datasets)
    return RegistryProvenance(
        run=run.run_id,
        commit=run.tags.get(_COMMIT),
        repository=without_password(run.tags.get(_REPOSITORY, "")),
        dataset=dataset.name if dataset else None,
        dataset_version=dataset.digest if dataset else None,
    )


def without_password(repository: str) -> str | None:
    """Return a repository's URL without the token that a clone in a pipeline may have left in it."""
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
        # A run may be deleted, or be another team's; the version can be served all the same.
        return RegistryProvenance(run=run_id)


def _training_set(datasets: Sequence[DatasetInput]) -> DatasetInput | None:
    """Return the data set of training; the first one where none is called that."""
    of_training = (dataset for dataset in datasets if dataset.tags.get(_CONTEXT) == "training")
    return next(of_training, datasets[0] if datasets else None)


def _signed(made: RegistryProvenance, files: MlflowFiles) -> RegistryProvenance:
    return made.model_copy(update={"signature": _signature(files)})


def _signature(files: MlflowFiles) -> str | None:
    try:
        description = next((file for file in files.files() if file.path == PurePosixPath(_DESCRIPTION)), None)
        if description is None:
            return None
        content = b""
        for chunk in files.read(description, 0):
            content += chunk
            if len(content) > _LONGEST_DESCRIPTION:
                return None
        return signature_of(content.decode(errors="replace"))
    except (FetchError, InterruptionError, ImportError):
        # It only informs; why the files cannot be had is told when they are fetched.
        return None
