"""The kinds of objects that Nereid reads and writes, and where the API server keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API server's paths name it."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the path of the collection, of one object, or of its subresource; no namespace means all of them."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        if namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


MODEL_DEPLOYMENT: Final = Resource(names.GROUP, names.VERSION, names.KIND, names.PLURAL)
CONTROLLER_REVISION: Final = Resource("apps", "v1", "ControllerRevision", "controllerrevisions")
DEPLOYMENT: Final = Resource("apps", "v1", "Deployment", "deployments")
SERVICE: Final = Resource("", "v1", "Service", "services")
VIRTUAL_SERVICE: Final = Resource("networking.istio.io", "v1", "VirtualService", "virtualservices")
DESTINATION_RULE: Final = Resource("networking.istio.io", "v1", "DestinationRule", "destinationrules")
GATEWAY: Final = Resource("networking.istio.io", "v1", "Gateway", "gateways")
JOB: Final = Resource("batch", "v1", "Job", "jobs")
POD_DISRUPTION_BUDGET: Final = Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
HORIZONTAL_POD_AUTOSCALER: Final = Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECT: Final = Resource("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
POD: Final = Resource("", "v1", "Pod", "pods")
ENDPOINT_SLICE: Final = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
EVENT: Final = Resource("events.k8s.io", "v1", "Event", "events")

# What Nereid creates for a ModelDeployment, and so repairs and deletes.
CHILDREN: Final = (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    SERVICE,
    DESTINATION_RULE,
    POD_DISRUPTION_BUDGET,
    VIRTUAL_SERVICE,
    JOB,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
)
# Kinds that a cluster may lack: a condition reports it if they are needed.
OPTIONAL: Final = frozenset({SCALED_OBJECT})
# What others make of its children, with their labels: pods, which show why a revision is not ready, and the endpoints
# of its Services.
MADE_BY_OTHERS: Final = (POD, ENDPOINT_SLICE)
# What it watches besides ModelDeployments.
WATCHED: Final = (*CHILDREN, *MADE_BY_OTHERS)

_BY_KIND: Final = {resource.kind: resource for resource in (MODEL_DEPLOYMENT, *WATCHED, EVENT)}


def resource_of(manifest: Manifest) -> Resource:
    """Return the resource that a manifest is an object of."""
    return _BY_KIND[manifest["kind"]]
