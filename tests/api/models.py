"""ModelDeployments of one namespace, and what becomes of them."""

import json
from typing import Any

from tests.api.kubernetes import CHILDREN, Kubernetes, Object
from tests.api.waiting import wait_until

Key = tuple[str, str]


class Models:
    """Makes, changes and waits for the ModelDeployments of a namespace."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self.kubernetes = kubernetes
        self.namespace = namespace

    def create(self, name: str = "digits", uri: str = "pvc://models/digits/1", **spec: Any) -> Object:
        body = {
            "apiVersion": "nereid.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {"model": {"uri": uri}, "rollout": {"strategy": "Direct", "drain": "0s"}, **spec},
        }
        return self.kubernetes.create(self.kubernetes.path("ModelDeployment", self.namespace), body)

    def get(self, name: str = "digits") -> Object:
        return self.kubernetes.get("ModelDeployment", self.namespace, name)

    def change(self, name: str = "digits", **spec: Any) -> None:
        self.kubernetes.patch("ModelDeployment", self.namespace, name, {"spec": spec})

    def condition(self, kind: str, name: str = "digits") -> Object:
        """Return a condition; an empty one before it is reported."""
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == kind), {})

    def is_settled(self, name: str = "digits") -> bool:
        """Whether the operator has seen the spec, and all of it is done."""
        model = self.get(name)
        status = model.get("status", {})
        return (
            status.get("observedGeneration") == model["metadata"]["generation"]
            and status.get("phase") == "Ready"
            and not status["rollout"]["retiring"]
        )

    def wait_settled(self, name: str = "digits", seconds: float = 20) -> Object:
        try:
            wait_until(lambda: self.is_settled(name), seconds=seconds, what=f"{self.namespace}/{name} being ready")
        except AssertionError as error:
            raise AssertionError(
                f"{error}; its status: {json.dumps(self.get(name).get('status'), indent=1)}"
            ) from error
        return self.get(name)

    def children(self) -> dict[Key, Object]:
        """Return all children in the namespace by kind and name."""
        return {
            (kind, child["metadata"]["name"]): child
            for kind in CHILDREN
            for child in self.kubernetes.list(kind, self.namespace)
        }

    def versions(self) -> dict[Key, str]:
        """Return each child's resourceVersion: it stays the same as long as nothing is written."""
        return {key: child["metadata"]["resourceVersion"] for key, child in self.children().items()}

    def owners(self) -> dict[Key, str]:
        """Return the uid of each child's owner."""
        children = self.children().items()
        return {key: child["metadata"].get("ownerReferences", [{}])[0].get("uid", "") for key, child in children}

    def contents(self) -> dict[Key, Object]:
        """Return what of each child does not depend on when it was made."""
        return {key: _content(child) for key, child in self.children().items()}


def _content(child: Object) -> Object:
    metadata = child["metadata"]
    kept = {field: metadata.get(field) for field in ("labels", "annotations")}
    spec = {field: value for field, value in child.get("spec", {}).items() if field not in ("clusterIP", "clusterIPs")}
    return {"metadata": kept, "spec": spec, "data": child.get("data")}
