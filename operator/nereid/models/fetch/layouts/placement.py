"""The way of a model's files into Triton's repository: a move where this pod fetched them, else a link."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_job import FetchWork
from nereid.contract.source import parse_source
from nereid.models.fetch.staging import Staging
from nereid.models.fetch.symlinks import move
from nereid.models.sources.archive import unpack


@dataclass(frozen=True, slots=True)
class Placement:
    """What one run has at hand: what arrived, for which request, and where it is put together."""

    artifact: Path
    request: FetchWork
    staging: Staging

    @property
    def shown(self) -> str:
        """The source, for messages."""
        source = str(parse_source(self.request.uri))
        return f"{self.request.path} in {source}" if self.request.path else source

    @property
    def model(self) -> Path:
        """The directory of the model, made when first asked for."""
        directory = self.staging.tree / self.request.model_name
        directory.mkdir(exist_ok=True)
        return directory

    @property
    def version(self) -> Path:
        """The directory of the model's one version, made when first asked for."""
        directory = self.model / "1"
        directory.mkdir(exist_ok=True)
        return directory

    def put(self, path: Path, target: Path) -> None:
        """Let a file or folder of the artifact appear at `target`."""
        self.put_all({path: target})

    def put_all(self, places: Mapping[Path, Path]) -> None:
        """Let files or folders of the artifact appear at their targets; what lies on a volume is never copied."""
        fetched = {path: target for path, target in places.items() if path.is_relative_to(self.staging.root)}
        move(fetched, self.shown)
        for path in places.keys() - fetched.keys():
            self._link(path, places[path])

    def _link(self, path: Path, target: Path) -> None:
        roots = [root.resolve() for root in (self.request.claim_mount, self.request.mounted) if root]
        if not any(path.resolve().is_relative_to(root) for root in roots):
            raise self.invalid(f"has {path.name}, a link out of its volume: put the model itself on the volume")
        target.symlink_to(path)

    def write(self, packaged: Path, target: Path) -> None:
        """Copy a file of Nereid's own."""
        shutil.copyfile(packaged, target)

    def unpacked(self) -> Path:
        """Return the folder that the artifact is, or the one that the archive holds."""
        if self.artifact.is_dir():
            return self.artifact
        return unpack(self.artifact, self.staging.unpacked, self.shown)

    def invalid(self, complaint: str) -> FetchError:
        """Return the error of a source that holds no model of the format; the complaint begins with a verb."""
        return FetchError(Reason.MODEL_INVALID, f"{self.shown} {complaint}")
