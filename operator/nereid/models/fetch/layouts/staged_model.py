"""Puts a model's files into Triton's repository: moves them if this pod fetched them, and links them otherwise."""

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
from nereid.models.sources.bounds import Bound


@dataclass(frozen=True, slots=True)
class StagedModel:
    """The model that is being put together: its artifact, the request for it, and the staging with its folders."""

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
        """The directory of the model, created on first use."""
        directory = self.staging.tree / self.request.model_name
        directory.mkdir(exist_ok=True)
        return directory

    @property
    def version(self) -> Path:
        """The directory of the model's one version, created on first use."""
        directory = self.model / "1"
        directory.mkdir(exist_ok=True)
        return directory

    def put(self, path: Path, target: Path) -> None:
        """Move or link a file or folder of the artifact to `target`."""
        self.put_all({path: target})

    def put_all(self, places: Mapping[Path, Path]) -> None:
        """Move or link files or folders of the artifact to their targets; files on a volume are never copied."""
        fetched = {path: target for path, target in places.items() if path.is_relative_to(self.staging.root)}
        move(fetched, self.shown)
        for path in places.keys() - fetched.keys():
            self._link(path, places[path])

    def _link(self, path: Path, target: Path) -> None:
        roots = [root.resolve() for root in (self.request.claim_mount, self.request.mounted) if root]
        if not any(path.resolve().is_relative_to(root) for root in roots):
            raise self.invalid(
                f"has {path.name}, a link that points outside its volume: put the model itself on the volume"
            )
        target.symlink_to(path)

    def write(self, packaged: Path, target: Path) -> None:
        """Copy a file of Nereid's own."""
        shutil.copyfile(packaged, target)

    def unpacked(self) -> Path:
        """Return the artifact if it is a folder, or else the folder with the content of the archive."""
        if self.artifact.is_dir():
            return self.artifact
        return unpack(self.artifact, self.staging.unpacked, self.shown, Bound.of(self.request, self.shown))

    def invalid(self, problem: str) -> FetchError:
        """Return the error of a source without a valid model; `problem` is a sentence that lacks its subject."""
        return FetchError(Reason.MODEL_INVALID, f"{self.shown} {problem}")
