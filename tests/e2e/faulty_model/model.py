"""A digits classifier with a fault, for Triton's Python backend.

It answers as the version it was made from (a logistic regression, computed with numpy, so that any Triton image can run
it), except for what its configuration's parameter `fault` says: some of its requests fail, it is slow, its answers are
wrong, or it takes the whole server down.
"""

import json
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

FAILING_SHARE = 0.3
SLOW_SECONDS = 0.3
CRASH_AFTER_SECONDS = 6.0


def crash_server() -> None:
    """End tritonserver by taking away memory that it shares with this process: no signal ends a first process."""
    for region in Path("/dev/shm").glob("triton_python_backend_shm_region_*"):
        os.truncate(region, 0)


class TritonPythonModel:
    """The model's only instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the weights and the fault."""
        config = json.loads(args["model_config"])
        self.fault = config["parameters"]["fault"]["string_value"]
        self.input = config["input"][0]["name"]
        with np.load(Path(args["model_repository"]) / args["model_version"] / "weights.npz") as weights:
            self.coefficients, self.intercepts = weights["coefficients"], weights["intercepts"]
        self.chance = random.Random(1)
        self.doom: threading.Timer | None = None

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests that Triton hands over together."""
        if self.fault == "slow":
            time.sleep(SLOW_SECONDS)
        if self.fault == "crashes" and self.doom is None:
            self.doom = threading.Timer(CRASH_AFTER_SECONDS, crash_server)
            self.doom.start()
        if self.fault == "fails" and self.chance.random() < FAILING_SHARE:
            raise RuntimeError("the model lost its weights")
        return [self.answer(request) for request in requests]

    def answer(self, request: Any) -> Any:
        """Answer one request."""
        images = pb_utils.get_input_tensor_by_name(request, self.input).as_numpy()
        probabilities = self.classify(images)
        labels = probabilities.argmax(axis=1).astype(np.int64).reshape(-1, 1)
        outputs = [pb_utils.Tensor("label", labels), pb_utils.Tensor("probabilities", probabilities)]
        wanted = request.requested_output_names()
        return pb_utils.InferenceResponse([tensor for tensor in outputs if tensor.name() in wanted])

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Return the probability of each digit for each image; of the wrong digit, if that is the fault."""
        scores = images @ self.coefficients + self.intercepts
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        return np.roll(probabilities, 1, axis=1) if self.fault == "nonsense" else probabilities
