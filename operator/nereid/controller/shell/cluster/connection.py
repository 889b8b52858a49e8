"""The connection to the API server: its address, our credentials, and one session of kept-alive connections.

Kopf's own login functions read the service account or the kubeconfig, so that Kopf and this client always agree.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import kopf

from nereid import __version__
from nereid.controller.shell.cluster.one_by_one import OneByOneResponse

REQUEST_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=5)
# A projected token is replaced long before it expires; reading the file once a minute is early enough.
_TOKEN_AGE: Final = 60.0


class ConnectionNotConfiguredError(Exception):
    """There is neither a service account nor a kubeconfig."""


def api_server_login() -> kopf.ConnectionInfo:
    """Return address and credentials of the API server: the pod's service account, or else the kubeconfig."""
    settings = kopf.OperatorSettings()
    info = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if info is None:
        raise ConnectionNotConfiguredError(
            "no credentials for the API server: run inside a cluster with a service account, or set KUBECONFIG"
        )
    return info


class KopfSessions:
    """The sessions by which Kopf lists and watches: large objects come to it without their specs."""

    def __init__(self) -> None:
        self._latest: tuple[kopf.ConnectionInfo, kopf.AiohttpSession] | None = None

    def login(self) -> kopf.AiohttpSession:
        """Return a session with our credentials; the same one for the same credentials.

        Kopf does not take again what the API server has rejected. It closes the sessions itself.
        """
        info = api_server_login()
        if self._latest is None or self._latest[0] != info:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=0),
                headers=info.as_http_headers(),
                proxy=info.proxy_url,
                trust_env=info.trust_env,
                response_class=OneByOneResponse,
            )
            self._latest = (
                info,
                kopf.AiohttpSession(
                    server=info.server,
                    default_namespace=info.default_namespace,
                    priority=info.priority,
                    expiration=info.expiration,
                    aiohttp_session=session,
                ),
            )
        return self._latest[1]


class Connection:
    """The session, the server's address, and the headers with our credentials."""

    def __init__(self, session: aiohttp.ClientSession, info: kopf.ConnectionInfo) -> None:
        self.session = session
        self._server = info.server.rstrip("/")
        self._proxy = info.proxy_url
        self._headers = info.as_http_headers()
        self._read_at = time.monotonic()

    @property
    def proxy(self) -> str | None:
        """The proxy that the kubeconfig names."""
        return self._proxy

    def url(self, path: str) -> str:
        """Return the address of an API path; the server's own path, if it has one, comes first."""
        return f"{self._server}{path}"

    def headers(self) -> Mapping[str, str]:
        """Return the headers of a request; the token is read again every minute, as it is replaced in time."""
        if time.monotonic() - self._read_at > _TOKEN_AGE:
            self.renew()
        return self._headers

    def renew(self) -> None:
        """Read the credentials again, for instance when the server no longer accepts them."""
        self._headers = api_server_login().as_http_headers()
        self._read_at = time.monotonic()


@asynccontextmanager
async def connect() -> AsyncIterator[Connection]:
    """Connect to the API server; all connections are closed on leaving."""
    info = api_server_login()
    # No limit, as each watch holds a connection for good; the client limits the requests in flight.
    connector = aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=0, keepalive_timeout=60)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=REQUEST_TIMEOUT,
        trust_env=info.trust_env,
        headers={"User-Agent": f"nereid/{__version__}"},
    ) as session:
        yield Connection(session, info)
