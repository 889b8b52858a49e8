"""The keys of the Secret that `spec.model.credentials` names, read from the folder where the pod has them as files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nereid.contract.fetch_errors import FetchError, Field, Reason

SECRET: Final = f"the Secret that {Field.CREDENTIALS} names"


@dataclass(frozen=True, slots=True)
class Credentials(Mapping[str, str]):
    """Key -> value, without the line break that editors put at the end; values are never part of a representation."""

    _values: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, folder: Path | None) -> "Credentials":
        """Return the Secret's keys; empty if there is no folder, or no Secret is mounted there."""
        if folder is None or not folder.is_dir():
            return cls({})
        # The kubelet's own links and versions begin with two dots.
        keys = [entry for entry in folder.iterdir() if not entry.name.startswith("..") and entry.is_file()]
        try:
            return cls({key.name: key.read_text().rstrip("\r\n") for key in keys})
        except UnicodeDecodeError as error:
            raise FetchError(
                Reason.MODEL_ACCESS_DENIED, f"{SECRET} holds a value that is not text: store each value as text"
            ) from error

    def value(self, key: str) -> str | None:
        """Return the value of a key; None if it is missing or empty."""
        return self._values.get(key) or None

    def token(self, key: str) -> str | None:
        """Return a value for a header; raise FetchError, without the value, if no header can have it."""
        value = self.value(key)
        if value is None or (value.isascii() and value.isprintable() and " " not in value):
            return value
        raise FetchError(
            Reason.MODEL_ACCESS_DENIED,
            f"{key} of {SECRET} contains spaces, line breaks or characters that a token cannot have: store the token "
            "alone, in one line",
        )

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def access_denied(server: str, shown: object, credentials: Credentials, needed: str) -> FetchError:
    """Return the error of a server that denies access; `needed` are the keys that it needs, as in `a and b, or c`."""
    if not credentials:
        sentence = (
            f"{server} denies access to {shown}, and no credentials are sent: set {Field.CREDENTIALS} to a Secret "
            f"in this namespace with {needed}"
        )
    elif needed and not any(key in needed for key in credentials):
        sentence = f"{server} denies access to {shown}, and {SECRET} has none of the keys that are read: add {needed}"
    else:
        sentence = (
            f"{server} denies access to {shown} with the credentials of {SECRET}: correct {needed}, or grant them read "
            "access"
        )
    return FetchError(Reason.MODEL_ACCESS_DENIED, sentence)
