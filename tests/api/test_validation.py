"""The API server itself rejects what cannot work, with a sentence that says what to change."""

from collections.abc import Callable

import pytest
from tests.api.kubernetes import Kubernetes, Object, RequestFailedError

DIGEST = "sha256:" + "0" * 64
CLAIM = {"uri": "pvc://models/digits"}
ONNX = {"uri": "https://models.example.com/digits.onnx"}
HOSTS = {"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"]}

VALID: dict[str, Object] = {
    "least": {"model": CLAIM},
    "digest of an ONNX file": {"model": {**ONNX, "digest": DIGEST}},
    "digest of an archive": {"model": {"uri": "https://example.com/a.tar.gz", "digest": DIGEST}},
    "digest of an ONNX file on a claim": {"model": {"uri": "pvc://models/m.onnx", "digest": DIGEST}},
    "private authority": {"model": {**ONNX, "caBundle": {"name": "ca", "key": "ca.crt"}}},
    "hosts and gateways": {"model": CLAIM, "traffic": HOSTS},
    "steps": {"model": CLAIM, "rollout": {"steps": [{"weight": 5, "hold": "1h30m"}, {"weight": 50}]}},
    "direct": {"model": CLAIM, "rollout": {"strategy": "Direct"}},
    "runtime": {
        "model": CLAIM,
        "runtime": {
            "image": "triton:1",
            "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "4Gi"}},
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "key"}}}],
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        },
    },
}

INVALID: dict[str, tuple[Object, str]] = {
    "no model": ({}, "spec.model: Required value"),
    "no uri": ({"model": {}}, "spec.model.uri: Required value"),
    "unknown scheme": ({"model": {"uri": "ftp://example.com/m"}}, "must be pvc://CLAIM/PATH"),
    "plain http": ({"model": {"uri": "http://example.com/m"}}, "must be pvc://CLAIM/PATH"),
    "password in uri": ({"model": {"uri": "https://me:secret@example.com/m"}}, "without user or password"),
    "unknown format": ({"model": {**CLAIM, "format": "pickle"}}, 'supported values: "onnx", "triton"'),
    "short digest": ({"model": {**ONNX, "digest": "sha256:0"}}, "64 lower-case hexadecimal digits"),
    "digest of a folder": ({"model": {**CLAIM, "digest": DIGEST}}, "digest needs a single file"),
    "authority without https": (
        {"model": {**CLAIM, "caBundle": {"name": "a", "key": "b"}}},
        "caBundle is for https://",
    ),
    "version not a label": ({"model": {**CLAIM, "version": "v 1"}}, "must be a label value"),
    "no replicas": ({"model": CLAIM, "scaling": {"minReplicas": 0}}, "greater than or equal to 1"),
    "hosts without gateways": ({"model": CLAIM, "traffic": {"hosts": ["a.b"]}}, "hosts and gateways go together"),
    "wildcard host": ({"model": CLAIM, "traffic": {**HOSTS, "hosts": ["*.a.b"]}}, "must be a DNS name"),
    "gateway without namespace": ({"model": CLAIM, "traffic": {**HOSTS, "gateways": ["public"]}}, "NAMESPACE/NAME"),
    "no timeout": ({"model": CLAIM, "traffic": {"timeout": "0s"}}, "timeout must be at least 1s"),
    "duration without unit": ({"model": CLAIM, "traffic": {"timeout": "60"}}, "as in 1h30m, 5m or 90s"),
    "all traffic in a step": ({"model": CLAIM, "rollout": {"steps": [{"weight": 100}]}}, "less than or equal to 99"),
    "no step": ({"model": CLAIM, "rollout": {"steps": []}}, "should have at least 1 items"),
    "falling weights": (
        {"model": CLAIM, "rollout": {"steps": [{"weight": 50, "hold": "1m"}, {"weight": 10}]}},
        "weights must rise",
    ),
    "equal weights": (
        {"model": CLAIM, "rollout": {"steps": [{"weight": 10, "hold": "1m"}, {"weight": 10}]}},
        "weights must rise",
    ),
    "hold missing in the middle": (
        {"model": CLAIM, "rollout": {"steps": [{"weight": 10}, {"weight": 50}]}},
        "only the last step may leave hold out",
    ),
    "direct with steps": (
        {"model": CLAIM, "rollout": {"strategy": "Direct", "steps": [{"weight": 10}]}},
        "strategy Direct has no steps",
    ),
    "hasty deadline": ({"model": CLAIM, "rollout": {"progressDeadlineSeconds": 1}}, "greater than or equal to 10"),
    "short grace period": (
        {"model": CLAIM, "runtime": {"terminationGracePeriodSeconds": 1}},
        "greater than or equal to 30",
    ),
}

Attempt = Callable[..., Object]


@pytest.fixture
def attempt(kubernetes: Kubernetes) -> Attempt:
    """Return a function that has a ModelDeployment validated and keeps nothing."""

    def create(spec: Object, name: str = "digits") -> Object:
        path = kubernetes.path("ModelDeployment", "default")
        body = {
            "apiVersion": "nereid.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": spec,
        }
        return kubernetes.create(f"{path}?dryRun=All&fieldValidation=Strict", body)

    return create


@pytest.mark.parametrize("case", VALID)
def test_valid(attempt: Attempt, case: str) -> None:
    assert attempt(VALID[case])["spec"] == VALID[case]


@pytest.mark.parametrize("case", INVALID)
def test_invalid(attempt: Attempt, case: str) -> None:
    spec, sentence = INVALID[case]
    with pytest.raises(RequestFailedError) as failure:
        attempt(spec)
    assert failure.value.status == 422
    assert sentence in failure.value.message


@pytest.mark.parametrize("name", ["a" * 51, "1digits", "digits.eu"])
def test_name_that_does_not_fit_its_children(attempt: Attempt, name: str) -> None:
    with pytest.raises(RequestFailedError, match="at most 50 characters"):
        attempt({"model": CLAIM}, name)


def test_misspelt_field(attempt: Attempt) -> None:
    with pytest.raises(RequestFailedError, match="unknown field"):
        attempt({"model": {**CLAIM, "formatt": "onnx"}})


def test_scale_subresource_writes_the_wanted_replicas(kubernetes: Kubernetes, namespace: str) -> None:
    path = kubernetes.path("ModelDeployment", namespace)
    body = {"apiVersion": "nereid.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "digits"}}
    kubernetes.create(path, {**body, "spec": {"model": CLAIM}})
    kubernetes.patch("ModelDeployment", namespace, "digits", {"spec": {"replicas": 3}}, "scale")
    assert kubernetes.get("ModelDeployment", namespace, "digits")["spec"]["scaling"] == {"replicas": 3}
