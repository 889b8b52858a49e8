"""Where a model comes from: the URI of `spec.model.uri`, parsed once, and shown without its secrets."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from yarl import URL

from nereid.fetch.errors import FetchError, Reason


@dataclass(frozen=True, slots=True)
class ClaimSource:
    """A path on a PersistentVolumeClaim."""

    claim: str
    path: PurePosixPath

    def __str__(self) -> str:
        return f"pvc://{self.claim}/{self.path}" if self.path.parts else f"pvc://{self.claim}"


@dataclass(frozen=True, slots=True)
class HttpsSource:
    """A file behind https; user, password and query of the URL may be secrets and are never shown."""

    url: URL = field(repr=False)

    @property
    def host(self) -> str:
        """The server's name, for messages."""
        return self.url.host or ""

    def __str__(self) -> str:
        return without_secrets(self.url)


Source = ClaimSource | HttpsSource


def without_secrets(url: URL) -> str:
    """Return the URL without user, password, query and fragment."""
    return str(url.with_user(None).with_query(None).with_fragment(None))


def parse_source(uri: str) -> Source:
    """Return the source that a URI names; raise FetchError when it is none that can be fetched."""
    scheme, separator, rest = uri.partition("://")
    if separator and scheme == "pvc":
        return _parse_claim(rest)
    if separator and scheme == "https":
        return _parse_https(uri)
    raise FetchError(
        Reason.MODEL_INVALID,
        f"the scheme {scheme!r} of spec.model.uri is not supported: use pvc://CLAIM/path or https://host/path"
        if separator
        else "spec.model.uri names no scheme: use pvc://CLAIM/path or https://host/path",
    )


def _parse_claim(rest: str) -> ClaimSource:
    claim, _, path = rest.partition("/")
    if not claim:
        raise FetchError(Reason.MODEL_INVALID, "spec.model.uri names no claim: use pvc://CLAIM/path")
    relative = PurePosixPath(path.strip("/"))
    if ".." in relative.parts:
        raise FetchError(Reason.MODEL_INVALID, "spec.model.uri leads out of its claim: write the path without '..'")
    return ClaimSource(claim, relative)


def _parse_https(uri: str) -> HttpsSource:
    try:
        # As it was written: a signed URL does not survive being quoted again.
        url = URL(uri, encoded=True)
    except ValueError:
        url = URL()
    if not url.host:
        raise FetchError(Reason.MODEL_INVALID, "spec.model.uri names no host: use https://host/path")
    return HttpsSource(url)
