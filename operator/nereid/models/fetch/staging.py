"""The steps by which models appear in the destination: none before all are complete, also across restarts.

Everything is prepared in a hidden directory of the destination, as a rename is only atomic within one file system:
`download` (the files downloaded so far), `copied` (files from the cache), `opened` (files from packages), `arrived`
(one of these, complete), `verified` (files of a claim, copied as their digest was computed), `unpacked` (the content of
an archive), `tree` (the models being put together), `ready` (the complete set of models, being moved to the
destination).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from nereid.contract.fetch_job import Fetched
from nereid.models.fetch.arrival import Arrival

NAME = ".nereid-fetch"
# A file, as Triton would treat a directory as a model.
FACTS = ".nereid-fetched.json"


@dataclass(frozen=True, slots=True)
class Staging:
    """The hidden directory of one destination."""

    destination: Path

    @property
    def root(self) -> Path:
        """The directory of everything that is staged."""
        return self.destination / NAME

    @property
    def download(self) -> Path:
        """The files downloaded so far; they survive a restart."""
        return self.root / "download"

    @property
    def copied(self) -> Path:
        """Files being copied from the cache."""
        return self.root / "copied"

    @property
    def opened(self) -> Path:
        """Files being extracted from their packages."""
        return self.root / "opened"

    @property
    def arrived(self) -> Path:
        """The files, when they are complete."""
        return self.root / "arrived"

    @property
    def arrived_list(self) -> Path:
        """The list of the files in `arrived`."""
        return self.arrived / "complete.json"

    @property
    def verified(self) -> Path:
        """Files of a claim that were copied while their digest was computed."""
        return self.root / "verified"

    @property
    def unpacked(self) -> Path:
        """Where an archive is unpacked."""
        return self.root / "unpacked"

    @property
    def tree(self) -> Path:
        """The models in their layout for the destination."""
        return self.root / "tree"

    @property
    def is_sealed(self) -> bool:
        """Whether a complete set of models waits to be moved into the destination."""
        return self._ready.is_dir()

    @property
    def _ready(self) -> Path:
        return self.root / "ready"

    def arrive(self, arrival: Arrival) -> None:
        """Declare the files complete; their content is in a directory of its own in the staging."""
        root = arrival.content.parent
        arrival.write(root / self.arrived_list.name)
        root.rename(self.arrived)
        for rest in (self.download, self.copied, self.opened):
            shutil.rmtree(rest, ignore_errors=True)

    def open(self) -> None:
        """Create an empty tree; the unfinished tree of an earlier run is removed, its download is kept."""
        self.root.mkdir(parents=True, exist_ok=True)
        for directory in (self.verified, self.unpacked, self.tree):
            shutil.rmtree(directory, ignore_errors=True)
        self.tree.mkdir()

    def seal(self, facts: Fetched) -> None:
        """Declare the tree complete, and store its facts."""
        facts.write(self.root / FACTS)
        self.tree.rename(self._ready)

    def publish(self) -> None:
        """Move every model of the sealed set into the destination, then remove what is left of the staging."""
        shutil.copyfile(self.root / FACTS, self.destination / FACTS)
        for model in sorted(self._ready.iterdir()):
            model.rename(self.destination / model.name)
        # Before anything else is removed: a process that is killed here must not find a set it cannot publish again.
        self._ready.rmdir()
        self.discard()

    @property
    def published(self) -> Fetched:
        """The facts of the models that are in the destination."""
        return Fetched.read(self.destination / FACTS)

    def discard(self) -> None:
        """Remove everything that is staged."""
        shutil.rmtree(self.root, ignore_errors=True)
