"""Checks of a digits candidate, as `spec.rollout.checks.items` has them, and the data set that they read.

It is in a ConfigMap, or on the S3 server of the tests of sources.
"""

import csv
import io
from typing import Any, Final

from digits.train import INPUT, LABEL, Digits
from tests.support.e2e.access import credentials
from tests.support.e2e.case import Case
from tests.support.e2e.sources import Sources

Check = dict[str, Any]
Dataset = dict[str, Any]

_DATASET: Final = "held-out"
_KEY: Final = "held-out.csv"
_TRUTH: Final = "digit"
_INPUTS: Final = ({"name": INPUT, "columns": ["pixel-*"]},)
_PIXELS: Final = tuple(f"pixel-{number}" for number in range(64))
# A ConfigMap holds up to a mebibyte, what `kubectl apply` notes down of it a quarter of that.
_ROWS: Final = 300


def comparison(case: Case) -> Check:
    """Return a check that most answers agree with stable's; those of two sound versions do so for 89 of 100."""
    compared = {"output": LABEL, "kind": "Classes", "minAgreementPercent": 80}
    return {"name": "agreement", "dataset": _dataset(case), "comparison": compared}


def example(case: Case, version: str) -> Check:
    """Return a check of one request, with the answer of this version."""
    image, label = case.digits.images[0], int(case.digits.versions[version].labels[0])
    tensor = {"name": INPUT, "shape": [1, 64], "datatype": "FP32", "data": image.tolist()}
    request = {"body": {"inputs": [tensor]}, "expected": [{"name": LABEL, "data": [label]}]}
    return {"name": "example", "requests": [request]}


def accuracy(case: Case, minimum_percent: float, dataset: Dataset | None = None) -> Check:
    """Return a check of how many of the held-out images are named rightly; they are in a ConfigMap, or in `dataset`."""
    wanted = {"label": _TRUTH, "output": LABEL, "minimumPercent": minimum_percent}
    return {"name": "accuracy", "dataset": dataset or _dataset(case), "accuracy": wanted}


def latency(case: Case) -> Check:
    """Return a check that answers come within a second."""
    wanted = {"percentile": 95, "maximumMilliseconds": 1000}
    return {"name": "latency", "dataset": _dataset(case), "latency": wanted}


def impossible() -> Check:
    """Return a check whose data set is not there."""
    dataset = {"configMap": {"name": "nowhere", "key": _KEY}, "inputs": list(_INPUTS)}
    wanted = {"label": _TRUTH, "output": LABEL, "minimumPercent": 1}
    return {"name": "accuracy", "dataset": dataset, "accuracy": wanted}


def dataset_on_s3(case: Case, sources: Sources) -> Dataset:
    """Put the held-out images into a bucket that only its reader may read, and return a data set that names them."""
    bucket = sources.on_s3({_KEY: _table(case.digits).encode()})
    secret = credentials(case, **sources.s3.reader.environment)
    return {
        "uri": f"{bucket}/{_KEY}",
        "endpoint": sources.s3.url,
        "credentials": secret,
        "inputs": list(_INPUTS),
    }


def _dataset(case: Case) -> Dataset:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _DATASET}}
    case.cluster.apply({**config_map, "data": {_KEY: _table(case.digits)}}, namespace=case.namespace)
    return {"configMap": {"name": _DATASET, "key": _KEY}, "inputs": list(_INPUTS)}


def _table(digits: Digits) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*_PIXELS, _TRUTH])
    for image, truth in zip(digits.images[:_ROWS], digits.truth[:_ROWS], strict=True):
        writer.writerow([*(f"{pixel:g}" for pixel in image), int(truth)])
    return text.getvalue()
