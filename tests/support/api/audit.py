"""What the operator asked of the API server, as the audit log has it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """A request: verb (get, list, watch, patch, …), resource with its subresource, namespace, name and answer."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    user_agent: str

    @property
    def is_write(self) -> bool:
        return self.verb in ("create", "update", "patch", "delete", "deletecollection")


class AuditLog:
    """The operator's requests since the last `clear`, to objects of one namespace or (empty) everywhere."""

    def __init__(self, path: Path, namespace: str = "") -> None:
        self._path = path
        self._namespace = namespace
        self._offset = 0
        self.clear()

    def clear(self) -> None:
        """Count from now on."""
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    @property
    def silent_seconds(self) -> float:
        """How long ago the last request to any namespace was written down."""
        return time.time() - self._path.stat().st_mtime

    def requests(self) -> list[Request]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as log:
            log.seek(self._offset)
            lines = log.read().splitlines()
        found = [request for line in lines if (request := _parse(line))]
        return [request for request in found if self._namespace in ("", request.namespace)]

    def writes(self) -> list[Request]:
        return [request for request in self.requests() if request.is_write]


def _parse(line: bytes) -> Request | None:
    """Read one line; None where it is about the end of a watch whose beginning was counted, or is not complete yet."""
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        return None
    if event["verb"] == "watch" and event["stage"] != "ResponseStarted":
        return None
    target = event.get("objectRef", {})
    resource = "/".join(
        part for part in (target.get("resource", event["requestURI"]), target.get("subresource")) if part
    )
    return Request(
        verb=event["verb"],
        resource=resource,
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        user_agent=event.get("userAgent", ""),
    )
