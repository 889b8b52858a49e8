"""A check's data set: its file, the columns that its inputs name, and an iterator over its rows."""

import csv
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, get_args

from nereid.api.checks import ConfigMapKey, DatasetFormat, DatasetSpec
from nereid.checks.columns import expand
from nereid.checks.errors import NotRunError
from nereid.checks.predictor import Rows
from nereid.checks.readers import READERS
from nereid.contract.check_job import CLAIMS, CONFIG_MAPS, DOWNLOADS, folder_of
from nereid.contract.fetch_errors import FetchError
from nereid.contract.sentence import listing
from nereid.contract.source import ClaimSource, RemoteSource, parse_source

DEFAULT_MAX_ROWS: Final = 1000

_UNREADABLE: Final = (OSError, ValueError, EOFError, KeyError, RuntimeError, csv.Error, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where claims and ConfigMaps are mounted, and where fetched data sets are."""

    claims: Path = Path(CLAIMS)
    config_maps: Path = Path(CONFIG_MAPS)
    downloads: Path = Path(DOWNLOADS)


class Dataset:
    """An opened data set; `inputs` are the columns of each of the model's inputs, without wildcards."""

    def __init__(self, spec: DatasetSpec, folders: Folders) -> None:
        """Open the file; raise NotRunError if it does not exist or cannot be read."""
        path, self._display_name, name = _locate(spec, folders)
        with self._described_errors():
            self._reader = READERS[spec.format or _format(name)](path)
            self._columns = self._reader.columns()
            self.inputs: Mapping[str, Sequence[str]] = {
                entry.name: expand(entry.columns, self._columns) for entry in spec.inputs
            }
        self._max_rows = spec.max_rows or DEFAULT_MAX_ROWS

    def rows(self, *more: str) -> Iterator[Rows]:
        """Yield the rows, at most `maxRows` in all and several at a time, with the inputs' columns and `more`."""
        first = 1
        with self._described_errors():
            columns = [name for of_input in self.inputs.values() for name in of_input] + expand(more, self._columns)
            for table in self._reader.tables(list(dict.fromkeys(columns))):
                rows = next(Rows(first, table).slices(self._max_rows - first + 1))
                yield rows
                first += len(rows)
                if first > self._max_rows:
                    return
            if first == 1:
                raise NotRunError("it has no rows")

    @contextmanager
    def _described_errors(self) -> Iterator[None]:
        try:
            yield
        except NotRunError as error:
            raise NotRunError(f"data set {self._display_name}: {error}") from error
        except _UNREADABLE as error:
            raise NotRunError(
                f"data set {self._display_name} cannot be read ({error}): correct the file or its format"
            ) from error


def _format(name: str) -> DatasetFormat:
    suffix = PurePosixPath(name).suffix.removeprefix(".").lower()
    for supported in get_args(DatasetFormat):
        if suffix == supported:
            return supported  # type: ignore[no-any-return]
    raise NotRunError(
        f"its name ends in none of {', '.join(f'.{name}' for name in get_args(DatasetFormat))}: set format"
    )


def _locate(spec: DatasetSpec, folders: Folders) -> tuple[Path, str, str]:
    """Return the data set's file, its name in messages, and the file name whose ending is its format."""
    if spec.config_map:
        return _in_config_map(spec.config_map, folders.config_maps)
    try:
        source = parse_source(spec.uri or "")
    except FetchError as error:
        raise NotRunError(error.sentence_for("dataset")) from error
    if isinstance(source, ClaimSource):
        return _on_claim(source, folders.claims / source.claim), str(source), source.path.name
    path = _fetched(source, folders.downloads / folder_of(spec).name)
    return path, f"{source}/{spec.path}" if spec.path else str(source), path.name


def _in_config_map(reference: ConfigMapKey, config_maps: Path) -> tuple[Path, str, str]:
    folder = config_maps / reference.name
    path, display_name = folder / reference.key, f"{reference.key} of ConfigMap {reference.name}"
    if not path.is_file():
        keys = _content(folder) if folder.is_dir() else []
        if not keys:
            raise NotRunError(f"there is no ConfigMap {reference.name} in this namespace: create it")
        raise NotRunError(
            f"ConfigMap {reference.name} has no key {reference.key}; its keys are {listing(key.name for key in keys)}: "
            "correct the check's dataset, or add the key"
        )
    return path, display_name, reference.key


def _on_claim(source: ClaimSource, mount: Path) -> Path:
    path = mount / source.path
    if not path.is_file():
        nearest = next((parent for parent in source.path.parents if (mount / parent).is_dir()), PurePosixPath())
        names = listing(entry.name for entry in _content(mount / nearest)) if mount.is_dir() else "nothing"
        raise NotRunError(
            f"{source} is not a file; {ClaimSource(source.claim, nearest)} holds {names}: correct the data set's uri"
        )
    return path


def _fetched(source: RemoteSource, folder: Path) -> Path:
    """Return the file that the Job's first container has fetched."""
    files = list(folder.iterdir()) if folder.is_dir() else []
    if len(files) != 1:
        raise NotRunError(
            f"{source} was not fetched before the checks began: see the log of the container fetch-datasets"
        )
    return files[0]


def _content(folder: Path) -> list[Path]:
    """Return the user's entries of a folder, without the kubelet's own links, which are hidden."""
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
