"""What can go wrong in a transfer, by whether trying again may help.

The clients' own texts are not passed on: they may hold a URL with its secrets.
"""

from nereid.fetch.errors import FetchError, Reason


class InterruptionError(Exception):
    """A transfer that is worth another attempt; `failure` is what to report when there is none left."""

    def __init__(self, failure: FetchError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class ChangedError(InterruptionError):
    """The file is no longer of the version that was listed: what has arrived is of no use, and it is listed again."""


def failed(sentence: str) -> FetchError:
    """Return the error of a transfer that did not succeed."""
    return FetchError(Reason.MODEL_FETCH_FAILED, sentence)
