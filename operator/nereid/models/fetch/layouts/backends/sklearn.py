"""scikit-learn's estimators, and what behaves like one, from a pickle (joblib's too) or a skops file.

Classifiers answer `label` and, where they have it, `probabilities` in the order of their classes; all else answers
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
        # An estimator that takes text, or never looked at its input's width, does not tell one.
        self.features = int(getattr(estimator, "n_features_in_", -1))
        self.outputs = outputs_of(estimator)

    def predict(self, rows: np.ndarray, wanted: Collection[str]) -> dict[str, np.ndarray]:
        """Return what is wanted of the outputs for rows of features."""
        samples = rows[:, 0] if rows.dtype == object and self.features < 0 else rows
        methods = {"probabilities": "predict_proba", "label": "predict", "prediction": "predict"}
        return {
            name: np.asarray(getattr(self.estimator, methods[name])(samples)) for name in self.outputs if name in wanted
        }


def outputs_of(estimator: Any) -> tuple[str, ...]:
    """Name the outputs that an estimator has."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return ("prediction",)
    # Several targets have several lists of classes; their probabilities are no one table.
    has_table = hasattr(estimator, "predict_proba") and np.ndim(classes[0]) == 0
    return ("label", "probabilities") if has_table else ("label",)


def load(folder: Path, parameters: dict[str, str]) -> Predictor:
    """Load the estimator of a folder; the parameter skops_trusted lists types, with commas, that skops is to trust."""
    file = next(folder.glob("model.skops"), folder / "model.pkl")
    trusted = [name.strip() for name in parameters.get("skops_trusted", "").split(",") if name.strip()]
    estimator = load_skops(file, trusted) if file.suffix == ".skops" else load_pickle(file)
    if not hasattr(estimator, "predict"):
        raise TypeError(f"it is a {type(estimator).__name__} without predict: save the estimator, or pipeline, itself")
    return Predictor(estimator)


def load_skops(file: Path, trusted: list[str]) -> Any:
    """Load a skops file, which makes only objects of types that are trusted."""
    # An image may lack skops, and other files do without.
    skops_io = importlib.import_module("skops.io")
    return skops_io.load(file, trusted=trusted)


def load_pickle(file: Path) -> Any:
    """Load a pickle; where that fails, the error tells the versions that are here and the one that wrote it."""
    know_numpy_2()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            return joblib.load(file)
        except ModuleNotFoundError:
            raise
        except Exception as error:
            cause = f"it is no pickle, or one that cannot be read here ({error!r})"
            raise ValueError(f"{cause}; {versions(told)}: use an image with the versions of training") from error


def versions(told: list[warnings.WarningMessage]) -> str:
    """Describe what is here, and what the pickle says that it was written with."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    here = f"this is {python} with scikit-learn {sklearn.__version__} and NumPy {np.__version__}"
    for warning in told:
        if isinstance(warning.message, InconsistentVersionWarning):
            return f"it was written with scikit-learn {warning.message.original_sklearn_version}, {here}"
    return here
