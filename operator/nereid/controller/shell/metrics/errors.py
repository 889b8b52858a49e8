"""The one way in which measuring fails."""

from nereid.contract.sentence import as_sentence


class ProviderError(Exception):
    """A metrics provider gave no answer that can be counted; the message is a sentence for the user, and not long."""

    def __init__(self, message: str) -> None:
        super().__init__(as_sentence(message))
