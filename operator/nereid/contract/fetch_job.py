"""The contract between the operator and the container that fetches a model: the work, its folders and the result.

They are two processes of different images, and share nothing else. Failures are in `fetch_errors`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from nereid.api.model import Format
from nereid.api.model_uri import DIGEST
from nereid.contract.fetch_request import Request

# The environment variable that holds a FetchWork as JSON.
ENV_WORK: Final = "NEREID_FETCH"

# Where the container finds its volumes.
MODELS: Final = Path("/models")
CLAIM: Final = Path("/mnt/model")
IMAGE: Final = Path("/mnt/image")
CACHE: Final = Path("/var/cache/nereid")
CREDENTIALS: Final = Path("/etc/nereid/credentials")
CA_BUNDLE: Final = Path("/etc/nereid/ca/ca.crt")

_DIGEST: Final = re.compile(DIGEST)


class ForestBackend(StrEnum):
    """Which of Triton's backends serves forests: its own for them, or Python with the library that trained them."""

    FIL = "fil"
    PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchWork(Request):
    """One model to fetch: from where, as what, to where."""

    format: Format = field()
    model_name: str
    """Name by which Triton serves the model."""
    destination: Path = MODELS
    """Triton's model repository, to be filled."""
    claim_mount: Path = CLAIM
    """Where the claim of a pvc:// URI is mounted."""
    mounted: Path | None = None
    """Where an image volume holds the source; None: the source has to be fetched."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Fields of Triton's ModelConfig to merge over the model's own."""
    forest_backend: ForestBackend = ForestBackend.FIL


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of a fetch, which is the container's termination message: digest, bytes and number of files."""

    digest: str | None
    """None for a mounted source, unless the work names a digest: reading all of it would make every start slow."""
    bytes: int
    files: int
    cached: bool = False
    """Whether another pod had downloaded them."""

    def line(self) -> str:
        """Return the result as one line of JSON, which is the termination message."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def write(self, path: Path) -> None:
        """Write the result to a file, for a restarted container."""
        path.write_text(self.line())

    @classmethod
    def read(cls, path: Path) -> "Fetched":
        """Return the result that `write` put into a file."""
        return cls(**json.loads(path.read_text()))


def fetched_in(message: str) -> Fetched | None:
    """Return the result that a termination message holds; None if it is not the message of a successful fetch."""
    try:
        fetched = _FETCHED.validate_json(message)
    except ValidationError:
        return None
    return fetched if fetched.digest is None or _DIGEST.fullmatch(fetched.digest) else None


_FETCHED: Final = TypeAdapter(Fetched)
