"""The ways in which measuring fails."""

from nereid.contract.sentence import as_sentence


class ProviderError(Exception):
    """A metrics provider gave no usable answer; the message is a short sentence for the user."""

    def __init__(self, message: str) -> None:
        super().__init__(as_sentence(message))


class CountsDisagree(ProviderError):  # noqa: N818
    """A provider gave counts that contradict each other, so that none of them can be believed."""
