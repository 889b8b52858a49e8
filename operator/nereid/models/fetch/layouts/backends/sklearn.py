"""scikit-learn's estimators, and objects with the same interface, from a pickle (joblib's too) or a skops file.

Classifiers answer `label` and, if they have them, `probabilities` in the order of their classes; others answer
`prediction`.
"""

import importlib
import sys
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import sklearn
from numpy_bridge import know_numpy_2
from sklearn.exceptions import InconsistentVersionWarning


class Predictor:
    """One estimator."""

    input_type = "TYPE_FP64"

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        # An estimator that takes text, or does not check its input's width, has no such attribute.
        self.features = int(getattr(estimator, "n_features_in_", -1))
        self.outputs = outputs_of(estimator)

    def predict(self, rows: np.ndarray, output_names: Collection[str]) -> dict[str, np.ndarray]:
        """Return the named outputs for rows of features."""
        samples = rows[:, 0] if rows.dtype == object and self.features < 0 else rows
        methods = {"probabilities": "predict_proba", "label": "predict", "prediction": "predict"}
        return {
            name: np.asarray(getattr(self.estimator, methods[name])(samples))
            for name in self.outputs
            if name in output_names
        }


def outputs_of(estimator: Any) -> tuple[str, ...]:
    """Return the names of an estimator's outputs."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return ("prediction",)
    # Several targets have several lists of classes, whose probabilities do not form one table.
    has_table = hasattr(estimator, "predict_proba") and np.ndim(classes[0]) == 0
    return ("label", "probabilities") if has_table else ("label",)


def load(folder: Path, parameters: dict[str, str]) -> Predictor:
    """Load the estimator of a folder; parameters: skops_trusted, a comma-separated list of types that skops trusts."""
    file = next(folder.glob("model.skops"), folder / "model.pkl")
    trusted = [name.strip() for name in parameters.get("skops_trusted", "").split(",") if name.strip()]
    estimator = load_skops(file, trusted) if file.suffix == ".skops" else load_pickle(file)
    if not hasattr(estimator, "predict"):
        raise TypeError(f"it is a {type(estimator).__name__} without predict: save the estimator, or pipeline, itself")
    return Predictor(estimator)


def load_skops(file: Path, trusted: list[str]) -> Any:
    """Load a skops file, which creates only objects of trusted types."""
    # Imported here, as an image may not have skops, and other files do not need it.
    skops_io = importlib.import_module("skops.io")
    return skops_io.load(file, trusted=trusted)


def load_pickle(file: Path) -> Any:
    """Load a pickle; if that fails, the error has the versions in this image and the one that wrote the pickle."""
    know_numpy_2()
    with warnings.catch_warnings(record=True) as caught_warnings:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            return joblib.load(file)
        except ModuleNotFoundError:
            raise
        except Exception as error:
            cause = f"it is not a pickle, or cannot be read here ({error!r})"
            raise ValueError(
                f"{cause}; {versions(caught_warnings)}: use an image with the versions of training"
            ) from error


def versions(caught_warnings: list[warnings.WarningMessage]) -> str:
    """Describe the versions in this image, and the one with which the pickle was written."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    here = f"this is {python} with scikit-learn {sklearn.__version__} and NumPy {np.__version__}"
    for warning in caught_warnings:
        if isinstance(warning.message, InconsistentVersionWarning):
            return f"it was written with scikit-learn {warning.message.original_sklearn_version}, {here}"
    return here
