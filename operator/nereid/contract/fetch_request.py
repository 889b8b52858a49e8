"""What to fetch from a source, and how to reach its server: all that the clients of sources need to know."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, PositiveInt
from pydantic.dataclasses import dataclass

from nereid.api.model import Format

# More than any model that is known; it keeps a source without an end from filling a node's disk.
DEFAULT_MAX_BYTES: Final = 100 << 30


def _inside(path: PurePosixPath) -> PurePosixPath:
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("it points outside the source: write a relative path without '..'")
    return path


@dataclass(frozen=True, slots=True)
class Request:
    """Files of a source. The credentials are a folder, so that a pod's spec holds no secret."""

    uri: str
    path: Annotated[PurePosixPath, AfterValidator(_inside)] | None = None
    """A file or folder within what the URI names; None: all of it."""
    endpoint: str | None = None
    """URL of the server, if it is not the public one."""
    credentials: Path | None = None
    """Folder with a file for each key of the Secret."""
    ca_bundle: Path | None = None
    """PEM certificates to trust beside the public ones."""
    digest: str | None = None
    """Expected digest of the file or tree, `sha256:<hex>`."""
    cache: Path | None = None
    """Volume that pods share, so that only one of them downloads."""
    cache_limit: PositiveInt | None = None
    """Bytes that the cache may hold; None: as many as its volume has."""
    format: Format | None = None
    """The model's format, as some models consist of several files beside each other; None: it is not a model."""
    max_bytes: PositiveInt = DEFAULT_MAX_BYTES
    """Bytes that may be downloaded, and that may be unpacked from them."""
