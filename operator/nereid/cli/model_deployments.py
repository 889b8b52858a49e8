"""ModelDeployments on the API server: read, annotate, follow."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import click
from kubernetes.client import ApiClient, ApiException, CustomObjectsApi
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

from nereid.api import names
from nereid.cli.failures import is_missing_object, message, reason

Object = dict[str, Any]
_RESOURCE: Final = (names.GROUP, names.VERSION)
# Seconds to connect, and to wait for an answer.
_TIMEOUTS: Final = (10, 30)
_WATCH_SECONDS: Final = 300
_LONGEST_PAUSE: Final = 15
_TEMPORARY: Final = frozenset({HTTPStatus.GONE, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection was lost; it is being made again."""

    why: str


class ModelDeployments:
    """The ModelDeployments of a namespace."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._api = CustomObjectsApi(client)
        self.namespace = namespace

    def get(self, name: str) -> Object:
        """Return an object."""
        place = (*_RESOURCE, self.namespace, names.PLURAL, name)
        try:
            answer: Any = self._api.get_namespaced_custom_object(*place, _request_timeout=_TIMEOUTS)
        except ApiException as error:
            if is_missing_object(error):
                raise click.ClickException(
                    f"there is no ModelDeployment {name} in namespace {self.namespace}"
                ) from error
            raise
        return dict(answer)

    def list(self, *, everywhere: bool = False) -> list[Object]:
        """Return the objects of the namespace, or of all of them."""
        if everywhere:
            answer: Any = self._api.list_cluster_custom_object(*_RESOURCE, names.PLURAL, _request_timeout=_TIMEOUTS)
        else:
            place = (*_RESOURCE, self.namespace, names.PLURAL)
            answer = self._api.list_namespaced_custom_object(*place, _request_timeout=_TIMEOUTS)
        items: list[Object] = answer["items"]
        return items

    def annotate(self, name: str, annotation: str, value: str) -> None:
        """Set an annotation, and nothing else."""
        place = (*_RESOURCE, self.namespace, names.PLURAL, name)
        body = {"metadata": {"annotations": {annotation: value}}}
        self._api.patch_namespaced_custom_object(
            *place, body, _content_type="application/merge-patch+json", _request_timeout=_TIMEOUTS
        )

    def follow(self, name: str, deadline: float | None = None) -> Iterator[Object | ConnectionLost]:
        """Yield an object now and after each change, until `deadline` (of the monotonic clock).

        A connection that is lost after the first answer is made again, which yields a ConnectionLost. Raises
        ClickException when the object is deleted.
        """
        was_read, pause = False, 1
        while deadline is None or time.monotonic() < deadline:
            try:
                answer = self.get(name)
                yield answer
                was_read, pause = True, 1
                yield from self._changes(name, answer["metadata"]["resourceVersion"], deadline)
            except (HTTPError, ApiException) as error:
                if not was_read:
                    raise
                yield _connection_lost(error)
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _changes(self, name: str, version: str, deadline: float | None) -> Iterator[Object]:
        remaining = _WATCH_SECONDS if deadline is None else deadline - time.monotonic()
        seconds = max(1, min(_WATCH_SECONDS, round(remaining)))
        events = Watch().stream(
            self._api.list_namespaced_custom_object,
            *(*_RESOURCE, self.namespace, names.PLURAL),
            field_selector=f"metadata.name={name}",
            resource_version=version,
            timeout_seconds=seconds,
            _request_timeout=(_TIMEOUTS[0], seconds + _TIMEOUTS[1]),
        )
        began = time.monotonic()
        for event in events:
            if event["type"] == "DELETED":
                raise click.ClickException(f"{name} was deleted")
            yield event["raw_object"]
        if time.monotonic() < began + seconds - 1:
            raise HTTPError("the API server ended the watch")


def _connection_lost(error: HTTPError | ApiException) -> ConnectionLost:
    if isinstance(error, HTTPError):
        return ConnectionLost(reason(error))
    if error.status not in _TEMPORARY and (error.status or 0) < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error
    return ConnectionLost(message(error))
