"""A digits classifier with a fault, for Triton's Python backend.

It answers as the version it was made from (a logistic regression, computed with numpy, so that any Triton image can run
it), except for what its configuration's parameter `fault` says: all or some of its requests fail, it is slow, each
takes its time, its answers are wrong, it takes the whole server down, it fails everything after a number of requests,
or it tells of a GPU whose memory is full.
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
# Ten requests a second are all that one pod can do.
BUSY_SECONDS = 0.1
# With 50 requests a second, half a minute after it got all of them.
TIRED_AFTER_REQUESTS = 1500
GPU_MEMORY_BYTES = {"used": 79e9, "total": 80e9}


def crash_server() -> None:
    """End tritonserver by taking away memory that it shares with this process: no signal ends a first process."""
    for region in Path("/dev/shm").glob("triton_python_backend_shm_region_*"):
        os.truncate(region, 0)


def publish_gpu_memory() -> list[Any]:
    """Publish the metrics that Triton has where there is a GPU; they last as long as what is returned."""
    published = []
    for kind, value in GPU_MEMORY_BYTES.items():
        family = pb_utils.MetricFamily(
            name=f"nv_gpu_memory_{kind}_bytes", description=f"GPU {kind} memory", kind=pb_utils.MetricFamily.GAUGE
        )
        metric = family.Metric(labels={"gpu_uuid": "GPU-0"})
        metric.set(value)
        published += [family, metric]
    return published


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
        self.answered = 0
        self.doom: threading.Timer | None = None
        self.published = publish_gpu_memory() if self.fault == "hoards" else []

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests that Triton hands over together."""
        if self.fault == "slow":
            time.sleep(SLOW_SECONDS)
        if self.fault == "busy":
            time.sleep(BUSY_SECONDS * len(requests))
        if self.fault == "crashes" and self.doom is None:
            self.doom = threading.Timer(CRASH_AFTER_SECONDS, crash_server)
            self.doom.start()
        if self.fault == "broken":
            raise RuntimeError("the model lost all of its weights")
        if self.fault == "fails" and self.chance.random() < FAILING_SHARE:
            raise RuntimeError("the model lost its weights")
        self.answered += len(requests)
        if self.fault == "tires" and self.answered > TIRED_AFTER_REQUESTS:
            raise RuntimeError("the model has used up its memory")
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
