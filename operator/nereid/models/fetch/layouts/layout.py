"""Puts one model of any format into Triton's repository, and merges the user's configuration over the model's own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_job import FetchWork
from nereid.contract.triton_config import merged, parsed, problem
from nereid.models.fetch.layouts import estimators, networks
from nereid.models.fetch.layouts.staged_model import StagedModel
from nereid.models.fetch.staging import Staging
from nereid.models.sources.repository import has_version, require_model

_LAYOUTS: Final[Mapping[Format, Callable[[StagedModel], dict[str, Any]]]] = {
    Format.ONNX: networks.stage_onnx,
    Format.TENSORRT: networks.stage_tensorrt,
    Format.TORCHSCRIPT: networks.stage_torchscript,
    Format.SAVEDMODEL: networks.stage_savedmodel,
    Format.PYTHON: networks.stage_python,
    Format.SKLEARN: estimators.stage_sklearn,
    Format.XGBOOST: estimators.stage_xgboost,
    Format.LIGHTGBM: estimators.stage_lightgbm,
}
# Triton reads everything from the files of these formats, so that they need no configuration.
_SELF_DESCRIBING: Final = frozenset({Format.ONNX, Format.TENSORRT, Format.SAVEDMODEL})


def stage(artifact: Path, request: FetchWork, staging: Staging) -> None:
    """Put a model's file or folder into the staging's tree in the layout of its format, with its configuration.

    Files below the staging are moved, others are linked. Raise FetchError if the artifact is not a valid model of the
    format.
    """
    staged = StagedModel(artifact, request, staging)
    if message := problem(request.config, request.format):
        raise FetchError(Reason.MODEL_INVALID, message)
    if request.format is Format.TRITON:
        _stage_repository(staged)
        return
    generated = _LAYOUTS[request.format](staged)
    has_own = (staged.model / networks.CONFIG).exists()
    if not has_own and (request.config or request.format not in _SELF_DESCRIBING):
        _write_config(staged.model, merged("", generated))
    configure(staged.model, request)


def configure(model_directory: Path, request: FetchWork) -> None:
    """Merge the request's configuration over the model's config.pbtxt; files on a volume are never changed.

    Raise FetchError if the model's own configuration cannot be read. May be called again.
    """
    if not request.config:
        return
    try:
        text = merged(_own_config(model_directory, request), request.config)
    except ValueError as error:
        raise _unusable(request, str(error)) from error
    _make_writable(model_directory)
    _write_config(model_directory, text)


def _stage_repository(staged: StagedModel) -> None:
    request = staged.request
    models = require_model(staged.unpacked(), request.model_name, staged.shown)
    staged.put_all({model: staged.staging.tree / model.name for model in models})
    configure(staged.staging.tree / request.model_name, request)
    for model in staged.staging.tree.iterdir():
        if not has_version(model) and _is_ensemble(model):
            # Triton needs a version folder, though an ensemble's is empty, and git and object stores keep no empty one.
            _make_writable(model)
            (model / "1").mkdir()


def _is_ensemble(model_directory: Path) -> bool:
    try:
        config = parsed((model_directory / networks.CONFIG).read_text())
    except (OSError, ValueError):
        # Triton reports what is wrong with it; another model's file may not even be readable.
        return False
    return bool(config.platform == "ensemble" or config.HasField("ensemble_scheduling"))


def _own_config(model_directory: Path, request: FetchWork) -> str:
    file = model_directory / networks.CONFIG
    try:
        return file.read_text() if file.exists() else ""
    except UnicodeDecodeError as error:
        raise _unusable(request, f"its {networks.CONFIG} is not a text file") from error


def _write_config(model_directory: Path, text: str) -> None:
    file = model_directory / networks.CONFIG
    # It may be a link to a volume, whose file must not be changed.
    file.unlink(missing_ok=True)
    file.write_text(text)


def _make_writable(model_directory: Path) -> None:
    """Replace a link to a model's directory by a directory of links to what it holds."""
    if not model_directory.is_symlink():
        return
    linked = model_directory.resolve()
    model_directory.unlink()
    model_directory.mkdir()
    for entry in linked.iterdir():
        (model_directory / entry.name).symlink_to(entry)


def _unusable(request: FetchWork, problem: str) -> FetchError:
    return FetchError(
        Reason.MODEL_INVALID,
        f"spec.model.config cannot be merged with the configuration of the model {request.model_name}: {problem}",
    )
