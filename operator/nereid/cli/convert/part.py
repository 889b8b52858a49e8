"""One object within an InferenceService, which records which of its fields were read.

That is how nothing gets lost silently: whatever no part of the conversion has read is left over, and reported.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from nereid.cli.convert.findings import NotConvertibleError
from nereid.cli.convert.sdk import fields, item_type, misfit

# The kind of an object whose fields nobody declares: labels, annotations, the metadata.
OPEN: Final = None


class Part:
    """An object of a manifest and the type that KServe's SDK has for it, or OPEN.

    `take` and its like raise NotConvertibleError for a value of another type, and KeyError for a field that the type
    does not have.
    """

    def __init__(self, value: Mapping[str, Any], kind: str | None, path: str) -> None:
        self._value = value
        self._types = fields(kind) if kind else None
        self._taken: set[str] = set()
        self._parts: dict[str, list[Part]] = {}
        self._is_reported = False
        self.path = path

    def __contains__(self, field: str) -> bool:
        return self._value.get(field) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def path_of(self, field: str) -> str:
        """Return the path of a field, as people write it."""
        return f"{self.path}[{field}]" if "." in field or "/" in field else f"{self.path}.{field}".lstrip(".")

    def take(self, field: str) -> Any:
        """Return a field's value, or None; it counts as read."""
        self._taken.add(field)
        return self._checked(field)

    def take_all(self) -> dict[str, Any]:
        """Return all fields of the type that have a value; they count as read."""
        return {
            field: self.take(field)
            for field in self._value
            if field in self and (self._types is None or field in self._types)
        }

    def part(self, field: str) -> "Part":
        """Return the object in a field, an empty one where there is none; what is not read of it is left over."""
        return self._registered(field, [(self.take(field) or {}, self.path_of(field))], self._type_of(field))[0]

    def open_part(self, field: str) -> "Part":
        """Return the labels or annotations in a field."""
        value = self.take(field) or {}
        if not isinstance(value, Mapping):
            raise NotConvertibleError(f"{self.path_of(field)} must be an object")
        return self._registered(field, [(value, self.path_of(field))], OPEN)[0]

    def parts(self, field: str) -> "list[Part]":
        """Return the objects in a field that is a list."""
        values = [(value, f"{self.path_of(field)}[{number}]") for number, value in enumerate(self.take(field) or ())]
        return self._registered(field, values, item_type(self._type_of(field) or ""))

    def untaken(self) -> list[str]:
        """Return the fields that nobody has read yet."""
        return [field for field in self._value if field not in self._taken]

    def report_as_a_whole(self) -> str:
        """Return the path, for a sentence that is about everything here: nothing of it counts as left over then."""
        self._is_reported = True
        return self.path

    def left_over(self) -> Iterator[tuple[str, bool]]:
        """Yield the path of each field that nobody has read, and whether KServe has such a field."""
        if self._is_reported:
            return
        for field, value in self._value.items():
            if field in self._parts:
                for part in self._parts[field]:
                    yield from part.left_over()
            elif field not in self._taken and value not in (None, {}, []):
                yield self.path_of(field), self._types is None or field in self._types

    def _type_of(self, field: str) -> str | None:
        return self._types[field] if self._types is not None else OPEN

    def _checked(self, field: str) -> Any:
        value, kind = self._value.get(field), self._type_of(field)
        if kind is not None and (sentence := misfit(value, kind, self.path_of(field))):
            raise NotConvertibleError(sentence)
        return value

    def _registered(self, field: str, values: list[tuple[Any, str]], kind: str | None) -> "list[Part]":
        if field not in self._parts:
            self._parts[field] = [Part(value, kind, path) for value, path in values]
        return self._parts[field]
