"""Selects files of a source: all of them, or those at `spec.model.path`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.sentence import listing
from nereid.models.sources.external_data import is_external_data
from nereid.models.sources.remote import RemoteFile


@dataclass(frozen=True, slots=True)
class Selection:
    """Files to download, each with its path at the destination; `is_file`: one file, not a folder with one."""

    files: tuple[tuple[PurePosixPath, RemoteFile], ...]
    is_file: bool

    @property
    def total(self) -> int | None:
        """Bytes of all files; None if the server did not return the size of one."""
        sizes = [file.size for _, file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def is_met_by(self, files: Mapping[PurePosixPath, tuple[int, str]]) -> bool:
        """Whether files, by their bytes and SHA-256, are the selected ones, as far as the server has returned these."""
        return files.keys() == {path for path, _ in self.files} and all(
            file.size in {None, files[path][0]} and (file.sha256 or files[path][1]).lower() == files[path][1]
            for path, file in self.files
        )

    @property
    def is_provable(self) -> bool:
        """Whether a later listing would show that one of the files has changed."""
        return all(file.version or file.sha256 for _, file in self.files)


def select(
    files: Sequence[RemoteFile], path: PurePosixPath | None, shown: str, model_format: Format | None
) -> Selection:
    """Return the files at the path; raise FetchError if there are none, or if their names are not valid paths.

    A source with nothing but one file at its top counts as that file. An ONNX graph with weights beside it becomes a
    folder of these files alone; without a format, only the file itself is selected.
    """
    if not files:
        raise FetchError(Reason.MODEL_NOT_FOUND, f"{shown} holds no files: correct {Field.URI}")
    if path is None or not path.parts:
        is_single = len(files) == 1 and len(files[0].path.parts) == 1
        return Selection(_checked([(file.path, file) for file in files], shown), is_file=is_single)
    at_path = _at_path(files, path, model_format)
    if at_path:
        return Selection(_checked(at_path, shown), is_file=len(at_path) == 1)
    below = [(file.path.relative_to(path), file) for file in files if path in file.path.parents]
    if not below:
        raise FetchError(Reason.MODEL_NOT_FOUND, _what_is_there(files, path, shown))
    return Selection(_checked(below, shown), is_file=False)


def _at_path(
    files: Sequence[RemoteFile], path: PurePosixPath, model_format: Format | None
) -> list[tuple[PurePosixPath, RemoteFile]]:
    """Return the file at a path, and for an ONNX graph the files of its weights; empty if there is no such file."""
    file = next((file for file in files if file.path == path), None)
    if file is None:
        return []
    chosen = [file]
    if model_format is Format.ONNX:
        beside = (other for other in files if other.path.parent == path.parent)
        chosen += [other for other in beside if is_external_data(other.path.name, path.name)]
    return [(PurePosixPath(file.path.name), file) for file in chosen]


def _checked(files: list[tuple[PurePosixPath, RemoteFile]], shown: str) -> tuple[tuple[PurePosixPath, RemoteFile], ...]:
    paths = {path for path, _ in files}
    for path in paths:
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in str(path):
            raise FetchError(
                Reason.MODEL_INVALID, f"{shown} holds {str(path)!r}, which is not a valid path: remove or rename it"
            )
        both = next((parent for parent in path.parents if parent in paths), None)
        if both:
            raise FetchError(
                Reason.MODEL_INVALID, f"{shown} holds {both} both as a file and as a folder: remove or rename one"
            )
    return tuple(sorted(files, key=lambda entry: entry[0].as_posix()))


def _what_is_there(files: Sequence[RemoteFile], path: PurePosixPath, shown: str) -> str:
    folders = {parent for file in files for parent in file.path.parents}
    nearest = next(parent for parent in path.parents if parent in folders)
    depth = len(nearest.parts)
    names = {file.path.parts[depth] for file in files if nearest in file.path.parents}
    where = f"its folder {nearest}" if nearest.parts else "it"
    return f"{shown} holds no {path}; {where} holds {listing(names)}: correct {Field.PATH}"
