"""Forwards requests over HTTP/1.1: bodies stream both ways and are not read before the target is ready."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from nereid.activator.departures import Departures
from nereid.activator.gate import Gate, NotForwardedError, Protocol
from nereid.activator.instruments import Outcome
from nereid.activator.options import Limits
from nereid.activator.route import NO_RETRIES, RESERVED, Address, Entrance, Routed, UnprovenError
from nereid.activator.targets import InvalidTargetError, Target
from nereid.api.names import PORT_HTTP

# RFC 9110, 7.6.1; each connection has its own. The server has answered Expect before it hands the request over.
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_RETRY_AFTER_SECONDS: Final = 10
_PROBE_TIMEOUT: Final = aiohttp.ClientTimeout(total=2)
# The routes decide how long a request may take. Connecting is to the proxy on the same machine.
_REQUEST_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10)
# How much of each body is buffered in each direction.
_BUFFER_BYTES: Final = 2**15
# Envoy lets this much pass.
_LONGEST_HEADER: Final = 2**16
_ACCEPT_BACKLOG: Final = 4096
# Bodies up to this size are kept while they are sent, to be sent again if they reached no pod.
_MAX_BUFFERED_BODY: Final = 2**18
# How often a request is sent whose connection the proxy closes without a byte: it answers each request that it has sent
# on, with 503 where the pod did not, so that such a request has reached nobody.
_MOST_SENDS: Final = 3
# What a request takes here beside its headers: two connections with their buffers, of sockets and of this process.
_REQUEST_BYTES: Final = 3 * 2**16
# What of a body lies in buffers while it is not read; if its length is not known, that of the longest.
_MOST_UNREAD_BODY: Final = 3 * 2**17
# Their bytes, the text that is made of them, and the fields of that.
_COPIES_OF_HEADERS: Final = 3
# Envoy's own response without a pod, and the header that a response of a pod has.
_NO_POD: Final = b"no healthy upstream"
_SERVED: Final = "x-envoy-upstream-service-time"

_logger = logging.getLogger(__name__)


class _BodyTooLargeError(Exception):
    """A body that turns out to be longer than any may be."""


class _BrokenError(Exception):
    """A response of which only a part could be forwarded."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__(response)
        self.response = response


def session() -> aiohttp.ClientSession:
    """Return a client that adds nothing to requests, takes nothing from answers, and limits neither.

    Connections are not used again: one that the other side is about to close would cost a request, and a new one leads
    no farther than to the proxy on the same machine.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=(hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.USER_AGENT, hdrs.CONTENT_TYPE),
        timeout=_REQUEST_TIMEOUT,
        read_bufsize=_BUFFER_BYTES,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
    )


class RestProbe:
    """Asks a target for its readiness, over the same route as requests."""

    def __init__(self, client: aiohttp.ClientSession, address: Address) -> None:
        self._client = client
        self._address = address

    async def __call__(self, target: Target) -> bool:
        """Return whether the target is ready."""
        url = f"http://{self._address(target)}/v2/health/ready"
        try:
            async with self._client.get(url, headers={hdrs.HOST: _host(target)}, timeout=_PROBE_TIMEOUT) as answer:
                return answer.status == web.HTTPOk.status_code
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


class RestProxy:
    """Forwards requests."""

    def __init__(
        self,
        gate: Gate,
        entrance: Entrance,
        client: aiohttp.ClientSession,
        address: Address,
        departures: Departures,
        limits: Limits,
    ) -> None:
        self._gate = gate
        self._entrance = entrance
        self._client = client
        self._address = address
        self._departures = departures
        self._limits = limits

    def runner(self) -> web.AppRunner:
        """Return a server of all paths and methods; a client that goes away cancels its request."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.handle)
        return web.AppRunner(
            application,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            read_bufsize=_BUFFER_BYTES,
            max_line_size=self._limits.header_bytes,
            max_field_size=self._limits.header_bytes,
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Hold a request until its target is ready, then forward it; errors look as Triton's own do."""
        if too_large := self._too_large(request):
            self._gate.reject(Protocol.REST, Outcome.TOO_LARGE)
            return _last_response(too_large)
        try:
            routed = self._entrance.routed(request.headers)
            with self._departures.watch(request.transport):
                return await self._handle(request, routed)
        except InvalidTargetError as error:
            return _last_response(_json(web.HTTPBadRequest, str(error)))
        except UnprovenError as error:
            self._gate.reject(Protocol.REST, Outcome.UNPROVEN)
            return _last_response(_json(web.HTTPForbidden, str(error)))
        except NotForwardedError as error:
            return _last_response(_error_response(error))
        except _BrokenError as error:
            return error.response

    async def _handle(self, request: web.Request, routed: Routed) -> web.StreamResponse:
        sends, size = 0, _size(request)
        while True:
            sends += 1
            async with self._gate.admit(Protocol.REST, routed, size):
                if response := await self._forward(request, routed.target, is_last=sends >= _MOST_SENDS):
                    return response
            self._gate.probe_again(Protocol.REST, routed.target)

    async def _forward(self, request: web.Request, target: Target, *, is_last: bool) -> web.StreamResponse | None:
        """Forward a request; None if it has reached no pod, and can be sent again.

        `is_last` makes a connection that the proxy closes without a byte an error.
        """
        has_body = request.body_exists
        is_small = (request.content_length or _MAX_BUFFERED_BODY + 1) <= _MAX_BUFFERED_BODY
        buffered_body = await request.read() if has_body and is_small else None
        stream = self._body(request) if has_body else None
        can_repeat = buffered_body is not None or not has_body
        try:
            answer = await self._client.request(
                request.method,
                URL(f"http://{self._address(target)}{request.rel_url.raw_path_qs}", encoded=True),
                headers=_forwarded(request.headers, {"host", *RESERVED}, {hdrs.HOST: _host(target), **NO_RETRIES}),
                data=stream if buffered_body is None else buffered_body,
                allow_redirects=False,
            )
        except (_BodyTooLargeError, aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, _BodyTooLargeError) or isinstance(error.__cause__, _BodyTooLargeError):
                raise NotForwardedError(Outcome.TOO_LARGE, self._body_sentence()) from error
            _logger.warning("%s did not answer: %r", target.host, error, extra={"target": target.host})
            if can_repeat and not is_last and isinstance(error, aiohttp.ServerDisconnectedError):
                return None
            raise NotForwardedError(Outcome.FAILED, f"{target.host} did not answer: {error}") from error
        async with answer:
            if can_repeat and await _met_no_pod(answer):
                return None
            return await _answer(request, answer)

    async def _body(self, request: web.Request) -> AsyncIterator[bytes]:
        """Yield a body piece by piece, whose length the client has not said or may have said wrongly."""
        length = 0
        async for piece in request.content.iter_any():
            length += len(piece)
            if length > self._limits.message_bytes:
                raise _BodyTooLargeError
            yield piece

    def _too_large(self, request: web.Request) -> web.Response | None:
        """Return the response to a request whose headers or body are too large; None if they are not."""
        if _header_bytes(request) > self._limits.header_bytes:
            sentence = f"the request's headers are longer than {self._limits.header_bytes} bytes in all"
            return _json(web.HTTPRequestHeaderFieldsTooLarge, sentence)
        if (request.content_length or 0) > self._limits.message_bytes:
            return _json(web.HTTPRequestEntityTooLarge, self._body_sentence())
        return None

    def _body_sentence(self) -> str:
        return (
            f"the request's body is longer than {self._limits.message_bytes} bytes, which is the most that a request "
            "to a sleeping model may have"
        )


async def serve(runner: web.AppRunner, port: int) -> int:
    """Serve on a port and return it: `port`, or a free one where that is 0."""
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0", port, backlog=_ACCEPT_BACKLOG)  # noqa: S104 - asked from other pods
    await site.start()
    bound: int = runner.addresses[0][1]
    return bound


async def _met_no_pod(answer: aiohttp.ClientResponse) -> bool:
    """Whether the answer is the proxy's own, as it had no pod to choose: the request has reached nobody."""
    if answer.status != web.HTTPServiceUnavailable.status_code or _SERVED in answer.headers:
        return False
    return answer.content_length == len(_NO_POD) and await answer.read() == _NO_POD


async def _answer(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_forwarded(answer.headers, ()))
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except aiohttp.ClientPayloadError as error:
        # The client must not take a part of a response for all of it.
        _logger.warning("a response ended before it was complete: %s", error)
        if request.transport is not None:
            request.transport.abort()
        raise _BrokenError(response) from error
    return response


def _forwarded(
    headers: CIMultiDictProxy[str], dropped: Iterable[str], added: Mapping[str, str] | None = None
) -> CIMultiDict[str]:
    """Return the headers that are for the other end, in their order."""
    connection_headers = ",".join(headers.getall(hdrs.CONNECTION, ()))
    unwanted = {*_HOP_BY_HOP, *dropped, *(name.strip().lower() for name in connection_headers.split(","))}
    forwarded = CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in unwanted)
    forwarded.update(added or {})
    return forwarded


def _header_bytes(request: web.Request) -> int:
    return sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)


def _size(request: web.Request) -> int:
    """Return how much memory a request takes at most while it waits or is forwarded."""
    length = request.content_length if request.content_length is not None else _MOST_UNREAD_BODY
    body = min(length, _MOST_UNREAD_BODY) if request.body_exists else 0
    return _REQUEST_BYTES + _COPIES_OF_HEADERS * _header_bytes(request) + body


def _error_response(error: NotForwardedError) -> web.Response:
    if error.outcome is Outcome.TOO_LARGE:
        return _json(web.HTTPRequestEntityTooLarge, str(error))
    response = _json(web.HTTPBadGateway if error.outcome is Outcome.FAILED else web.HTTPServiceUnavailable, str(error))
    response.headers[hdrs.RETRY_AFTER] = str(_RETRY_AFTER_SECONDS)
    return response


def _json(status: type[web.HTTPException], sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status.status_code)


def _last_response(response: web.Response) -> web.Response:
    """Return a response after which the connection is closed, so that a body that nobody wants is not read."""
    response.force_close()
    return response


def _host(target: Target) -> str:
    return f"{target.host}:{PORT_HTTP}"
