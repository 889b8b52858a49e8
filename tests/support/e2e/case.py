"""One case: a namespace of its own in the mesh, models to serve there, and short intervals."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from digits.cluster import Cluster, Manifest
from digits.model_deployment import ModelDeployment
from digits.traffic import ANYBODY, Endpoint, Group, TrafficClient
from digits.train import Digits
from tests.support.bakes import without_bake
from tests.support.e2e.faulty_models import Fault, archive_name
from tests.support.e2e.model_server import ModelServer, version_file

# As long as the route itself waits: on a crowded machine a slow answer is no lost one.
PATIENCE = 60.0
AUTHORITY = "company-ca"
# What all namespaces of a run have; those that are left at its end are deleted by it.
LABELS = {"app.kubernetes.io/part-of": "nereid-e2e"}
WAITS_AT_20 = {"steps": [{"weight": 20}], "drain": "5s"}


@dataclass(frozen=True, slots=True)
class Case:
    """What a test has in hands."""

    cluster: Cluster
    namespace: str
    digits: Digits = field(repr=False)
    server: ModelServer = field(repr=False)

    def model(self, version: str, **fields: Any) -> Manifest:
        """Return `spec.model` for a version of the digits model on the https server, with some fields set otherwise."""
        bundle = {"name": AUTHORITY, "key": "ca.crt"}
        return {"uri": self.server.uri(version_file(version)), "version": version, "caBundle": bundle, **fields}

    def faulty(self, fault: Fault) -> Manifest:
        """Return `spec.model` for a version that has this fault, which is also its name."""
        return self.model(fault, uri=self.server.uri(archive_name(fault)))

    def apply(self, name: str = "digits", *, version: str = "1", **spec: Any) -> ModelDeployment:
        """Apply a ModelDeployment, with these fields of its spec instead of the usual ones, and return its handle.

        Unless its rollout says something of checks, it goes without the built-in one, whose Job takes its seconds.
        """
        rollout = {"checks": {"smoke": False}, **spec.pop("rollout", WAITS_AT_20)}
        usual = {
            "model": self.model(version),
            "traffic": {"hosts": [self.host(name)], "gateways": ["istio-ingress/nereid"]},
            "rollout": rollout,
        }
        manifest = {
            "apiVersion": "nereid.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": without_bake({**usual, **spec}),
        }
        self.cluster.apply(manifest, namespace=self.namespace)
        return ModelDeployment(self.cluster, self.namespace, name)

    def host(self, name: str = "digits") -> str:
        """Return the host name by which clients outside the mesh reach a ModelDeployment."""
        return f"{name}.{self.namespace}.example.com"

    def preview_host(self, name: str = "digits") -> str:
        """Return the host name by which clients outside the mesh reach the candidate of a ModelDeployment."""
        return f"preview.{self.host(name)}"

    def endpoint(self, name: str = "digits") -> Endpoint:
        """Return where clients outside the mesh reach a ModelDeployment."""
        return Endpoint(self.cluster.gateway, self.host(name), name)

    def traffic(
        self, name: str = "digits", groups: Sequence[Group] = (ANYBODY,), patience: float = PATIENCE
    ) -> TrafficClient:
        """Return a client outside the mesh that counts, and waits `patience` seconds; enter it to connect it."""
        return TrafficClient(self.endpoint(name), self.digits, groups, patience)

    def preview(self, name: str = "digits") -> TrafficClient:
        """Return a client that asks by the preview host and counts; enter it to connect it."""
        endpoint = Endpoint(self.cluster.gateway, self.preview_host(name), name)
        return TrafficClient(endpoint, self.digits, patience=PATIENCE)


@contextmanager
def own_namespace(cluster: Cluster, words: str, digits: Digits, server: ModelServer) -> Iterator[Case]:
    """Make a namespace in the mesh that is named after some words, for as long as the context lasts."""
    name = f"e2e-{words[:36].strip('-')}-{secrets.token_hex(2)}"
    cluster.create_namespace(name, {"istio-injection": "enabled", **LABELS})
    authority = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": AUTHORITY}}
    cluster.apply({**authority, "data": {"ca.crt": server.authority}}, namespace=name)
    yield Case(cluster, name, digits, server)
    cluster.kubectl("delete", "namespace", name, "--wait=false")
