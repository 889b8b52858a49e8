"""XGBoost's boosters. Classifiers answer `label`, a class's index, and `probabilities`; others answer `prediction`.

As XGBoost's own classifier does, which uses the rounds up to the best one if training stopped early.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

BINARY = ("binary:logistic",)
MULTIPLE = ("multi:softprob", "multi:softmax")
LABELS_ALONE = ("binary:hinge",)


class Predictor:
    """One booster."""

    input_type = "TYPE_FP32"

    def __init__(self, booster: Any) -> None:
        self.booster = booster
        self.features = int(booster.num_features())
        learner = json.loads(booster.save_config())["learner"]
        self.objective = learner["objective"]["name"]
        self.is_linear = learner["gradient_booster"]["name"] == "gblinear"
        best = booster.attr("best_iteration")
        self.rounds = (0, int(best) + 1) if best else (0, 0)
        if self.objective in MULTIPLE:
            # The objective softmax would return the label alone.
            booster.set_param({"objective": "multi:softprob"})
        if self.objective in (*BINARY, *MULTIPLE):
            self.outputs: tuple[str, ...] = ("label", "probabilities")
        else:
            self.outputs = ("label",) if self.objective in LABELS_ALONE else ("prediction",)

    def predict(self, rows: np.ndarray, output_names: Collection[str]) -> dict[str, np.ndarray]:
        """Return the outputs for rows of features."""
        scores = self.scores(rows)
        if self.objective in BINARY:
            answer = {"label": (scores > 0.5).astype(np.int64), "probabilities": np.stack((1 - scores, scores), axis=1)}  # noqa: PLR2004
        elif self.objective in MULTIPLE:
            answer = {"label": scores.argmax(axis=1), "probabilities": scores}
        elif self.objective in LABELS_ALONE:
            answer = {"label": scores.astype(np.int64)}
        else:
            answer = {"prediction": scores}
        return {name: array for name, array in answer.items() if name in output_names}

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return the booster's own prediction."""
        if self.is_linear:
            matrix = xgboost.DMatrix(rows, feature_names=self.booster.feature_names)
            return np.asarray(self.booster.predict(matrix, iteration_range=self.rounds))
        scores = self.booster.inplace_predict(rows, iteration_range=self.rounds, validate_features=False)
        return np.asarray(scores)


def load(folder: Path, parameters: dict[str, str]) -> Predictor:
    """Load the booster of a folder; parameters: num_threads, by default 1, as there may be several instances."""
    booster = xgboost.Booster({"nthread": int(parameters.get("num_threads", "1"))})
    booster.load_model(next(folder.glob("xgboost.*")))
    return Predictor(booster)
