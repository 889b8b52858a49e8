"""One file over https to one place: what the checks' data sets need."""

import ssl
from pathlib import Path

from nereid.contract.source import HttpsSource
from nereid.models.sources.attempts import Attempts, Limits, OutOfTimeError
from nereid.models.sources.failures import ChangedError, failed
from nereid.models.sources.https import HttpsFile
from nereid.models.sources.partial import PartialFile
from nereid.models.sources.transfer import Transfer

__all__ = ["Limits", "download"]


def download(source: HttpsSource, into: Path, trust: ssl.SSLContext, limits: Limits) -> None:
    """Download the file at the source; what an earlier call brought is continued.

    Raise FetchError when it cannot be had. Connection errors and the statuses 408, 425, 429 and 5xx are tried again;
    redirects are followed to https alone.
    """
    part = PartialFile(into, into.with_name(f"{into.name}.record"))
    attempts, remote = Attempts(limits), HttpsFile(source, trust)
    try:
        _download(Transfer(str(source), remote, attempts), part)
    except OutOfTimeError as error:
        raise failed(
            f"{source} was not complete after {limits.total:.0f} s, {part.size} bytes have arrived: "
            "serve it from a faster server"
        ) from error
    finally:
        remote.close()


def _download(transfer: Transfer, part: PartialFile) -> None:
    while True:
        (file,) = transfer.attempts.asked(transfer.remote.files)
        try:
            transfer.file(file, part)
        except ChangedError as change:
            transfer.attempts.changed(change)
        else:
            return part.forget()
