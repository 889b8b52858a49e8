"""What a fetch brought: what the operator writes into status, and what a restarted container must still know."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Facts:
    """Digest, bytes and number of the source's files; `cached`: another pod had downloaded them."""

    digest: str | None
    """None of a mounted source, unless the request names a digest: reading it all would make every start slow."""
    bytes: int
    files: int
    cached: bool = False

    def line(self) -> str:
        """Return the facts as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def write(self, path: Path) -> None:
        """Keep the facts in a file."""
        path.write_text(self.line())

    @classmethod
    def read(cls, path: Path) -> "Facts":
        """Return the facts that a file keeps."""
        return cls(**json.loads(path.read_text()))
