"""What one run of the init container is asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any


class Format(StrEnum):
    """What the source holds."""

    ONNX = "onnx"
    TENSORRT = "tensorrt"
    TORCHSCRIPT = "torchscript"
    SAVEDMODEL = "savedmodel"
    PYTHON = "python"
    SKLEARN = "sklearn"
    XGBOOST = "xgboost"
    LIGHTGBM = "lightgbm"
    TRITON = "triton"


class ForestBackend(StrEnum):
    """Which of Triton's backends serves forests: its own for them, or Python with the library that trained them."""

    FIL = "fil"
    PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Request:
    """One model to fetch: from where, as what, to where."""

    uri: str
    format: Format
    model_name: str
    destination: Path
    claim_mount: Path
    """Where the claim of a pvc:// URI is mounted."""
    digest: str | None = None
    """`sha256:<hex>` of the file, or of the tree, that is meant."""
    ca_bundle: Path | None = None
    """PEM certificates to trust beside the public ones."""
    path: PurePosixPath | None = None
    """A file or folder within what the URI names; None: all of it."""
    endpoint: str | None = None
    """URL of the server where it is not the public one."""
    credentials: Path | None = None
    """Folder with a file for each key of the Secret."""
    cache: Path | None = None
    """Volume that pods share, so that only one of them downloads."""
    cache_limit: int | None = None
    """Bytes that the cache may hold; None: as many as its volume has."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Fields of Triton's ModelConfig to merge over the model's own."""
    forest_backend: ForestBackend = ForestBackend.FIL
    mounted: Path | None = None
    """Where an image volume holds the source already; None: it is to be fetched."""
