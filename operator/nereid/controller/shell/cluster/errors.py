"""What can go wrong with a request, reduced to what a caller can do about it.

Every failure of the API server or of the way to it becomes one of these, once, in the client.
"""


class ApiError(Exception):
    """A request to the API server failed; the message says what was asked for and what the server said.

    `retry_after` is how many seconds the server asked to be left alone, if it did.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(ApiError):  # noqa: N818 - the API server's own names for its reasons
    """The object does not exist."""


class Conflict(ApiError):  # noqa: N818
    """The object is not what the request presupposed: look again, then decide anew."""


class Gone(ApiError):  # noqa: N818
    """The resourceVersion is too old to watch from, or a list's continuation has expired: list again."""


class Rejected(ApiError):  # noqa: N818
    """The API server refuses the request, and repeating it unchanged will not help."""


class Unavailable(ApiError):  # noqa: N818
    """The API server did not answer, or asked to be left alone."""
