"""Which of a source's files are meant: all of them, or those at `spec.model.path`."""

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
    """Files to download, each with the path that it gets; `is_file`: it is one file, not a folder of one."""

    files: tuple[tuple[PurePosixPath, RemoteFile], ...]
    is_file: bool

    @property
    def total(self) -> int | None:
        """Bytes of all files; None when the server did not tell the size of one."""
        sizes = [file.size for _, file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def is_met_by(self, files: Mapping[PurePosixPath, tuple[int, str]]) -> bool:
        """Whether files, by their bytes and SHA-256, are those that were selected, as far as their server tells."""
        return files.keys() == {path for path, _ in self.files} and all(
            file.size in {None, files[path][0]} and (file.sha256 or files[path][1]).lower() == files[path][1]
            for path, file in self.files
        )

    @property
    def is_provable(self) -> bool:
        """Whether a later listing tells when one of the files has changed."""
        return all(file.version or file.sha256 for _, file in self.files)


def select(
    files: Sequence[RemoteFile], path: PurePosixPath | None, shown: str, model_format: Format | None
) -> Selection:
    """Return the files at the path; raise FetchError when there are none or their names cannot be files here.

    A source that holds nothing but one file at its top is that file. A graph of ONNX whose weights lie beside it is a
    folder of these files alone; without a format, a file is just a file.
    """
    if not files:
        raise FetchError(Reason.MODEL_NOT_FOUND, f"{shown} holds no file: correct {Field.URI}")
    if path is None or not path.parts:
        alone = len(files) == 1 and len(files[0].path.parts) == 1
        return Selection(_checked([(file.path, file) for file in files], shown), is_file=alone)
    named = _named(files, path, model_format)
    if named:
        return Selection(_checked(named, shown), is_file=len(named) == 1)
    below = [(file.path.relative_to(path), file) for file in files if path in file.path.parents]
    if not below:
        raise FetchError(Reason.MODEL_NOT_FOUND, _what_is_there(files, path, shown))
    return Selection(_checked(below, shown), is_file=False)


def _named(
    files: Sequence[RemoteFile], path: PurePosixPath, model_format: Format | None
) -> list[tuple[PurePosixPath, RemoteFile]]:
    """Return the file of that path, with the weights of a graph; nothing when there is no such file."""
    file = next((file for file in files if file.path == path), None)
    if file is None:
        return []
    chosen = [file]
    if model_format is Format.ONNX:
        beside = (one for one in files if one.path.parent == path.parent)
        chosen += [one for one in beside if is_external_data(one.path.name, path.name)]
    return [(PurePosixPath(one.path.name), one) for one in chosen]


def _checked(files: list[tuple[PurePosixPath, RemoteFile]], shown: str) -> tuple[tuple[PurePosixPath, RemoteFile], ...]:
    paths = {path for path, _ in files}
    for path in paths:
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in str(path):
            raise FetchError(
                Reason.MODEL_INVALID, f"{shown} holds {str(path)!r}, which is no path within it: remove or rename it"
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
    held = {file.path.parts[depth] for file in files if nearest in file.path.parents}
    where = f"its folder {nearest}" if nearest.parts else "it"
    return f"{shown} holds no {path}; {where} holds {listing(held)}: correct {Field.PATH}"
