"""The steps by which models appear in the destination: none of them until all are complete, also across restarts.

Everything is made in a hidden directory of the destination, as a rename is only atomic within one file system:
`download` (what has arrived so far), `arrived` (the same, complete), `unpacked` (an archive's content), `tree` (models
being put together), `ready` (the complete set, being moved out).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

NAME = ".nereid-fetch"


@dataclass(frozen=True, slots=True)
class Staging:
    """The hidden directory of one destination."""

    destination: Path

    @property
    def root(self) -> Path:
        """All that is staged."""
        return self.destination / NAME

    @property
    def download(self) -> Path:
        """The file as far as it has arrived; it outlives a restart."""
        return self.root / "download"

    @property
    def arrived(self) -> Path:
        """The file once it is complete."""
        return self.root / "arrived"

    @property
    def unpacked(self) -> Path:
        """Where an archive is unpacked."""
        return self.root / "unpacked"

    @property
    def tree(self) -> Path:
        """The models as they are to appear in the destination."""
        return self.root / "tree"

    @property
    def is_sealed(self) -> bool:
        """Whether a complete set of models waits to be moved into the destination."""
        return self._ready.is_dir()

    @property
    def _ready(self) -> Path:
        return self.root / "ready"

    def model_file(self, model_name: str) -> Path:
        """Return where the file of a model of one ONNX file goes, with its directory made."""
        version = self.tree / model_name / "1"
        version.mkdir(parents=True)
        return version / "model.onnx"

    def open(self) -> None:
        """Make an empty tree; what was half put together by an earlier run is dropped, what was downloaded is kept."""
        self.root.mkdir(parents=True, exist_ok=True)
        for directory in (self.unpacked, self.tree):
            shutil.rmtree(directory, ignore_errors=True)
        self.tree.mkdir()

    def seal(self) -> None:
        """Declare the tree complete."""
        self.tree.rename(self._ready)

    def publish(self) -> None:
        """Move every model of the sealed set into the destination, then remove what is left of the staging."""
        for model in sorted(self._ready.iterdir()):
            model.rename(self.destination / model.name)
        self.discard()

    def discard(self) -> None:
        """Remove everything that is staged."""
        shutil.rmtree(self.root, ignore_errors=True)
