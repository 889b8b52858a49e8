"""What one run of the init container is asked to do."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Format(StrEnum):
    """What the source holds."""

    ONNX = "onnx"
    TRITON = "triton"


@dataclass(frozen=True, slots=True)
class Request:
    """One model to fetch: from where, as what, to where."""

    uri: str
    format: Format
    model_name: str
    destination: Path
    claim_mount: Path
    digest: str | None = None
    ca_bundle: Path | None = None
