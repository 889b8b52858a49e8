"""Asks a server over HTTP whether it is ready, and for what its contract promises."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECONDS = 15  # a password is hashed with care, and other tests have the processor


def status_of(url: str, *, authority: Path | None = None) -> int | None:
    """Return the HTTP status of a GET, or None where nothing answers; `authority` is whom https is trusted by."""
    try:
        with _open(urllib.request.Request(url), authority) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def send(
    url: str, body: Mapping[str, Any] | bytes = b"", *, method: str = "POST", headers: Mapping[str, str] | None = None
) -> int:
    """Send a body, as JSON unless it is bytes, and return the HTTP status, whatever it is."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if isinstance(body, bytes) else {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=content, method=method, headers={**kind, **(headers or {})})
    try:
        with _open(request, None) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header that carries a user and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _open(request: urllib.request.Request, authority: Path | None) -> Any:
    # No proxy stands between a test and a server on its own machine.
    context = ssl.create_default_context(cafile=authority) if authority else None
    handlers = [urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])]
    return urllib.request.build_opener(*handlers).open(request, timeout=SECONDS)
