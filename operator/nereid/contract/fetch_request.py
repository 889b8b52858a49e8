"""What is to be brought from a source, and how its server is reached: all that the clients of sources need to know."""

from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, PositiveInt
from pydantic.dataclasses import dataclass

from nereid.api.model import Format


def _inside(path: PurePosixPath) -> PurePosixPath:
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("it leads out of the source: write it relative and without '..'")
    return path


@dataclass(frozen=True, slots=True)
class Request:
    """Files of a source; credentials are a folder, as no secret stands in a pod's spec."""

    uri: str
    path: Annotated[PurePosixPath, AfterValidator(_inside)] | None = None
    """A file or folder within what the URI names; None: all of it."""
    endpoint: str | None = None
    """URL of the server where it is not the public one."""
    credentials: Path | None = None
    """Folder with a file for each key of the Secret."""
    ca_bundle: Path | None = None
    """PEM certificates to trust beside the public ones."""
    digest: str | None = None
    """`sha256:<hex>` of the file, or of the tree, that is meant."""
    cache: Path | None = None
    """Volume that pods share, so that only one of them downloads."""
    cache_limit: PositiveInt | None = None
    """Bytes that the cache may hold; None: as many as its volume has."""
    format: Format | None = None
    """What the source holds where that is a model, as some consist of files beside each other; None: any files."""
