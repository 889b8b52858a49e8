"""Reads the last status, which is all that the operator remembers: anybody with the right to may have changed it.

What the operator cannot have written is left out, so that it begins anew, and is named, so that it is told. A status
never keeps a pass from being made. Pure.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from nereid.api.status import ModelDeploymentStatus

MOST_ITEMS: Final = 256
LONGEST_TEXT: Final = 32_768
DEEPEST: Final = 12
# A part that lacks what was left out is left out itself, so that there are not more rounds than levels.
_MOST_ROUNDS: Final = 2 * DEEPEST
_ALL: Final = "all of it"

Path = tuple[int | str, ...]


def last_status(document: object) -> tuple[ModelDeploymentStatus, tuple[str, ...]]:
    """Return what can be read of a stored status, and the parts that cannot: `rollout.retiring`, for instance."""
    left_out: set[Path] = set()
    bounded = _bounded(document, (), left_out)
    for _ in range(_MOST_ROUNDS):
        try:
            status = ModelDeploymentStatus.model_validate(bounded)
        except ValidationError as error:
            paths = {_present(bounded, _faulty(problem["type"], problem["loc"])) for problem in error.errors()}
            left_out |= paths
            if () in paths:
                break
            _remove(bounded, paths)
        else:
            return status, tuple(sorted({".".join(map(str, path)) or _ALL for path in left_out}))
    return ModelDeploymentStatus(), (_ALL,)


def _bounded(value: object, path: Path, cut: set[Path]) -> Any:
    """Return a copy without anything that is too long, or too deep."""
    if isinstance(value, str):
        return _cut(value, LONGEST_TEXT, path, cut)
    if isinstance(value, Mapping):
        items = _cut(list(value.items()), MOST_ITEMS, path, cut) if len(path) < DEEPEST else []
        return {str(key)[:MOST_ITEMS]: _bounded(item, (*path, str(key)[:MOST_ITEMS]), cut) for key, item in items}
    if isinstance(value, list | tuple):
        items = _cut(list(value), MOST_ITEMS, path, cut) if len(path) < DEEPEST else []
        return [_bounded(item, (*path, number), cut) for number, item in enumerate(items)]
    return value


def _cut(value: Any, most: int, path: Path, cut: set[Path]) -> Any:
    if len(value) > most:
        cut.add(path)
    return value[:most]


def _faulty(kind: str, path: Path) -> Path:
    """Return what is to be left out: the value itself, or what lacks it."""
    return path[:-1] if kind == "missing" else path


def _present(document: Any, path: Path) -> Path:
    """Return the path as far as it leads into the document: a type may add parts that are no keys."""
    for depth, part in enumerate(path):
        if not _has(document, part):
            return path[:depth]
        document = document[part]
    return path


def _has(document: Any, part: Hashable) -> bool:
    if isinstance(document, list):
        return isinstance(part, int) and part < len(document)
    return isinstance(document, dict) and part in document


def _remove(document: Any, paths: Iterable[Path]) -> None:
    """Remove the values at these paths; of a list, the last one first, as the others' numbers change with it."""
    for path in sorted(paths, key=lambda path: [part if isinstance(part, int) else 0 for part in path], reverse=True):
        holder = document
        for part in path[:-1]:
            if not _has(holder, part):
                break
            holder = holder[part]
        else:
            if _has(holder, path[-1]):
                del holder[path[-1]]
