"""LightGBM's boosters: classifiers answer `label`, a class's index, and `probabilities`; others answer `prediction`."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

BINARY = ("binary",)
MULTIPLE = ("multiclass", "multiclassova")


class Predictor:
    """One booster."""

    input_type = "TYPE_FP64"

    def __init__(self, booster: Any, objective: str, threads: int) -> None:
        self.booster = booster
        self.objective = objective
        self.threads = threads
        self.features = int(booster.num_feature())
        self.outputs = ("label", "probabilities") if objective in (*BINARY, *MULTIPLE) else ("prediction",)

    def predict(self, rows: np.ndarray, output_names: Collection[str]) -> dict[str, np.ndarray]:
        """Return the outputs for rows of features."""
        scores = self.booster.predict(rows, num_threads=self.threads)
        if self.objective in BINARY:
            answer = {"label": (scores > 0.5).astype(np.int64), "probabilities": np.stack((1 - scores, scores), axis=1)}  # noqa: PLR2004
        elif self.objective in MULTIPLE:
            answer = {"label": scores.argmax(axis=1), "probabilities": scores}
        else:
            answer = {"prediction": scores}
        return {name: array for name, array in answer.items() if name in output_names}


def objective_of(file: Path) -> str:
    """Read the objective from the head of a model's text."""
    with file.open() as lines:
        for line in lines:
            if line.startswith("objective="):
                return line.removeprefix("objective=").split()[0]
            if line.startswith("Tree="):
                break
    return ""


def load(folder: Path, parameters: dict[str, str]) -> Predictor:
    """Load the booster of a folder; parameters: num_threads, by default 1, as there may be several instances."""
    file = folder / "model.txt"
    threads = int(parameters.get("num_threads", "1"))
    return Predictor(lightgbm.Booster(model_file=str(file)), objective_of(file), threads)
