"""The requests that Nereid makes, over plain HTTP: server-side apply, delete, list, watch, events.

Compared with typed clients, one aiohttp session takes half the CPU and almost no memory. Every request has a timeout,
and every failure becomes one of `errors`.
"""

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from nereid.api import names
from nereid.contract.foreign_text import ERROR_BYTES, LOG_BYTES, LOG_LINES, read_start
from nereid.controller.shell.cluster.connection import REQUEST_TIMEOUT, Connection
from nereid.controller.shell.cluster.errors import ApiError, Conflict, Gone, NotFound, Rejected, Unavailable
from nereid.controller.shell.cluster.one_by_one import Answer, Raw, decoded, event_of, lines_of
from nereid.controller.shell.cluster.resources import EVENT, POD, Manifest, Resource, resource_of

Parameters = dict[str, str]

# A connection's TLS buffers take a quarter MiB, and more requests at a time do not make the API server faster.
MAX_IN_FLIGHT: Final = 16
# So many objects as large as etcd takes them arrive within a request's timeout.
PAGE_SIZE: Final = 50
# The server ends a watch after this time; it sends a bookmark every minute, so that longer silence means a dead stream.
WATCH_SECONDS: Final = 300
WATCH_SILENCE_SECONDS: Final = 90
_WATCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=WATCH_SILENCE_SECONDS)

_LOG_TAIL: Final = {"tailLines": str(LOG_LINES), "limitBytes": str(LOG_BYTES)}

_APPLY: Final = "application/apply-patch+yaml"  # JSON is YAML
_JSON: Final = "application/json"
_ACCEPTED: Final = "application/json, */*"  # the rest for logs, which are text
# The API server counts bytes (events/v1, NoteLengthLimit).
_MAX_NOTE_BYTES: Final = 1024
_LONGEST_ANSWER: Final = 1024
_REPORTING_CONTROLLER: Final = f"{names.GROUP}/operator"

_UNAUTHORIZED: Final = 401
_ERRORS: Final[Mapping[int, type[ApiError]]] = {404: NotFound, 409: Conflict, 410: Gone}
_RETRIABLE: Final = frozenset({_UNAUTHORIZED, 408, 429})
_SERVER_ERRORS: Final = 500
_FAILURES: Final = 400


class Client:
    """Requests to one API server."""

    def __init__(
        self, connection: Connection, on_request: Callable[[str, Parameters | None], None] = lambda *_: None
    ) -> None:
        """`on_request` is called with method and query of each request, before it is sent."""
        self._connection = connection
        self._on_request = on_request
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)

    async def require_served(self, resource: Resource) -> None:
        """Raise NotFound unless the API server serves the resource's version."""
        served = await self._request("GET", f"/apis/{resource.api_version}")
        if resource.plural not in {entry["name"] for entry in served["resources"]}:
            raise NotFound(f"{resource.plural} are not served in {resource.api_version}")

    async def get(self, resource: Resource, namespace: str, name: str) -> Raw:
        """Return an object; raises NotFound."""
        return await self._request("GET", resource.path(namespace, name))

    async def apply(self, manifest: Manifest, *, force: bool, field_manager: str = names.FIELD_MANAGER) -> Raw:
        """Apply a manifest server-side and return the resulting object.

        `metadata.uid` and `metadata.resourceVersion` in it are preconditions. Without `force`, fields that another
        manager owns are a Conflict.
        """
        metadata = manifest["metadata"]
        path = resource_of(manifest).path(metadata["namespace"], metadata["name"])
        parameters = {"fieldManager": field_manager, "force": str(force).lower()}
        return await self._request("PATCH", path, parameters, manifest, _APPLY)

    async def apply_status(
        self, resource: Resource, namespace: str, name: str, status: Mapping[str, Any], resource_version: int | str
    ) -> Raw:
        """Replace what Nereid reports in an object's status and return the object.

        Raises Conflict when the object is no longer at `resource_version`, NotFound when it is gone.
        """
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"namespace": namespace, "name": name, "resourceVersion": str(resource_version)},
            "status": status,
        }
        parameters = {"fieldManager": names.STATUS_FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", resource.path(namespace, name, "status"), parameters, body, _APPLY)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete the object with this uid; one that is already gone is a success. Another uid is a Conflict."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._request("DELETE", resource.path(namespace, name), body=body)
        except NotFound:
            return

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """Return the end of a container's log; of the run before the present one if `previous`.

        Raises NotFound when there is no such pod, Rejected when the run's log no longer exists.
        """
        parameters = {"container": container, "previous": str(previous).lower(), **_LOG_TAIL}
        async with self._send("GET", POD.path(namespace, pod, "log"), parameters) as response:
            return (await read_start(response.content.iter_any(), LOG_BYTES)).decode(errors="replace")

    async def create_event(
        self, regarding: Mapping[str, str], *, type_: str, reason: str, action: str, note: str
    ) -> None:
        """Create an event about an object: `regarding` has its apiVersion, kind, namespace, name and uid."""
        body = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "namespace": regarding["namespace"],
                "name": f"{regarding['name']}.{secrets.token_hex(8)}",
            },
            "regarding": dict(regarding),
            "type": type_,
            "reason": reason,
            "action": action,
            "note": note.encode()[:_MAX_NOTE_BYTES].decode(errors="ignore"),
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "reportingController": _REPORTING_CONTROLLER,
            "reportingInstance": socket.gethostname(),
        }
        await self._request("POST", EVENT.path(regarding["namespace"]), body=body)

    async def list_pages(
        self, resource: Resource, namespace: str | None, label_selector: str
    ) -> AsyncIterator[tuple[Sequence[Raw], str]]:
        """List objects as they are received; the last of what is yielded has the resourceVersion of the whole list.

        Raises Gone when the list took so long that its snapshot has expired.
        """
        parameters = {"labelSelector": label_selector, "limit": str(PAGE_SIZE)}
        while True:
            async with self._in_flight, self._send("GET", resource.path(namespace), parameters) as response:
                page = Answer(response.content.iter_any())
                async for item in page.items():
                    yield (item,), ""
            metadata = page.rest["metadata"]
            yield (), metadata["resourceVersion"]
            if not metadata.get("continue"):
                return
            parameters["continue"] = metadata["continue"]

    async def watch(
        self, resource: Resource, namespace: str | None, label_selector: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, Raw]]:
        """Yield events (type and object; BOOKMARK is one of the types) until the server ends the watch.

        Raises Gone when `resource_version` is too old, Unavailable when the stream breaks off or falls silent.
        """
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": label_selector,
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._send("GET", resource.path(namespace), parameters, limits=_WATCH_TIMEOUT) as response:
            async for line in lines_of(response.content.iter_any()):
                event = event_of(line)
                if event["type"] == "ERROR":
                    raise _error(event["object"].get("code", _SERVER_ERRORS), event["object"].get("message", ""))
                yield event["type"], event["object"]

    async def _request(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
    ) -> Raw:
        async with self._in_flight, self._send(method, path, parameters, body, content_type) as response:
            answer: Raw = await decoded(response.content.iter_any())
            return answer

    @asynccontextmanager
    async def _send(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        limits: aiohttp.ClientTimeout = REQUEST_TIMEOUT,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and yield its successful response.

        Every failure, also while the response is read, is an ApiError.
        """
        self._on_request(method, parameters)
        connection = self._connection
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        try:
            # A watch may be silent for long, but not before its response has started.
            async with asyncio.timeout(REQUEST_TIMEOUT.total):
                response = await connection.session.request(
                    method,
                    connection.url(path),
                    params=parameters,
                    data=data,
                    headers={**connection.headers(), "Content-Type": content_type, "Accept": _ACCEPTED},
                    proxy=connection.proxy,
                    timeout=limits,
                )
            async with response:
                if response.status >= _FAILURES:
                    raise await self._failure(method, path, response)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError, json.JSONDecodeError) as error:
            raise Unavailable(f"{method} {path}: {error or type(error).__name__}") from error

    async def _failure(self, method: str, path: str, response: aiohttp.ClientResponse) -> ApiError:
        if response.status == _UNAUTHORIZED:
            self._connection.renew()
        text = (await read_start(response.content.iter_any(), ERROR_BYTES)).decode(errors="replace")
        retry_after = response.headers.get("Retry-After", "")
        return _error(
            response.status, f"{method} {path}: {_message(text)}", float(retry_after) if retry_after.isdigit() else 0.0
        )


def _error(code: int, message: str, retry_after: float = 0.0) -> ApiError:
    if code in _RETRIABLE or code >= _SERVER_ERRORS:
        return Unavailable(message, retry_after)
    return _ERRORS.get(code, Rejected)(message)


def _message(text: str) -> str:
    """Return the message of the API server's Status object, or the start of another body, as of a proxy."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, TypeError, KeyError):
        return text[:_LONGEST_ANSWER]
