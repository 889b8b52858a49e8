"""The report of a conversion: the fields that are lost, and what else its user has to know."""

from dataclasses import dataclass, field


class NotConvertibleError(Exception):
    """An InferenceService that cannot become a ModelDeployment; the message says why, and what to do instead."""


@dataclass(slots=True)
class Findings:
    """Lines that begin with the path of a field.

    lost: fields without a counterpart. notes: fields that were carried over but need a look, or something to be done.
    """

    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_lost(self, path: str, sentence: str) -> None:
        """Report a field that is not carried over."""
        self.lost.append(line(f"{path}: {sentence}"))

    def note(self, path: str, sentence: str) -> None:
        """Report what to know about a field that is carried over."""
        self.notes.append(line(f"{path}: {sentence}"))


def line(text: str) -> str:
    """Return a text as one line without control characters: it stands in a comment, and on a terminal."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
