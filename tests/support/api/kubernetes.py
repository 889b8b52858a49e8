"""The test's own access to the API server: blocking, with a connection per thread, and without the operator's code."""

import http.client
import json
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

Object = dict[str, Any]

COLLECTIONS = {
    "ModelDeployment": "/apis/nereid.dev/v1alpha1/namespaces/{}/modeldeployments",
    "ControllerRevision": "/apis/apps/v1/namespaces/{}/controllerrevisions",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Service": "/api/v1/namespaces/{}/services",
    "DestinationRule": "/apis/networking.istio.io/v1/namespaces/{}/destinationrules",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Gateway": "/apis/networking.istio.io/v1/namespaces/{}/gateways",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "ScaledObject": "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Pod": "/api/v1/namespaces/{}/pods",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "Event": "/apis/events.k8s.io/v1/namespaces/{}/events",
}
# The children that a ModelDeployment has for as long as it lives.
CHILDREN = ("ControllerRevision", "Deployment", "Service", "DestinationRule", "PodDisruptionBudget", "VirtualService")
MERGE_PATCH = "application/merge-patch+json"


class RequestFailedError(AssertionError):
    """The API server did not answer with success."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.message = json.loads(text).get("message", text) if text.startswith("{") else text


class Stream:
    """The lines of a watch."""

    def __init__(self, connection: http.client.HTTPSConnection, response: http.client.HTTPResponse) -> None:
        self._socket = connection.sock
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._response)

    def close(self) -> None:
        """End it; from another thread than the one that reads."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Kubernetes:
    """Requests with one user's token."""

    def __init__(self, url: str, certificate: Path, token: str) -> None:
        self._address = urllib.parse.urlsplit(url).netloc
        self._tls = ssl.create_default_context(cafile=str(certificate))
        self._token = token
        self._local = threading.local()

    def text(self, path: str) -> str:
        return self._send("GET", path, None, "").decode()

    def request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        answer: Object = json.loads(self._send(method, path, body, content_type))
        return answer

    def exists(self, path: str) -> bool:
        try:
            self.text(path)
        except RequestFailedError as error:
            if error.status == 404:
                return False
            raise
        return True

    def create(self, collection: str, body: Object) -> Object:
        return self.request("POST", collection, body)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        return self.request("GET", self.path(kind, namespace, name))

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object, or None if it does not exist."""
        try:
            return self.get(kind, namespace, name)
        except RequestFailedError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str) -> list[Object]:
        items: list[Object] = self.request("GET", self.path(kind, namespace))["items"]
        return items

    def patch(self, kind: str, namespace: str, name: str, body: Object, subresource: str = "") -> Object:
        suffix = f"/{subresource}" if subresource else ""
        return self.request("PATCH", self.path(kind, namespace, name) + suffix, body, MERGE_PATCH)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        # As kubectl does; a Job would otherwise wait for its pods to be made orphans.
        self.request("DELETE", self.path(kind, namespace, name), {"propagationPolicy": "Background"})

    def path(self, kind: str, namespace: str, name: str = "") -> str:
        return COLLECTIONS[kind].format(namespace) + (f"/{name}" if name else "")

    def stream(self, path: str, *, metadata_only: bool = False) -> Stream:
        """Open a watch on a connection of its own."""
        accepted = (
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" if metadata_only else "application/json"
        )
        connection = http.client.HTTPSConnection(self._address, context=self._tls)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}", "Accept": accepted})
        response = connection.getresponse()
        if response.status >= 400:
            raise RequestFailedError(response.status, response.read().decode())
        return Stream(connection, response)

    def _send(self, method: str, path: str, body: Object | None, content_type: str) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        try:
            response = self._exchange(method, path, data, headers)
        except (http.client.HTTPException, OSError):
            # The API server closes idle connections, and some tests restart it.
            self._local.connection = None
            response = self._exchange(method, path, data, headers)
        content = response.read()
        if response.status >= 400:
            raise RequestFailedError(response.status, content.decode())
        return content

    def _exchange(self, method: str, path: str, data: str | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(self._address, context=self._tls, timeout=30)
            self._local.connection = connection
        connection.request(method, path, data, headers)
        response: http.client.HTTPResponse = connection.getresponse()
        return response
