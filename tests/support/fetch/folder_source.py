"""A source of many files, read from a folder; it breaks off and changes as a test tells it to."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nereid.models.sources.failures import InterruptionError, failed
from nereid.models.sources.remote import RemoteFile


@dataclass
class FolderSource:
    """`cuts` are how many bytes the next reads bring before they break off; those that bring all do not."""

    folder: Path
    cuts: list[int] = field(default_factory=list)
    version: str = "1"
    tells_size: bool = True
    reads: list[tuple[str, int]] = field(default_factory=list)

    def files(self) -> Sequence[RemoteFile]:
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [self._described(path) for path in found]

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        self.reads.append((str(file.path), offset))
        content = (self.folder / file.path).read_bytes()[offset:]
        cut = self.cuts.pop(0) if self.cuts else len(content)
        yield content[:cut]
        if cut < len(content):
            raise InterruptionError(failed("it broke off"))

    def _described(self, path: Path) -> RemoteFile:
        content = path.read_bytes()
        version = f"{self.version}-{hashlib.sha256(content).hexdigest()[:8]}" if self.version else ""
        size = len(content) if self.tells_size else None
        return RemoteFile(PurePosixPath(path.relative_to(self.folder)), size, version)


@dataclass
class PackedSource(FolderSource):
    """The same, whose files are copied out of packages after their download."""

    is_packed: bool = True

    def unpack(self, downloaded: Path, into: Path) -> None:
        for path in downloaded.iterdir():
            (into / "models").mkdir(exist_ok=True)
            (into / "models" / path.name).write_bytes(path.read_bytes())
