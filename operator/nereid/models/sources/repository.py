"""What Triton takes for a repository of models, and what to tell a user whose files are not one."""

from pathlib import Path

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.sentence import listing

# macOS adds this directory to every zip archive that it makes.
NOT_CONTENT = frozenset({"__MACOSX"})


def content(directory: Path) -> list[Path]:
    """Return the entries of a directory that a user put there: neither hidden ones nor an archiver's own."""
    return sorted(entry for entry in directory.iterdir() if entry.name[0] != "." and entry.name not in NOT_CONTENT)


def is_model(directory: Path) -> bool:
    """Tell whether Triton would take the directory for a model: it holds a numeric version or a config.pbtxt."""
    try:
        return directory.is_dir() and any(_marks_model(entry) for entry in directory.iterdir())
    except PermissionError:
        # A volume's lost+found, or what belongs to somebody else.
        return False


def models(repository: Path) -> list[Path]:
    """Return the model directories of a repository."""
    return [entry for entry in content(repository) if is_model(entry)]


def require_model(repository: Path, name: str, shown: str) -> list[Path]:
    """Return the repository's models; raise FetchError when there is none, or none of that name."""
    if is_model(repository):
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} is itself a model and not a repository of models: put it into a directory named {name}, "
            f"and let {Field.URI} name what holds that directory",
        )
    found = models(repository)
    if not found:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{shown} holds {listing(entry.name for entry in content(repository))} but no model: "
            f"a Triton repository has a directory for each model, such as {name}/1/",
        )
    names = [model.name for model in found]
    if name not in names:
        raise FetchError(
            Reason.MODEL_INVALID, f"{shown} holds {listing(names)} but no model named {name}: set {Field.NAME}"
        )
    return found


def has_version(model: Path) -> bool:
    """Tell whether a model's directory holds a version."""
    return any(_is_version(entry) for entry in model.iterdir())


def _marks_model(entry: Path) -> bool:
    return entry.name == "config.pbtxt" or _is_version(entry)


def _is_version(entry: Path) -> bool:
    return entry.name.isdecimal() and entry.is_dir()
