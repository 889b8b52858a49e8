"""Trains the versions of the digits classifier and writes what the demo and the end-to-end tests need of them.

Everything is real and repeatable: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, a fixed split into 1,200
for training and 597 held out, ONNX files with the classifier's graph alone, and next to them scikit-learn's own answers
to the held-out images, with which every answer that came through the mesh is compared.
"""

import argparse
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

INPUT: Final = "image"
LABEL: Final = "label"
PROBABILITIES: Final = "probabilities"
TRAINING_IMAGES: Final = 1200
HELD_OUT_IMAGES: Final = 597
_SEED: Final = 7

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

# Version 1 is a straight line, kept simple on purpose; version 2 is a small neural network and clearly better. Version
# 3 is another model still, for tests in which a third one arrives before the second has taken over.
CLASSIFIERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "1": LogisticRegression(C=1e-4),
        "2": MLPClassifier(hidden_layer_sizes=(256,), random_state=_SEED),
        "3": LogisticRegression(C=1e-5),
    }
)


@dataclass(frozen=True, slots=True)
class Trained:
    """One version of the classifier, and what scikit-learn itself answers with it to the held-out images."""

    version: str
    onnx: bytes = field(repr=False)
    labels: Integers = field(repr=False)
    probabilities: Floats = field(repr=False)

    @property
    def digest(self) -> str:
        """The model's digest as `spec.model.digest` takes it."""
        return f"sha256:{hashlib.sha256(self.onnx).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Digits:
    """The held-out images, the digits that they show, and the trained versions by name."""

    images: Floats
    truth: Integers
    versions: Mapping[str, Trained]

    def accuracy(self, labels: Integers) -> float:
        """Return the share of held-out images that `labels` names rightly."""
        return float(np.mean(labels == self.truth))

    def save(self, folder: Path) -> None:
        """Write `held-out.npz`, and for each version `<version>/model.onnx`, into `folder`."""
        for version, trained in self.versions.items():
            path = folder / version / "model.onnx"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(trained.onnx)
        arrays = {"images": self.images, "truth": self.truth}
        for version, trained in self.versions.items():
            arrays |= {f"labels-{version}": trained.labels, f"probabilities-{version}": trained.probabilities}
        np.savez_compressed(folder / "held-out.npz", **arrays)  # type: ignore[arg-type]  # its stub lacks **arrays

    @classmethod
    def load(cls, folder: Path, versions: Iterable[str]) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / "held-out.npz") as arrays:
            trained = {
                version: Trained(
                    version=version,
                    onnx=(folder / version / "model.onnx").read_bytes(),
                    labels=arrays[f"labels-{version}"],
                    probabilities=arrays[f"probabilities-{version}"],
                )
                for version in versions
            }
            return cls(images=arrays["images"], truth=arrays["truth"], versions=trained)


def train(versions: Iterable[str] = ("1", "2")) -> Digits:
    """Train the versions named and return them with the held-out images; the same every time."""
    pixels, truth = load_digits(return_X_y=True)
    training, held_out, training_truth, held_out_truth = train_test_split(
        pixels.astype(np.float32),
        truth,
        train_size=TRAINING_IMAGES,
        test_size=HELD_OUT_IMAGES,
        random_state=_SEED,
        stratify=truth,
    )
    trained = {version: _train_one(version, training, training_truth, held_out) for version in versions}
    return Digits(images=held_out, truth=held_out_truth, versions=trained)


def _train_one(version: str, training: Floats, truth: Integers, held_out: Floats) -> Trained:
    classifier = CLASSIFIERS[version].fit(training, truth)
    return Trained(
        version=version,
        onnx=_as_onnx(classifier),
        labels=classifier.predict(held_out).astype(np.int64),
        probabilities=classifier.predict_proba(held_out).astype(np.float32),
    )


def _as_onnx(classifier: Any) -> bytes:
    # zipmap off: probabilities come as a tensor, which Triton can serve, instead of a list of dictionaries.
    graph = to_onnx(
        classifier, initial_types=[(INPUT, FloatTensorType([None, 64]))], options={"zipmap": False}, target_opset=17
    )
    return bytes(graph.SerializeToString())


def main() -> None:
    """Train versions 1 and 2 and write them into a folder."""
    parser = argparse.ArgumentParser(description="Train the digits classifier's versions and export them to ONNX.")
    parser.add_argument("folder", type=Path, help="where to write the models and the held-out images")
    folder = parser.parse_args().folder
    digits = train()
    digits.save(folder)
    for version, trained in digits.versions.items():
        print(
            f"version {version}: {digits.accuracy(trained.labels):.1%} of {HELD_OUT_IMAGES} held-out images, "
            f"{len(trained.onnx):,} bytes, {trained.digest}"
        )
    print(f"written to {folder}")


if __name__ == "__main__":
    main()
