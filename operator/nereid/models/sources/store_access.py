"""What all clients of object stores share: the credentials that are sent, and what the server's answers mean."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.models.sources.credentials import SECRET, Credentials, access_denied
from nereid.models.sources.failures import (
    CHANGED_STATUSES,
    DENIED_STATUSES,
    ChangedError,
    failed,
    is_temporary,
    server_error,
)
from nereid.models.sources.object_store import StoredObject
from nereid.models.sources.remote import CHUNK_BYTES

MOST_PAGES: Final = 10_000
"""Pages of a listing that are read, with a thousand objects each in most stores."""

PIECE_BYTES: Final = 8 * CHUNK_BYTES
"""Size of one request by a client that returns whole answers."""


Page = TypeVar("Page")


@dataclass(slots=True)
class StoreAccess:
    """With whose credentials a source is read, and the errors for answers that mean the same at every store.

    needed: the keys of the Secret, `a and b, or c`. as_pod: the client found an identity of the pod's own and sends it.
    """

    source: object
    credentials: Credentials
    needed: str
    as_pod: bool = False

    def error_of_status(self, server: str, status: int, code: str = "") -> Exception:
        """Return the error for an answer without success, by its status; `code` is the store's own word for it."""
        answer = f"{code} (status {status})" if code else f"status {status}"
        if is_temporary(status):
            return server_error(server, self.source, answer)
        if status in CHANGED_STATUSES:
            return self.changed()
        if status in DENIED_STATUSES:
            return self.denied(server, code or answer)
        return failed(f"{server} answered {answer} for {self.source}: correct {Field.URI}")

    def denied(self, server: str, answer: str) -> FetchError:
        """Return the error of a server that denies access, to the pod's own identity or to the Secret's credentials."""
        shown = f"{self.source} ({answer})"
        if not self.as_pod:
            return access_denied(server, shown, self.credentials, self.needed)
        return FetchError(
            Reason.MODEL_ACCESS_DENIED,
            f"{server} denies the pod's service account access to {shown}: grant it read access, "
            f"or set {Field.CREDENTIALS} to a Secret in this namespace with {self.needed}",
        )

    def lacks(self, key: str) -> FetchError:
        """Return the error of a Secret with a part of the credentials."""
        return FetchError(Reason.MODEL_ACCESS_DENIED, f"{SECRET} lacks {key}: it needs {self.needed}")

    def changed(self) -> ChangedError:
        """Return the error of an object that was replaced after it was listed."""
        return ChangedError(
            failed(f"{self.source} changed while it was downloaded: store each version under a key of its own")
        )


def no_bucket(server: str, bucket: str) -> FetchError:
    """Return the error of a bucket that does not exist."""
    return FetchError(
        Reason.MODEL_NOT_FOUND, f"{server} has no bucket {bucket}: correct {Field.URI} or {Field.ENDPOINT}"
    )


def invalid_bucket(bucket: str) -> FetchError:
    """Return the error of a name that no bucket can have."""
    return FetchError(Reason.MODEL_INVALID, f"{bucket!r} is not a valid bucket name: correct {Field.URI}")


@contextmanager
def unless_missing() -> Iterator[None]:
    """End the block if it finds that something does not exist; any other error is raised."""
    try:
        yield
    except FetchError as error:
        if error.reason is not Reason.MODEL_NOT_FOUND:
            raise


def limited(pages: Iterable[Page], source: object) -> Iterator[Page]:
    """Yield the pages of a listing; raise FetchError if there are too many, as a server may send them without end."""
    for number, page in enumerate(pages):
        if number == MOST_PAGES:
            raise FetchError(
                Reason.MODEL_TOO_LARGE,
                f"{source}: its store lists more than {MOST_PAGES} pages of objects: name a folder nearer to the model "
                f"in {Field.URI} or {Field.PATH}",
            )
        yield page


def in_pieces(stored: StoredObject, offset: int, request: Callable[[int, int], bytes]) -> Iterator[bytes]:
    """Yield an object's bytes from `offset` on, in chunks, by a client that returns whole answers.

    `request` returns a number of bytes from a position on.
    """
    for start in range(offset, stored.size, PIECE_BYTES):
        piece = request(start, min(PIECE_BYTES, stored.size - start))
        for begin in range(0, len(piece), CHUNK_BYTES):
            yield piece[begin : begin + CHUNK_BYTES]
