"""ModelDeployments of one namespace, and what becomes of them."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.api.kubernetes import CHILDREN, Kubernetes, Object
from tests.support.api.waiting import wait_until
from tests.support.bakes import without_bake

Key = tuple[str, str]


def _changes_without_bake(spec: Object) -> Object:
    """Return changes of a spec after which no rollout has a bake that they do not ask for.

    Blue/green keeps its own; what another strategy was given before is taken back.
    """
    if spec["rollout"].get("strategy") == "BlueGreen":
        return {**spec, "rollout": {**spec["rollout"], "bake": None}}
    return without_bake(spec)


class Models:
    """Makes, changes and waits for the ModelDeployments of a namespace."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self.kubernetes = kubernetes
        self.namespace = namespace

    def create(self, name: str = "digits", uri: str = "pvc://models/digits/1", **spec: Any) -> Object:
        """Create one that is rolled out at once, by default without the built-in check: no node would run its Job."""
        unchecked = {"checks": {"smoke": False}}
        rollout = {**unchecked, **spec.pop("rollout", {"strategy": "Direct", "drain": "0s"})}
        body = {
            "apiVersion": "nereid.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": without_bake({"model": {"uri": uri}, "rollout": rollout, **spec}),
        }
        return self.kubernetes.create(self.kubernetes.path("ModelDeployment", self.namespace), body)

    def get(self, name: str = "digits") -> Object:
        return self.kubernetes.get("ModelDeployment", self.namespace, name)

    def change(self, name: str = "digits", **spec: Any) -> None:
        changes = _changes_without_bake(spec) if "rollout" in spec else spec
        self.kubernetes.patch("ModelDeployment", self.namespace, name, {"spec": changes})

    def annotate(self, name: str = "digits", **values: str | None) -> None:
        """Set annotations of Nereid's."""
        annotations = {f"nereid.dev/{key}": value for key, value in values.items()}
        self.kubernetes.patch("ModelDeployment", self.namespace, name, {"metadata": {"annotations": annotations}})

    def status(self, name: str = "digits") -> Object:
        """Return the status; an empty one before it is reported."""
        status: Object = self.get(name).get("status", {})
        return status

    def rollout(self, name: str = "digits") -> Object:
        """Return the rollout's part of the status."""
        rollout: Object = self.status(name).get("rollout", {})
        return rollout

    def stable(self, name: str = "digits") -> str:
        return str(self.status(name)["stable"]["revision"])

    def candidate(self, name: str = "digits") -> str | None:
        candidate = self.status(name).get("candidate")
        return str(candidate["revision"]) if candidate else None

    def events(self, name: str = "digits") -> list[str]:
        """Return the reasons of all events of one ModelDeployment.

        The operator writes them after the status that they tell of: wait_for_events waits for those to come.
        """
        found = self.kubernetes.list("Event", self.namespace)
        return [one["reason"] for one in found if one["regarding"]["name"] == name]

    def wait_for_events(self, *reasons: str, name: str = "digits") -> list[str]:
        """Wait for an event with each of the reasons; return the reasons of all events."""
        wait_until(lambda: set(reasons) <= set(self.events(name)), seconds=10, what=f"events {', '.join(reasons)}")
        return self.events(name)

    def wait_for(self, state: str, reason: str = "", name: str = "digits", seconds: float = 20) -> Object:
        """Wait for a state of the rollout, with a reason if one is given; return the status."""

        def reached() -> bool:
            rollout = self.rollout(name)
            return rollout.get("state") == state and reason in ("", rollout["reason"])

        self._wait(reached, name, seconds, f"{state} {reason}".strip())
        return self.status(name)

    def wait_without_pods(self, revision: str, name: str = "digits") -> None:
        """Wait until a revision has lost its Deployment."""
        deployment = f"{name}-{revision}"
        wait_until(
            lambda: self.kubernetes.find("Deployment", self.namespace, deployment) is None,
            seconds=20,
            what=f"Deployment {deployment} being gone",
        )

    def condition(self, kind: str, name: str = "digits") -> Object:
        """Return a condition; an empty one before it is reported."""
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == kind), {})

    def wait_ready(self, reason: str, name: str = "digits") -> Object:
        """Wait for a reason of condition Ready; return the condition."""
        self._wait(lambda: self.condition("Ready", name).get("reason") == reason, name, 20, f"Ready: {reason}")
        return self.condition("Ready", name)

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
        self._wait(lambda: self.is_settled(name), name, seconds, "being ready")
        return self.get(name)

    def _wait(self, condition: Callable[[], bool], name: str, seconds: float, what: str) -> None:
        try:
            wait_until(condition, seconds=seconds, what=f"{self.namespace}/{name}: {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}; its status: {json.dumps(self.status(name), indent=1)}") from error

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
