"""The API of an OCI registry: manifests by tag or digest, blobs from any byte on, and authentication by tokens."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, cast

import requests

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import OciSource
from nereid.models.sources.credentials import SECRET, Credentials, access_denied
from nereid.models.sources.failures import InterruptionError, failed
from nereid.models.sources.http_client import Server, basic, new_session, range_header
from nereid.models.sources.oci.challenge import Challenge, parse_challenge
from nereid.models.sources.oci.docker_config import DOCKER_HUB, Login, login_for
from nereid.models.sources.oci.manifest import INDEX_TYPES, MANIFEST_TYPES, is_index, pick_platform

DOCKER_CONFIG: Final = ".dockerconfigjson"
NEEDED: Final = f"{DOCKER_CONFIG}, or username and password"
_LARGEST_MANIFEST: Final = 4 << 20
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_CLIENT: Final = "nereid"


@dataclass(slots=True)
class Registry:
    """One repository of a registry; it authenticates when the registry asks for it, or when a token has expired."""

    source: OciSource
    server: Server
    login: Login | None = field(repr=False)
    _authorization: str = field(default="", repr=False)

    def resolve(self) -> tuple[str, Mapping[str, Any]]:
        """Return the digest that the source leads to now, with its manifest or index."""
        return self._manifest(self.source.reference)

    def manifest(self) -> Mapping[str, Any]:
        """Return the manifest that the source names, for this platform if there are several."""
        _, manifest = self._manifest(self.source.reference)
        if not is_index(manifest):
            return manifest
        machine = platform.machine()
        digest = pick_platform(manifest, _ARCHITECTURES.get(machine, machine), str(self.source))
        return self._manifest(digest)[1]

    def blob(self, digest: str, offset: int) -> Iterator[bytes]:
        """Yield a blob from `offset` on; its digest is not verified here, as this may be a part of it."""
        answer = self._get(f"blobs/{digest}", range_header(offset))
        return self.server.read(answer, f"the layer {digest} of {self.source}", offset)

    def _manifest(self, reference: str) -> tuple[str, Mapping[str, Any]]:
        answer = self._get(f"manifests/{reference}", {"Accept": ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))})
        chunks = self.server.read(answer, self.source, 0)
        content = self.server.whole(chunks, f"the manifest of {self.source}", _LARGEST_MANIFEST)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if reference.startswith("sha256:") and reference != digest:
            raise FetchError(
                Reason.MODEL_DIGEST_MISMATCH,
                f"{self.server.host} sent another manifest than {reference} for {self.source}: check the registry",
            )
        try:
            return digest, cast("Mapping[str, Any]", dict(json.loads(content)))
        except (ValueError, TypeError, RecursionError) as error:
            raise failed(
                f"{self.server.host} did not send a valid manifest for {self.source}: check the registry"
            ) from error

    def _get(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        host = "registry-1.docker.io" if self.source.registry == DOCKER_HUB else self.source.registry
        url = f"https://{host}/v2/{self.source.repository}/{path}"
        answer = self.server.get(url, {**headers, **self._introduction()})
        if answer.status_code != HTTPStatus.UNAUTHORIZED:
            return answer
        answer.close()
        challenge = parse_challenge(answer.headers.get("WWW-Authenticate", ""))
        if challenge is None:
            raise self._denied()
        self._authorization = self._authorize(challenge)
        return self.server.get(url, {**headers, **self._introduction()})

    def _introduction(self) -> dict[str, str]:
        return {"Authorization": self._authorization} if self._authorization else {}

    def _authorize(self, challenge: Challenge) -> str:
        if challenge.scheme == "bearer":
            return f"Bearer {self._token(challenge)}"
        if self.login is None:
            raise self._denied()
        return basic(self.login.username, self.login.password)

    def _token(self, challenge: Challenge) -> str:
        scope = challenge.scope or f"repository:{self.source.repository}:pull"
        query = {"service": challenge.service, "scope": scope}
        if self.login is not None and not challenge.is_encrypted:
            raise FetchError(
                Reason.MODEL_ACCESS_DENIED,
                f"{self.server.host} asks for the login at an address that is not https, to which {SECRET} is not "
                "sent: have the registry name an https address as the realm of its tokens, or, if anybody may read "
                f"the model, remove {Field.CREDENTIALS}",
            )
        with self._ask_for_token(challenge.realm, query) as answer:
            return self._token_in(answer)

    def _token_in(self, answer: requests.Response) -> str:
        if answer.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise self._denied()
        if answer.status_code != HTTPStatus.OK:
            raise self.server.error_of_status(answer.status_code, f"{self.source} (a request for a token)")
        content = self.server.json_object(answer, f"{self.source} (a request for a token)")
        try:
            return str(content.get("token") or content["access_token"])
        except KeyError as error:
            raise InterruptionError(failed(f"{self.server.host} sent no token: check the registry")) from error

    def _ask_for_token(self, realm: str, query: Mapping[str, str]) -> requests.Response:
        if self.login is not None and self.login.refresh_token:
            grant = {"grant_type": "refresh_token", "refresh_token": self.login.refresh_token, "client_id": _CLIENT}
            # Redirects are not followed, so that no other server gets the token.
            return self.server.ask("POST", realm, data={**query, **grant}, allow_redirects=False)
        login = {"Authorization": basic(self.login.username, self.login.password)} if self.login else {}
        return self.server.ask("GET", realm, params=dict(query), headers=login)

    def _denied(self) -> FetchError:
        # A registry does not distinguish a repository that does not exist from one that may not be read.
        return access_denied(self.server.host, self.source, self.server.credentials, NEEDED)


def registry_of(source: OciSource, request: Request) -> Registry:
    """Return the registry of a source with the request's credentials; it gets no request yet."""
    credentials = Credentials.read(request.credentials)
    server = Server(source.registry, str(Field.URI), credentials, NEEDED, new_session(request.ca_bundle))
    return Registry(source, server, _login(credentials, source))


def _login(credentials: Credentials, source: OciSource) -> Login | None:
    docker_config = credentials.value(DOCKER_CONFIG)
    if docker_config:
        return login_for(docker_config, source.registry, source.repository)
    username, password = credentials.value("username"), credentials.value("password")
    return Login(username, password) if username and password else None
