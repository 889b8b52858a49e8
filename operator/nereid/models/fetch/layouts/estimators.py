"""Models of training libraries: scikit-learn, XGBoost and LightGBM, for Triton's FIL backend or its Python backend.

scikit-learn always uses the Python backend: its models are pickles, which are programs that rebuild the estimator, and
FIL cannot read pickles. FIL could read the few estimators that are forests from a Treelite checkpoint, but converting
them needs the library, and pipelines, strings and other estimators would not be supported.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from nereid.contract.fetch_job import ForestBackend
from nereid.models.fetch.layouts import forest, lightgbm, xgboost
from nereid.models.fetch.layouts.search import find, is_zipped_model
from nereid.models.fetch.layouts.staged_model import StagedModel

_BACKENDS: Final = Path(__file__).with_name("backends")
_PICKLE: Final = b"\x80"
_ZIP: Final = b"PK\x03\x04"
_PICKLE_ENDINGS: Final = frozenset({".pkl", ".pickle", ".joblib", ".skops"})
_XGBOOST_ENDINGS: Final = frozenset({".json", ".ubj", ".ubjson", ".xgb", ".model", ".bst", ".bin", ".deprecated"})
_LIGHTGBM_ENDINGS: Final = frozenset({".txt", ".lgb", ".lgbm", ".lightgbm", ".model", ".bst"})


def stage_sklearn(staged: StagedModel) -> dict[str, Any]:
    """Place a pickled estimator beside the program that serves it, and return the configuration of both."""
    path = find(
        staged,
        lambda path: path.suffix in _PICKLE_ENDINGS,
        "the files .pkl, .pickle, .joblib or .skops",
        # skops writes a zip file, of any name.
        is_whole=lambda path: is_zipped_model(path, "schema.json", _PICKLE_ENDINGS),
    )
    return _stage_estimator(path, staged)


def stage_xgboost(staged: StagedModel) -> dict[str, Any]:
    """Place a booster for FIL, or beside the program that serves it, and return its configuration."""
    path = find(
        staged,
        lambda path: path.suffix in _XGBOOST_ENDINGS and path.is_file() and xgboost.is_xgboost(path),
        "the models of XGBoost (.json, .ubj, .xgb, .model, .bst, .bin)",
    )
    return _stage_forest(path, staged, xgboost.read_xgboost)


def stage_lightgbm(staged: StagedModel) -> dict[str, Any]:
    """Place a booster for FIL, or beside the program that serves it, and return its configuration."""
    path = find(
        staged,
        lambda path: path.suffix in _LIGHTGBM_ENDINGS and path.is_file() and lightgbm.is_lightgbm(path),
        "LightGBM's text files (.txt, .lgb, .model, .bst)",
    )
    return _stage_forest(path, staged, lightgbm.read_lightgbm)


def _stage_forest(path: Path, staged: StagedModel, read: Callable[[Path], forest.Forest]) -> dict[str, Any]:
    if _start(path).startswith(_PICKLE):
        # MLflow pickles LightGBM's classifiers and regressors with scikit-learn's interface: they are estimators.
        return _stage_estimator(path, staged)
    try:
        model = read(path)
    except forest.ForestError as error:
        raise staged.invalid(str(error)) from error
    staged.put(path, staged.version / model.file_name)
    if _backend(staged) == ForestBackend.FIL and model.for_fil:
        return forest.fil_config(model, staged.request.config.get("parameters") or {})
    if staged.request.config.get("backend") == ForestBackend.FIL:
        raise staged.invalid(
            "is linear, or has linear trees or several targets, which the backend fil cannot serve: "
            "set spec.model.config.backend to python"
        )
    return _python_backend(staged, staged.request.format)


def _backend(staged: StagedModel) -> str:
    return str(staged.request.config.get("backend") or staged.request.forest_backend)


def _stage_estimator(path: Path, staged: StagedModel) -> dict[str, Any]:
    if _backend(staged) == ForestBackend.FIL and staged.request.config.get("backend"):
        raise staged.invalid("is a pickle, which the backend fil cannot read: remove spec.model.config.backend")
    staged.put(path, staged.version / ("model.skops" if _start(path).startswith(_ZIP) else "model.pkl"))
    staged.write(_BACKENDS / "numpy_bridge.py", staged.version / "numpy_bridge.py")
    return _python_backend(staged, "sklearn")


def _python_backend(staged: StagedModel, library: str) -> dict[str, Any]:
    staged.write(_BACKENDS / "model.py", staged.version / "model.py")
    staged.write(_BACKENDS / f"{library}.py", staged.version / "predictor.py")
    return {
        "backend": "python",
        "maxBatchSize": forest.MAX_BATCH_SIZE,
        # These libraries work on the CPU, and every instance is a process with the library in it.
        "instanceGroup": [{"kind": "KIND_CPU", "count": 1}],
        "dynamicBatching": {},
    }


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)
