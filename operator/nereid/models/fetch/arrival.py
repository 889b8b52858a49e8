"""A complete download: its files, with the hash of each, and the digest of all."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nereid.contract.fetch_job import Fetched
from nereid.models.sources.digest import digest_of, require_digest, require_not_empty
from nereid.models.sources.remote import CHUNK_BYTES


class DamagedError(Exception):
    """A stored file is missing, cannot be read, or has changed since it was written."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The files in `content`: path -> bytes and SHA-256 in hex."""

    content: Path
    files: Mapping[PurePosixPath, tuple[int, str]]
    is_file: bool
    cached: bool = False
    """Whether another pod had downloaded it."""

    @classmethod
    def of(
        cls, content: Path, hashes: Mapping[PurePosixPath, str], *, is_file: bool, cached: bool = False
    ) -> "Arrival":
        """Return the download of files, given the SHA-256 of each."""
        sizes = {path: (content / path).stat().st_size for path in hashes}
        return cls(content, {path: (sizes[path], sha256) for path, sha256 in hashes.items()}, is_file, cached)

    @property
    def artifact(self) -> Path:
        """The single file, or the folder of files."""
        return self.content / next(iter(self.files)) if self.is_file else self.content

    @property
    def facts(self) -> Fetched:
        """Its digest, bytes and number of files, for the termination message."""
        return Fetched(
            digest_of(self._hashes, is_file=self.is_file),
            sum(size for size, _ in self.files.values()),
            len(self.files),
            self.cached,
        )

    @property
    def _hashes(self) -> Mapping[PurePosixPath, str]:
        return {path: sha256 for path, (_, sha256) in self.files.items()}

    @property
    def is_whole(self) -> bool:
        """Whether all files still exist."""
        return all((self.content / path).is_file() for path in self.files)

    def require(self, digest: str | None, shown: str) -> None:
        """Raise FetchError if it is an empty file, or does not have the expected digest."""
        if self.is_file:
            require_not_empty(self.facts.bytes, shown)
        require_digest(digest_of(self._hashes, is_file=self.is_file), digest, shown, self._hashes)

    def copy(self, into: Path) -> "Arrival":
        """Copy the files in constant memory; raise DamagedError if one of them has changed since it was written."""
        for path, (_, sha256) in self.files.items():
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if _copied(self.content / path, target) != sha256:
                raise DamagedError(f"{path} is damaged")
        return replace(self, content=into)

    def write(self, path: Path) -> None:
        """Write the list of files, with their hashes."""
        files = {str(name): entry for name, entry in self.files.items()}
        path.write_text(json.dumps({"files": files, "is_file": self.is_file, "cached": self.cached}))

    @classmethod
    def read(cls, path: Path, content: Path) -> "Arrival":
        """Return the download whose list `write` has written; raise DamagedError if the list is not valid."""
        try:
            stored = json.loads(path.read_text())
            files = {PurePosixPath(name): (int(size), str(sha256)) for name, (size, sha256) in stored["files"].items()}
            arrival = cls(content, files, bool(stored["is_file"]), bool(stored["cached"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(f"its list of files is damaged ({type(error).__name__})") from error
        if any(name.is_absolute() or ".." in name.parts for name in files):
            raise DamagedError("its list of files has paths outside it")
        return arrival


def _copied(source: Path, target: Path) -> str:
    """Copy a file and return the SHA-256 of what was read, in hex; errors of writing are raised as they are."""
    running = hashlib.sha256()
    with target.open("wb") as out:
        for chunk in _chunks(source):
            running.update(chunk)
            out.write(chunk)
    return running.hexdigest()


def _chunks(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise DamagedError(f"{source.name} cannot be read ({error.strerror})") from error
