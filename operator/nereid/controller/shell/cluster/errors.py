"""What can go wrong with a request, reduced to what a caller can do about it.

The client turns every failure of the API server or of the connection to it into one of these.
"""


class ApiError(Exception):
    """A request to the API server failed; the message has the request and the server's answer.

    `retry_after`: the seconds that the server asked to wait; 0 if it did not.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(ApiError):  # noqa: N818 - the API server's own names for its reasons
    """The object does not exist."""


class Conflict(ApiError):  # noqa: N818
    """The object is not as the request assumed: read it again, then decide again."""


class Gone(ApiError):  # noqa: N818
    """The resourceVersion is too old to watch from, or a list's continuation has expired: list again."""


class Rejected(ApiError):  # noqa: N818
    """The API server rejects the request, and repeating it unchanged will not help."""


class Unavailable(ApiError):  # noqa: N818
    """The API server did not answer, or asked to wait."""
