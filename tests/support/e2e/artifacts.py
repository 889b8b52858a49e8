"""Tiny models of every format that a Triton on CPU can serve, with what their own library predicts for some rows.

Each function trains one model and returns it as users have it: a file or a folder of files, with inputs and the
outputs to expect from Triton. Libraries are imported where they are used, as each takes its seconds.
"""

import io
import pickle
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike

ROWS: Final = 16
CLASSES: Final = ("setosa", "versicolor", "virginica")
PROGRAM: Final = """
import numpy as np
import triton_python_backend_utils as pb_utils

from factor import FACTOR


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        config.add_input({"name": "x", "data_type": "TYPE_FP32", "dims": [-1]})
        config.add_output({"name": "y", "data_type": "TYPE_FP32", "dims": [-1]})
        return config

    def execute(self, requests):
        inputs = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", rows * np.float32(FACTOR))]) for rows in inputs]
"""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A trained model. files: relative path -> content; one file stands for itself. inputs and outputs: by tensor."""

    format: str
    files: Mapping[str, bytes]
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    config: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0

    @property
    def is_file(self) -> bool:
        """Whether the model is a single file."""
        return len(self.files) == 1

    def write(self, folder: Path) -> Path:
        """Write the model below a folder, and return its file or folder."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder / next(iter(self.files)) if self.is_file else folder

    def archive(self) -> bytes:
        """Pack the files as a .tar.gz."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, content in self.files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return packed.getvalue()


def onnx_classifier() -> Artifact:
    """A scikit-learn classifier converted to ONNX."""
    from skl2onnx import to_onnx  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    rows, labels, _ = _flowers()
    model = LogisticRegression(max_iter=500).fit(rows, labels)
    # As many rows as Triton lets a batch have by default.
    sample = rows[::40].astype(np.float32)
    file = to_onnx(model, sample[:1], options={"zipmap": False}).SerializeToString()
    outputs = {"label": model.predict(sample)[:, None], "probabilities": model.predict_proba(sample)}
    return Artifact("onnx", {"model.onnx": file}, {"X": sample}, outputs, tolerance=1e-5)


def python_program() -> Artifact:
    """A program for the Python backend that has a module of its own beside it."""
    rows = np.arange(12, dtype=np.float32)
    files = {"model.py": PROGRAM.encode(), "factor.py": b"FACTOR = 2.5\n"}
    return Artifact("python", files, {"x": rows}, {"y": rows * np.float32(2.5)})


def sklearn_classifier() -> Artifact:
    """A forest whose classes are strings, pickled with joblib."""
    import joblib  # noqa: PLC0415
    from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415

    rows, labels, _ = _flowers()
    model = RandomForestClassifier(8, random_state=1).fit(rows, np.array(CLASSES)[labels])
    file = io.BytesIO()
    joblib.dump(model, file)
    return Artifact("sklearn", {"model.joblib": file.getvalue()}, *_classified(model, rows))


def sklearn_regressor() -> Artifact:
    """A linear regression in a plain pickle; in which order a processor adds, decides about the last bits."""
    from sklearn.linear_model import Ridge  # noqa: PLC0415

    rows, _, widths = _flowers()
    model = Ridge().fit(rows, widths)
    return Artifact("sklearn", {"model.pkl": pickle.dumps(model)}, *_predicted(model, rows), tolerance=1e-12)


def sklearn_pipeline() -> Artifact:
    """A pipeline of steps, in a folder as MLflow logs it: pickled with cloudpickle, named by MLmodel."""
    import cloudpickle  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    rows, labels, _ = _flowers()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(rows, labels)
    described = (
        b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n  sklearn:\n    pickled_model: model.pkl\n"
    )
    files = {"MLmodel": described, "model.pkl": cloudpickle.dumps(model), "requirements.txt": b"scikit-learn\n"}
    return Artifact("sklearn", files, *_classified(model, rows), tolerance=1e-12)


def sklearn_text() -> Artifact:
    """A pipeline that takes text, whose input the configuration has to describe."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    texts = ["good film", "a very good one", "bad film", "such a bad one"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["yes", "yes", "no", "no"])
    outputs = {"label": model.predict(texts)[:, None], "probabilities": model.predict_proba(texts)}
    config = {"input": [{"name": "text", "dataType": "TYPE_STRING", "dims": [1]}]}
    rows = np.array(texts, dtype=object)[:, None]
    return Artifact("sklearn", {"model.pkl": pickle.dumps(model)}, {"text": rows}, outputs, config, tolerance=1e-12)


def xgboost_classifier(ending: str = "json") -> Artifact:
    """A booster of three classes."""
    from xgboost import XGBClassifier  # noqa: PLC0415

    rows, labels, _ = _flowers()
    model = XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1).fit(rows, labels)
    return Artifact("xgboost", {f"model.{ending}": _saved(model, ending)}, *_classified(model, rows, np.float32))


def xgboost_regressor(ending: str = "ubj") -> Artifact:
    """A booster that predicts a number."""
    from xgboost import XGBRegressor  # noqa: PLC0415

    rows, _, widths = _flowers()
    model = XGBRegressor(n_estimators=8, max_depth=3, n_jobs=1).fit(rows, widths)
    return Artifact("xgboost", {f"model.{ending}": _saved(model, ending)}, *_predicted(model, rows, np.float32))


def lightgbm_classifier() -> Artifact:
    """A booster of three classes, as LightGBM's text."""
    from lightgbm import LGBMClassifier  # noqa: PLC0415

    rows, labels, _ = _flowers()
    model = LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1).fit(rows, labels)
    text = model.booster_.model_to_string().encode()
    return Artifact("lightgbm", {"model.txt": text}, *_classified(model, rows), tolerance=1e-12)


def lightgbm_linear() -> Artifact:
    """A booster whose leaves hold linear models, which FIL would take for constants."""
    from lightgbm import LGBMRegressor  # noqa: PLC0415

    rows, _, widths = _flowers()
    model = LGBMRegressor(n_estimators=8, linear_tree=True, verbose=-1, n_jobs=1).fit(rows, widths)
    text = model.booster_.model_to_string().encode()
    return Artifact("lightgbm", {"model.txt": text}, *_predicted(model, rows), tolerance=1e-12)


def lightgbm_regressor() -> Artifact:
    """A booster that predicts a number, as LightGBM's text."""
    from lightgbm import LGBMRegressor  # noqa: PLC0415

    rows, _, widths = _flowers()
    model = LGBMRegressor(n_estimators=8, verbose=-1, n_jobs=1).fit(rows, widths)
    text = model.booster_.model_to_string().encode()
    return Artifact("lightgbm", {"model.lgb": text}, *_predicted(model, rows), tolerance=1e-12)


ARTIFACTS: Final[Mapping[str, Callable[[], Artifact]]] = {
    "onnx-classifier": onnx_classifier,
    "python-program": python_program,
    "sklearn-classifier": sklearn_classifier,
    "sklearn-regressor": sklearn_regressor,
    "sklearn-pipeline": sklearn_pipeline,
    "sklearn-text": sklearn_text,
    "xgboost-classifier": xgboost_classifier,
    "xgboost-regressor": xgboost_regressor,
    "lightgbm-classifier": lightgbm_classifier,
    "lightgbm-linear": lightgbm_linear,
    "lightgbm-regressor": lightgbm_regressor,
}


def difference(expected: np.ndarray, answered: np.ndarray) -> float:
    """Return the largest difference of two tensors; infinite where labels, shapes or kinds differ."""
    if expected.shape != answered.shape:
        return float("inf")
    if expected.dtype.kind in "OUS":
        same = [str(text) for text in expected.ravel()] == [_text(text) for text in answered.ravel()]
        return 0.0 if same else float("inf")
    return float(np.abs(expected.astype(np.float64) - answered.astype(np.float64)).max(initial=0.0))


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _flowers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of three features, their classes, and a fourth measurement to predict."""
    from sklearn.datasets import load_iris  # noqa: PLC0415

    flowers = load_iris()
    return flowers.data[:, :3], flowers.target, flowers.data[:, 3]


def _classified(
    model: Any, rows: np.ndarray, data_type: DTypeLike = np.float64
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    sample = rows[::10][:ROWS].astype(data_type)
    return {"input": sample}, {"label": model.predict(sample)[:, None], "probabilities": model.predict_proba(sample)}


def _predicted(
    model: Any, rows: np.ndarray, data_type: DTypeLike = np.float64
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    sample = rows[::10][:ROWS].astype(data_type)
    return {"input": sample}, {"prediction": model.predict(sample)[:, None]}


def _saved(model: Any, ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"model.{ending}"
        model.save_model(file)
        return file.read_bytes()
