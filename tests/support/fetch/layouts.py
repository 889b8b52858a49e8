"""A staging area with a volume beside it, from which tests lay out models."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nereid.api.model import Format
from nereid.contract.fetch_job import FetchWork, ForestBackend
from nereid.models.fetch.layouts import stage
from nereid.models.fetch.staging import Staging


@dataclass(frozen=True, slots=True)
class Bench:
    """One staging, and the volume that a claim is."""

    staging: Staging
    claim: Path

    def request(self, model_format: str, **changes: Any) -> FetchWork:
        fields: dict[str, Any] = {
            "uri": "pvc://models/flowers",
            "format": Format(model_format),
            "model_name": "flowers",
            "destination": self.staging.destination,
            "claim_mount": self.claim,
            "forest_backend": ForestBackend.FIL,
        }
        return FetchWork(**{**fields, **changes})

    def put(self, files: Mapping[str, bytes]) -> Path:
        """Write files to the volume and return their folder."""
        return write(self.claim / "flowers", files)

    def stage(self, artifact: Path, model_format: str, **changes: Any) -> Path:
        """Stage an artifact and return the model's directory."""
        stage(artifact, self.request(model_format, **changes), self.staging)
        return self.staging.tree / "flowers"


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
