"""What Triton accepts as a model repository, and the messages for files that are not one."""

from pathlib import Path

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.sentence import listing

# macOS adds this directory to every zip archive that it makes.
ARCHIVERS_OWN = frozenset({"__MACOSX"})


def content(directory: Path) -> list[Path]:
    """Return a directory's entries without hidden ones and those that archivers add."""
    return sorted(entry for entry in directory.iterdir() if entry.name[0] != "." and entry.name not in ARCHIVERS_OWN)


def is_model(directory: Path) -> bool:
    """Whether Triton would accept the directory as a model: it holds a numeric version or a config.pbtxt."""
    try:
        return directory.is_dir() and any(_marks_model(entry) for entry in directory.iterdir())
    except PermissionError:
        # Such as a volume's lost+found, or another user's folder.
        return False


def models(repository: Path) -> list[Path]:
    """Return the model directories of a repository."""
    return [entry for entry in content(repository) if is_model(entry)]


def require_model(repository: Path, name: str, shown: str) -> list[Path]:
    """Return the repository's models; raise FetchError if none of them has the name."""
    if is_model(repository):
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} is a model and not a model repository: put it into a directory named {name}, "
            f"and set {Field.URI} to the directory above it",
        )
    directories = models(repository)
    if not directories:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} holds {listing(entry.name for entry in content(repository))}, but no model: "
            f"a model repository has a directory for each model, such as {name}/1/",
        )
    names = [model.name for model in directories]
    if name not in names:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} holds {listing(names)}, but no model named {name}: set {Field.NAME} to one of them",
        )
    return directories


def has_version(model: Path) -> bool:
    """Whether a model's directory holds a version."""
    return any(_is_version(entry) for entry in model.iterdir())


def _marks_model(entry: Path) -> bool:
    return entry.name == "config.pbtxt" or _is_version(entry)


def _is_version(entry: Path) -> bool:
    return entry.name.isdecimal() and entry.is_dir()
