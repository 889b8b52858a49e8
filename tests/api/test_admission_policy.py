"""Whoever gets the operator's token gets no more than the operator does: the chart's ValidatingAdmissionPolicy.

All other tests run with the policy too, so that what it must not keep the operator from shows there.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.api.control_plane import RELEASE_NAMESPACE, ControlPlane
from tests.support.api.kubernetes import Kubernetes, Object, RequestFailedError

LABELS = {"app.kubernetes.io/managed-by": "nereid"}
OWNER = {
    "apiVersion": "nereid.dev/v1alpha1",
    "kind": "ModelDeployment",
    "name": "digits",
    "uid": "1f7c",
    "controller": True,
}
CONTAINER = {"name": "triton", "image": "triton"}
# What reaches the node, as a change of the pod's spec, and a word of the message.
REACHING_THE_NODE: list[tuple[dict[str, Any], str]] = [
    ({"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, "hostPath"),
    ({"hostNetwork": True}, "host's network"),
    ({"hostPID": True}, "host's network"),
    ({"hostIPC": True}, "host's network"),
    ({"containers": [{**CONTAINER, "securityContext": {"privileged": True}}]}, "privileged"),
    ({"initContainers": [{**CONTAINER, "name": "a", "securityContext": {"privileged": True}}]}, "privileged"),
    ({"containers": [{**CONTAINER, "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}, "capabilities"),
    ({"containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 80}]}]}, "ports of their host"),
]


@pytest.fixture
def stolen(control_plane: ControlPlane) -> Kubernetes:
    """A client with the operator's token."""
    return control_plane.operator()


@pytest.fixture(scope="module", autouse=True)
def _release_namespace(kubernetes: Kubernetes) -> Iterator[None]:
    kubernetes.create("/api/v1/namespaces", {"metadata": {"name": RELEASE_NAMESPACE}})
    yield
    kubernetes.request("DELETE", f"/api/v1/namespaces/{RELEASE_NAMESPACE}")


def metadata(name: str = "digits-x", **more: Any) -> Object:
    return {"name": name, "labels": LABELS, "ownerReferences": [OWNER], **more}


def workload(kind: str, pod: Object | None = None, **own: Any) -> Object:
    spec = {"containers": [CONTAINER], **(pod or {})}
    template = {"metadata": {"labels": {"app": "digits"}}, "spec": spec}
    if kind == "Job":
        return {
            "metadata": own or metadata(),
            "spec": {"template": {**template, "spec": {**spec, "restartPolicy": "Never"}}},
        }
    return {
        "metadata": own or metadata(),
        "spec": {"selector": {"matchLabels": {"app": "digits"}}, "template": template},
    }


def service(**own: Any) -> Object:
    return {"metadata": own or metadata(), "spec": {"ports": [{"port": 80}]}}


def refused(client: Kubernetes, kind: str, namespace: str, body: Object) -> str:
    """Return why an object may not be made."""
    with pytest.raises(RequestFailedError) as caught:
        client.create(client.path(kind, namespace) + "?dryRun=All", body)
    assert caught.value.status == 403
    return str(caught.value.message)


def test_it_makes_what_belongs_to_a_model_deployment(stolen: Kubernetes, namespace: str) -> None:
    for kind, body in (("Deployment", workload("Deployment")), ("Job", workload("Job")), ("Service", service())):
        stolen.create(stolen.path(kind, namespace) + "?dryRun=All", body)


@pytest.mark.parametrize(
    "own",
    [
        {"name": "x"},
        {"name": "x", "labels": LABELS},
        {"name": "x", "ownerReferences": [OWNER]},
        {"name": "x", "labels": {"app.kubernetes.io/managed-by": "Helm"}, "ownerReferences": [OWNER]},
        {"name": "x", "labels": LABELS, "ownerReferences": [{**OWNER, "apiVersion": "apps/v1", "kind": "Deployment"}]},
    ],
)
def test_it_makes_nothing_else(stolen: Kubernetes, namespace: str, own: Object) -> None:
    assert "belongs to a ModelDeployment" in refused(stolen, "Deployment", namespace, workload("Deployment", **own))
    assert "belongs to a ModelDeployment" in refused(stolen, "Service", namespace, service(**own))


@pytest.mark.parametrize("protected", ["kube-system", "kube-public", RELEASE_NAMESPACE])
def test_it_makes_nothing_where_the_cluster_itself_runs(stolen: Kubernetes, protected: str) -> None:
    message = refused(stolen, "Deployment", protected, workload("Deployment"))
    assert "admissionPolicy.protectedNamespaces" in message


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
@pytest.mark.parametrize(("pod", "word"), REACHING_THE_NODE)
def test_its_pods_do_not_reach_their_node(
    stolen: Kubernetes, namespace: str, kind: str, pod: Object, word: str
) -> None:
    message = refused(stolen, kind, namespace, workload(kind, pod))
    assert word in message
    assert "models.podSecurity" in message


@pytest.mark.parametrize(
    "spec",
    [{"type": "LoadBalancer"}, {"type": "ExternalName", "externalName": "x.org"}, {"externalIPs": ["192.0.2.1"]}],
)
def test_its_services_stay_within_the_cluster(stolen: Kubernetes, namespace: str, spec: Object) -> None:
    body = {"metadata": metadata(), "spec": {"ports": [{"port": 80}], **spec}}
    assert "ClusterIP" in refused(stolen, "Service", namespace, body)


def test_it_neither_changes_nor_deletes_what_is_another_s(
    stolen: Kubernetes, kubernetes: Kubernetes, namespace: str
) -> None:
    kubernetes.create(kubernetes.path("Service", namespace), service(name="payments"))
    for act in (
        lambda: stolen.patch("Service", namespace, "payments", {"metadata": metadata("payments")}),
        lambda: stolen.delete("Service", namespace, "payments"),
    ):
        with pytest.raises(RequestFailedError, match="belongs to a ModelDeployment"):
            act()


def test_pods_that_are_there_may_stay_as_they_are(stolen: Kubernetes, kubernetes: Kubernetes, namespace: str) -> None:
    """The installer allows less than before: what runs is still scaled, and not made worse."""
    before = workload("Deployment", {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]})
    kubernetes.create(kubernetes.path("Deployment", namespace), before)
    assert stolen.patch("Deployment", namespace, "digits-x", {"spec": {"replicas": 3}})["spec"]["replicas"] == 3
    worse = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
    with pytest.raises(RequestFailedError, match="host's network"):
        stolen.patch("Deployment", namespace, "digits-x", worse)


def test_nobody_else_is_held_to_it(kubernetes: Kubernetes) -> None:
    body = workload("Deployment", {"hostNetwork": True}, name="foreign")
    kubernetes.create(kubernetes.path("Deployment", "kube-system") + "?dryRun=All", body)
