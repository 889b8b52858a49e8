"""Where a pod's metrics can be read: the address in the live pod's annotations for Prometheus.

In the mesh, the injected sidecar has put its own port and path there, under which it serves the application's metrics
together with its own, without mutual TLS. Whoever writes a pod's annotations may not choose what the operator asks, so
any other port or path counts as none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names

_PORT: Final = "prometheus.io/port"
_PATH: Final = "prometheus.io/path"
_DEFAULT_PATH: Final = "/metrics"
# Triton's; that of Istio's agent, which serves both; Envoy's.
_PORTS: Final = {str(port): port for port in (names.PORT_METRICS, 15020, 15090)}
_PATHS: Final = frozenset({_DEFAULT_PATH, "/stats/prometheus"})


@dataclass(frozen=True, slots=True)
class PodAddress:
    """The address of a running pod's metrics; `uid` distinguishes pods of the same name."""

    name: str
    uid: str
    address: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The metrics' URL."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}/{self.path.lstrip('/')}"


def pod_address(raw: Mapping[str, Any]) -> PodAddress | None:
    """Return where a pod's metrics are; None unless it is running, has an IP and is not being deleted."""
    metadata, status = raw["metadata"], raw.get("status", {})
    if status.get("phase") != "Running" or not status.get("podIP") or "deletionTimestamp" in metadata:
        return None
    annotations = metadata.get("annotations") or {}
    path = annotations.get(_PATH)
    return PodAddress(
        name=metadata["name"],
        uid=metadata["uid"],
        address=status["podIP"],
        port=_PORTS.get(annotations.get(_PORT, ""), names.PORT_METRICS),
        path=path if path in _PATHS else _DEFAULT_PATH,
    )
