"""Annotations of an InferenceService: KServe reads those of the predictor before those of the service."""

from collections.abc import Sequence
from math import isfinite
from typing import Final

from nereid.api.schema import seconds
from nereid.cli.convert.findings import NotConvertibleError
from nereid.cli.convert.part import Part

# Domains of labels and annotations that are meant for KServe, and say nothing about the model.
_KSERVE: Final = ("kserve.io", "knative.dev", "kubeflow.org")


def own(labels: Part) -> dict[str, str]:
    """Return the labels or annotations that are the user's own and have not been read yet."""
    return {key: str(labels.take(key)) for key in labels.untaken() if not _is_kserve(key)}


def _is_kserve(key: str) -> bool:
    domain = key.partition("/")[0]
    return "/" in key and any(domain == kserve or domain.endswith(f".{kserve}") for kserve in _KSERVE)


class Annotations:
    """The annotations of a service and of its predictor."""

    def __init__(self, service: Part, predictor: Part) -> None:
        self._places = (predictor.open_part("annotations"), service.open_part("annotations"))

    def take(self, *keys: str) -> str | None:
        """Return the value of the first annotation that there is; all count as read."""
        values = [value for place in self._places for key in keys if (value := place.take(key)) is not None]
        return str(values[0]) if values else None

    def take_number(self, *keys: str) -> float | None:
        """Return the value of an annotation that is a number."""
        value = self.take(*keys)
        try:
            return None if value is None else _number(value)
        except ValueError as error:
            raise NotConvertibleError(f"annotation {keys[0]} must be a number, not {value!r}") from error

    def take_prefixed(self, *prefixes: str) -> dict[str, str]:
        """Return all annotations whose keys begin with one of the prefixes."""
        keys = self._keys(prefixes)
        return {key: value for key in keys if (value := self.take(key)) is not None}

    def take_own_of_predictor(self) -> dict[str, str]:
        """Return the user's own annotations of the predictor, which are its pods'."""
        return own(self._places[0])

    def path_of(self, key: str) -> str:
        """Return the path of an annotation, as people write it."""
        place = next((place for place in self._places if key in place), self._places[-1])
        return place.path_of(key)

    def _keys(self, prefixes: Sequence[str]) -> list[str]:
        return [key for place in self._places for key in place if key.startswith(tuple(prefixes))]

    @staticmethod
    def seconds(duration: str) -> int:
        """Return a duration in Go's form in whole seconds."""
        try:
            return seconds(duration)
        except ValueError as error:
            raise NotConvertibleError(f"an annotation's {error}") from error


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is not finite")
    return int(number) if number.is_integer() else number
