"""Sources and models that cannot work: within a minute a condition names the cause, and goes on naming it."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from digits.cluster import Manifest, wait_for
from digits.model_deployment import ModelDeployment, condition, matches
from servers.s3 import AccessKey
from tests.support.e2e import mlflow_models
from tests.support.e2e.access import credentials, trust
from tests.support.e2e.case import Case
from tests.support.e2e.model_server import MALFORMED
from tests.support.e2e.sources import READER, Sources

pytestmark = pytest.mark.usefixtures("undisturbed")

Spec = dict[str, Any]
SECONDS = 60
FOLDER = {"7/model.py": b"FACTOR = 1", "7/notes.txt": b"notes"}
WRONG_DIGEST = f"sha256:{'0' * 64}"
RESTARTS = 3


class Bad(NamedTuple):
    """A spec that cannot work, and what must be said of it."""

    spec: Callable[[Case, Sources], Spec]
    reason: str
    causes: tuple[str, ...]


def s3_folder(case: Case, sources: Sources, key: AccessKey | None = None, **model: Any) -> Spec:
    """A folder on S3, read by its reader or with another key."""
    uri = f"{sources.on_s3(FOLDER)}/7"
    secret = credentials(case, **(key or sources.s3.reader).environment)
    return {"model": {"uri": uri, "format": "python", "endpoint": sources.s3.url, "credentials": secret, **model}}


def on_web(case: Case, sources: Sources, file: str, content: bytes, **model: Any) -> Spec:
    """A file of the web server."""
    authority = trust(case, sources.web.authority.certificate)
    return {"model": {"uri": sources.on_web(file, content), "caBundle": authority, **model}}


def unknown_alias(case: Case, sources: Sources) -> Spec:
    published = mlflow_models.publish(sources.mlflow, case.namespace, mlflow_models.regression(1))
    for alias in ("champion", "shadow"):
        mlflow_models.set_alias(sources.mlflow, published, alias)
    return mlflow(case, sources, f"models:/{case.namespace}@challenger", *READER)


def mlflow(case: Case, sources: Sources, uri: str, user: str, password: str) -> Spec:
    secret = credentials(case, MLFLOW_TRACKING_USERNAME=user, MLFLOW_TRACKING_PASSWORD=password)
    return {"model": {"uri": uri, "format": "sklearn", "endpoint": sources.mlflow.url, "credentials": secret}}


def stranger_at_registry(case: Case, sources: Sources) -> Spec:
    secret = credentials(case, username=READER[0], password="another")
    authority = trust(case, sources.registry.authority.certificate)
    uri = f"oci://{sources.registry.host}/models/digits:stable"
    return {"model": {"uri": uri, "format": "onnx", "credentials": secret, "caBundle": authority}}


def cut_off(_case: Case, sources: Sources) -> Spec:
    uri = sources.on_hub(sources.withholding_hub, {"model.onnx": os.urandom(4000)})
    return {"model": {"uri": uri, "format": "onnx", "endpoint": sources.withholding_hub.url}}


def full_disk(case: Case, sources: Sources) -> Spec:
    volume = {"name": "models", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
    spec = on_web(case, sources, "model.onnx", os.urandom(4 << 20))
    return {**spec, "runtime": {"podTemplate": {"spec": {"volumes": [volume]}}}}


BAD = {
    "digest-of-a-folder": Bad(
        lambda case, sources: s3_folder(case, sources, digest=WRONG_DIGEST),
        "ModelDigestMismatch",
        (WRONG_DIGEST, "spec.model.digest"),
    ),
    "truncated-file": Bad(cut_off, "ModelFetchFailed", ("model.onnx", "4000")),
    "missing-secret": Bad(
        lambda case, sources: s3_folder(case, sources, credentials={"secretName": "absent"}),
        "ModelAccessDenied",
        ("spec.model.credentials", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ),
    "wrong-s3-key": Bad(
        lambda case, sources: s3_folder(case, sources, AccessKey("reader", "another")),
        "ModelAccessDenied",
        ("spec.model.credentials", "AWS_SECRET_ACCESS_KEY"),
    ),
    "unknown-bucket": Bad(
        lambda case, sources: s3_folder(case, sources, uri="s3://no-such-bucket/7"),
        "ModelNotFound",
        ("no-such-bucket",),
    ),
    "unknown-key": Bad(
        lambda case, sources: s3_folder(case, sources, uri=f"{sources.on_s3(FOLDER)}/8"),
        "ModelNotFound",
        ("/8", "holds 7/"),
    ),
    "wrong-mlflow-password": Bad(
        lambda case, sources: mlflow(case, sources, "models:/digits@champion", READER[0], "another"),
        "ModelAccessDenied",
        ("MLFLOW_TRACKING_PASSWORD",),
    ),
    "unknown-alias": Bad(unknown_alias, "ModelNotFound", ("challenger", "champion, shadow")),
    "wrong-oci-password": Bad(stranger_at_registry, "ModelAccessDenied", ("username and password",)),
    "full-disk": Bad(full_disk, "ModelFetchFailed", ("pod's disk is full", str(4 << 20))),
    "no-pickle": Bad(
        lambda case, sources: on_web(case, sources, "model.pkl", b"no pickle", format="sklearn"),
        "ModelLoadFailed",
        ("not a pickle", "versions of training"),
    ),
    "other-format": Bad(
        lambda case, sources: on_web(case, sources, "model.json", case.digits.versions["1"].onnx, format="xgboost"),
        "ModelInvalid",
        ("XGBoost", "model.json"),
    ),
}
# One whose container for fetching ends, and one whose Triton does.
RESTARTED = {
    "fetch-model": Bad(
        lambda case, _: {"model": case.model("1", digest=WRONG_DIGEST)}, "ModelDigestMismatch", (WRONG_DIGEST,)
    ),
    "triton": Bad(
        lambda case, _: {"model": case.model("1", uri=case.server.uri(MALFORMED))}, "ModelLoadFailed", ("rotobuf",)
    ),
}


def assert_named(served: ModelDeployment, bad: Bad) -> None:
    told = served.wait_for_condition("Ready", "False", bad.reason, seconds=SECONDS)
    assert [cause for cause in bad.causes if cause not in told["message"]] == [], told["message"]


@pytest.mark.parametrize("name", BAD)
def test_cause_is_named_within_a_minute(case: Case, sources: Sources, name: str) -> None:
    spec = BAD[name].spec(case, sources)
    assert_named(case.apply(**spec), BAD[name])


def test_unknown_field_of_the_configuration_makes_no_pod(case: Case) -> None:
    served = case.apply(model=case.model("1", config={"maxBatchSiz": 4}))
    told = served.wait_for_condition("Ready", "False", "InvalidSpec", seconds=SECONDS)
    assert "maxBatchSiz" in told["message"]
    assert "spec.model.config" in told["message"]
    assert case.cluster.list("Pod", case.namespace) == []


def test_failures_disturb_no_other(case: Case, sources: Sources) -> None:
    good = case.apply("good")
    before = good.wait_until_ready()
    pods = pod_names(case, "good")
    names = ("missing-secret", "full-disk", "other-format")
    bad = {name: case.apply(name, **BAD[name].spec(case, sources)) for name in names}
    for name, served in bad.items():
        assert_named(served, BAD[name])
    assert condition(good.status, "Ready") == condition(before, "Ready")
    assert pod_names(case, "good") == pods
    with case.traffic("good") as client:
        assert client.burst(50).errors == ()


def pod_names(case: Case, name: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in case.cluster.list("Pod", case.namespace, f"app={name}")}


@pytest.mark.long
@pytest.mark.parametrize("container", RESTARTED)
def test_cause_is_named_through_restarts(case: Case, sources: Sources, container: str) -> None:
    bad = RESTARTED[container]
    served = case.apply(**bad.spec(case, sources))
    assert_named(served, bad)
    forgotten: list[Manifest] = []

    def has_restarted() -> bool:
        told = condition(served.status, "Ready")
        if not matches(told, "False", bad.reason) or not all(cause in told["message"] for cause in bad.causes):
            forgotten.append(told)
        return restarts(case, container) >= RESTARTS

    wait_for(f"{container} has restarted {RESTARTS} times", has_restarted, seconds=300, seen=served.describe)
    assert forgotten == []


def restarts(case: Case, container: str) -> int:
    """Return how often a container of the only pod was started again."""
    (pod,) = case.cluster.list("Pod", case.namespace, "nereid.dev/revision")
    kinds = ("initContainerStatuses", "containerStatuses")
    found = [status for kind in kinds for status in pod["status"].get(kind) or [] if status["name"] == container]
    return int(found[0]["restartCount"]) if found else 0
