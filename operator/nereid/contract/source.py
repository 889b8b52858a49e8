"""Where a model is fetched from: its URI parsed into one type for each scheme, and shown without its secrets.

The only parser for the grammar in `api.model_uri`, for all processes. It accepts more than users may write, as it also
parses the locations that MLflow returns.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from yarl import URL

from nereid.api.model_uri import COMMIT, DIGEST, FORMS, LATEST, VERSION, Scheme
from nereid.contract.fetch_errors import FetchError, Field, Reason

_FORMS: Final = ", ".join(form.shown for form in FORMS.values())
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_COMMIT: Final = re.compile(COMMIT)
_DIGEST: Final = re.compile(DIGEST)
_VERSION: Final = re.compile(VERSION)


class _Place:
    """What all sources have in common; the defaults fit most of them."""

    __slots__ = ()

    @property
    def moves(self) -> bool:
        """Whether it is a reference, such as an alias, a tag or a branch, which may lead to another model tomorrow."""
        return False

    @property
    def has_provenance(self) -> bool:
        """Whether its server knows what the model was made from."""
        return False

    def leads_to(self, other: "Source") -> bool:
        """Whether it may resolve to the other: a fixed URI of the same model."""
        return other == self


@dataclass(frozen=True, slots=True)
class ClaimSource(_Place):
    """A path on a PersistentVolumeClaim."""

    claim: str
    path: PurePosixPath

    def __str__(self) -> str:
        return f"pvc://{self.claim}/{self.path}" if self.path.parts else f"pvc://{self.claim}"


@dataclass(frozen=True, slots=True)
class HttpsSource(_Place):
    """A file behind https; user, password and query of the URL may be secrets and are never shown."""

    url: URL = field(repr=False)

    @property
    def host(self) -> str:
        """The server's name, for messages."""
        return self.url.host or ""

    def __str__(self) -> str:
        return without_secrets(self.url)


@dataclass(frozen=True, slots=True)
class S3Source(_Place):
    """An object, or all objects below a prefix, of a store that speaks S3; the key has no slash at either end."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return _joined("s3:/", self.bucket, self.key)


@dataclass(frozen=True, slots=True)
class GcsSource(_Place):
    """An object, or all objects below a prefix, of Google Cloud Storage; the key has no slash at either end."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return _joined("gs:/", self.bucket, self.key)


@dataclass(frozen=True, slots=True)
class AzureSource(_Place):
    """A blob, or all blobs below a prefix, of a container of Azure Blob Storage."""

    account: str
    container: str
    path: str

    def __str__(self) -> str:
        return _joined("azure:/", self.account, self.container, self.path)


@dataclass(frozen=True, slots=True)
class HubSource(_Place):
    """A model of a Hugging Face hub at a revision: a commit, a tag or a branch."""

    repository: str
    revision: str = "main"

    @property
    def is_immutable(self) -> bool:
        """Whether the revision is a commit."""
        return _COMMIT.fullmatch(self.revision) is not None

    @property
    def moves(self) -> bool:
        """Whether the revision is a tag or a branch."""
        return not self.is_immutable

    def leads_to(self, other: "Source") -> bool:
        """Whether the other is a commit of the same model, or the same commit."""
        is_commit = isinstance(other, HubSource) and other.repository == self.repository and other.is_immutable
        return is_commit if self.moves else other == self

    def __str__(self) -> str:
        return f"hf://{self.repository}:{self.revision}"


@dataclass(frozen=True, slots=True)
class OciSource(_Place):
    """An image or artifact of a registry; the reference is a tag or a digest `sha256:<hex>`."""

    registry: str
    repository: str
    reference: str = LATEST

    @property
    def is_immutable(self) -> bool:
        """Whether the reference is a digest."""
        return _DIGEST.fullmatch(self.reference) is not None

    @property
    def moves(self) -> bool:
        """Whether the reference is a tag."""
        return not self.is_immutable

    def leads_to(self, other: "Source") -> bool:
        """Whether the other is a digest in the same repository, or the same digest."""
        named = (self.registry, self.repository)
        is_digest = isinstance(other, OciSource) and (other.registry, other.repository) == named and other.is_immutable
        return is_digest if self.moves else other == self

    def __str__(self) -> str:
        return f"oci://{self.registry}/{self.repository}{'@' if self.is_immutable else ':'}{self.reference}"


@dataclass(frozen=True, slots=True)
class RegisteredModel(_Place):
    """A version of a model of MLflow's registry: exactly one of `version` (a number or `latest`) and `alias` is set."""

    name: str
    version: str | None = None
    alias: str | None = None

    @property
    def is_immutable(self) -> bool:
        """Whether it is a version by its number."""
        return self.version is not None and self.version != LATEST

    @property
    def moves(self) -> bool:
        """Whether it is an alias or `latest`."""
        return not self.is_immutable

    @property
    def has_provenance(self) -> bool:
        """True: MLflow knows the run that made it."""
        return True

    def leads_to(self, other: "Source") -> bool:
        """Whether the other is a version of the same model, or the same version."""
        is_version = isinstance(other, RegisteredModel) and other.name == self.name and other.is_immutable
        return is_version if self.moves else other == self

    def __str__(self) -> str:
        return f"models:/{self.name}@{self.alias}" if self.alias else f"models:/{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class RunArtifact(_Place):
    """Files that an MLflow run logged; an empty path means all of them."""

    run_id: str
    path: str

    @property
    def has_provenance(self) -> bool:
        """True: MLflow knows what the run was made from."""
        return True

    def __str__(self) -> str:
        return _joined("runs:", self.run_id, self.path)


RemoteSource = HttpsSource | S3Source | GcsSource | AzureSource | HubSource | OciSource | RegisteredModel | RunArtifact
Source = ClaimSource | RemoteSource


def without_secrets(url: URL) -> str:
    """Return the URL without user, password, query and fragment."""
    shown = url.with_query(None).with_fragment(None)
    return str(shown.with_user(None) if shown.host else shown)


def with_server(url: URL) -> URL:
    """Return the URL; raise ValueError if its host or port is missing or not valid."""
    if not url.host or not url.port:
        raise ValueError("no host or port")
    # A DNS query encodes the name so, and fails if it cannot.
    url.host.encode("idna")
    return url


def in_ascii(text: str, encoding: str = "utf-8") -> str:
    """Return a part of a URL as it can be sent: only characters that no URL may contain are quoted."""
    return quote(text.encode(encoding), safe=_PRINTABLE)


def source_of(uri: str) -> Source | None:
    """Return the source that a URI names; None if it is not valid (the container that fetches it reports why)."""
    try:
        return parse_source(uri)
    except FetchError:
        return None


def claim_of(uri: str) -> str | None:
    """Return the PersistentVolumeClaim that a URI names; None for any other scheme.

    The path may be invalid: the claim is mounted all the same, and the container reports what is wrong.
    """
    scheme, _, rest = uri.partition("://")
    return rest.partition("/")[0] if scheme == Scheme.PVC else None


def is_of_mlflow(source: Source | None) -> bool:
    """Whether the source is resolved by an MLflow tracking server."""
    return isinstance(source, RegisteredModel | RunArtifact)


def parse_source(uri: str) -> Source:
    """Return the source that a URI names; raise FetchError if it is not valid."""
    scheme, separator, rest = uri.partition(":")
    if separator and scheme in _REGISTRY and rest.startswith("/") and not rest.startswith("//"):
        return _REGISTRY[scheme](rest[1:])
    if separator and scheme in _STORES and rest.startswith("//"):
        return _STORES[scheme](rest[2:])
    if not separator or "/" in scheme:
        raise _invalid(f"{Field.URI} has no scheme: use {_FORMS}")
    if scheme in {*_REGISTRY, *_STORES}:
        raise _invalid(f"{Field.URI} is not a valid URI of the scheme {scheme!r}: use {_FORMS}")
    raise _invalid(f"the scheme {scheme!r} of {Field.URI} is not supported: use {_FORMS}")


def _parse_claim(rest: str) -> ClaimSource:
    claim, _, path = rest.partition("/")
    if not claim:
        raise _invalid(f"{Field.URI} does not name a claim: use pvc://CLAIM/path")
    relative = PurePosixPath(path.strip("/"))
    if ".." in relative.parts:
        raise _invalid(f"{Field.URI} points outside its claim: write the path without '..'")
    return ClaimSource(claim, relative)


def _parse_https(rest: str) -> HttpsSource:
    host, slash, path = rest.partition("/")
    try:
        # Kept as written: quoting a signed URL again would break its signature.
        return HttpsSource(with_server(URL(f"https://{_host_in_ascii(host)}{slash}{in_ascii(path)}", encoded=True)))
    except ValueError as error:
        raise _invalid(f"{Field.URI} does not name a valid host: use https://host/path") from error


def _host_in_ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


def _parse_s3(rest: str) -> S3Source:
    return S3Source(*_bucket_and_key("s3", rest))


def _parse_gcs(rest: str) -> GcsSource:
    return GcsSource(*_bucket_and_key("gs", rest))


def _bucket_and_key(scheme: str, rest: str) -> tuple[str, str]:
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise _invalid(f"{Field.URI} does not name a bucket: use {scheme}://BUCKET/KEY")
    return bucket, key.strip("/")


def _parse_azure(rest: str) -> AzureSource:
    account, _, inside = rest.partition("/")
    container, _, path = inside.partition("/")
    if not account or not container:
        raise _invalid(f"{Field.URI} does not name an account and a container: use azure://ACCOUNT/CONTAINER/PATH")
    return AzureSource(account, container, path.strip("/"))


def _parse_hub(rest: str) -> HubSource:
    repository, colon, revision = rest.partition(":")
    parts = repository.split("/")
    if len(parts) != len(("owner", "model")) or not all(parts):
        raise _invalid(
            f"{Field.URI} does not name a model of a hub: use hf://OWNER/MODEL or hf://OWNER/MODEL:REVISION, "
            f"and {Field.PATH} for a file or folder within it"
        )
    if colon and not revision:
        raise _invalid(f"{Field.URI} ends in a colon without a revision: use hf://OWNER/MODEL:REVISION")
    return HubSource(repository, revision) if colon else HubSource(repository)


def _parse_oci(rest: str) -> OciSource:
    registry, _, inside = rest.partition("/")
    named, at, digest = inside.partition("@")
    repository, colon, tag = named.partition(":")
    if not registry or not repository or (colon and not tag):
        raise _invalid(f"{Field.URI} does not name a repository of a registry: use oci://REGISTRY/REPOSITORY:TAG")
    if at and not _DIGEST.fullmatch(digest):
        raise _invalid(f"{Field.URI} has no valid digest after its @: use @sha256: and 64 lower-case hex digits")
    return OciSource(registry, repository, digest or tag or LATEST)


def _parse_registered_model(rest: str) -> RegisteredModel:
    name, at, alias = rest.partition("@")
    if at:
        if not name or "/" in name or not alias:
            raise _invalid(f"{Field.URI} does not name an alias of a registered model: use models:/NAME@ALIAS")
        return RegisteredModel(name, alias=alias)
    name, _, version = rest.rstrip("/").rpartition("/")
    if not name or "/" in name or not (_VERSION.fullmatch(version) or version == LATEST):
        raise _invalid(
            f"{Field.URI} does not name a version of a registered model: use models:/NAME/VERSION with a number, "
            "models:/NAME@ALIAS or models:/NAME/latest"
        )
    return RegisteredModel(name, version=version)


def _parse_run(rest: str) -> RunArtifact:
    run_id, _, path = rest.partition("/")
    if not run_id:
        raise _invalid(f"{Field.URI} does not name a run: use runs:/RUN_ID/PATH")
    return RunArtifact(run_id, path.strip("/"))


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _invalid(sentence: str) -> FetchError:
    return FetchError(Reason.MODEL_INVALID, sentence)


_STORES: Final[Mapping[str, Callable[[str], Source]]] = {
    Scheme.PVC: _parse_claim,
    Scheme.HTTPS: _parse_https,
    Scheme.S3: _parse_s3,
    Scheme.GCS: _parse_gcs,
    Scheme.AZURE: _parse_azure,
    Scheme.HUB: _parse_hub,
    Scheme.OCI: _parse_oci,
}
_REGISTRY: Final[Mapping[str, Callable[[str], Source]]] = {
    Scheme.REGISTERED: _parse_registered_model,
    Scheme.RUN: _parse_run,
}
