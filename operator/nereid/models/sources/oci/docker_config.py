"""The credentials of one registry in a Docker configuration, the content of a Secret of type dockerconfigjson."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.credentials import SECRET

DOCKER_HUB: Final = "docker.io"
_DOCKER_HUB_NAMES: Final = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True)
class Login:
    """The credentials for a registry: a user and password, or a refresh token in their place."""

    username: str = ""
    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)


def login_for(docker_config: str, registry: str, repository: str) -> Login | None:
    """Return the login for a repository; None if the configuration has none for its registry.

    As in Kubernetes, an entry may name a path below the registry, and the longest match is used.
    """
    try:
        entries = json.loads(docker_config).get("auths", {})
        fitting = {place: entry for key, entry in entries.items() if _fits(place := _place(key), registry, repository)}
        return _login(fitting[max(fitting, key=len)]) if fitting else None
    except (ValueError, AttributeError, TypeError) as error:
        raise FetchError(
            Reason.MODEL_ACCESS_DENIED,
            f"the key .dockerconfigjson of {SECRET} is not a valid Docker "
            "configuration: create the Secret with `kubectl create secret docker-registry`",
        ) from error


def _place(key: str) -> str:
    """Return the registry and path of an entry, which may be a URL with the API's version, as Docker writes it."""
    place = key.partition("://")[2] or key
    for ending in ("/v1/", "/v2/", "/v1", "/v2", "/"):
        place = place.removesuffix(ending)
    host, slash, path = place.partition("/")
    return f"{DOCKER_HUB if host in _DOCKER_HUB_NAMES else host}{slash}{path}"


def _fits(place: str, registry: str, repository: str) -> bool:
    location = f"{DOCKER_HUB if registry in _DOCKER_HUB_NAMES else registry}/{repository}/"
    return location.startswith(f"{place}/")


def _login(entry: Mapping[str, Any]) -> Login:
    if entry.get("identitytoken"):
        return Login(refresh_token=str(entry["identitytoken"]))
    if entry.get("auth"):
        try:
            username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError("auth is not valid base64") from error
        return Login(username, password)
    return Login(str(entry.get("username", "")), str(entry.get("password", "")))
