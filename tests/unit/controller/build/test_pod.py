"""What a pod template is, whatever the spec holds: the cases that no golden file shows."""

from typing import Any

import pytest
from tests.support.scenario import URI, plan_of

from nereid.controller.build.pod import pod_template


def spec_of(runtime: dict[str, Any], **model: object) -> dict[str, Any]:
    template = pod_template(plan_of({"model": {"uri": URI, **model}, "runtime": runtime}), "v1")
    spec: dict[str, Any] = template["spec"]
    return spec


@pytest.mark.parametrize(("limit", "pools"), [("2", 2), ("two", 1), ("1k", 64), ("1000000000000", 64), ("0", 0)])
def test_a_pool_for_each_gpu_that_can_be(limit: str, pools: int) -> None:
    spec = spec_of({"resources": {"limits": {"nvidia.com/gpu": limit}}, "tensorMemory": {"cuda": "1Mi"}})
    arguments = spec["containers"][0]["args"]
    assert len([one for one in arguments if one.startswith("--cuda-memory-pool-byte-size=")]) == pools


@pytest.mark.parametrize(("size", "models", "tmp"), [(None, "201Gi", "100Gi"), ("3Gi", "7Gi", "3Gi")])
def test_no_volume_takes_more_of_the_node_than_a_model_may_have(size: str | None, models: str, tmp: str) -> None:
    volumes = {one["name"]: one["emptyDir"] for one in spec_of({}, maxSize=size)["volumes"] if "emptyDir" in one}
    limits = {name: volume.get("sizeLimit") for name, volume in volumes.items() if volume.get("medium") != "Memory"}
    assert limits == {"models": models, "tmp": tmp, "fetch-tmp": "1Gi"}


def test_an_image_that_others_had_pulled_is_not_mounted_without_asking_its_registry() -> None:
    spec = spec_of({}, uri=f"oci://registry/digits@sha256:{'0' * 64}", imageVolume=True)
    assert [volume["image"]["pullPolicy"] for volume in spec["volumes"] if "image" in volume] == ["Always"]


def test_a_pull_secret_for_two_images_is_named_once() -> None:
    runtime = {"imagePullSecrets": [{"name": "registry"}]}
    source = {"uri": f"oci://registry/digits@sha256:{'0' * 64}", "imageVolume": True}
    named = spec_of(runtime, **source, credentials={"secretName": "registry"})["imagePullSecrets"]
    assert named == [{"name": "registry"}]
    named = spec_of(runtime, **source, credentials={"secretName": "models"})["imagePullSecrets"]
    assert named == [{"name": "registry"}, {"name": "models"}]


EKS, AZURE = "eks.amazonaws.com/skip-containers", "azure.workload.identity/skip-containers"


def test_the_clusters_token_is_mounted_nowhere_and_the_clouds_only_where_the_model_is_fetched() -> None:
    beside = {"spec": {"containers": [{"name": "agent"}], "initContainers": [{"name": "wait"}]}}
    runtime = {"serviceAccountName": "reader", "podTemplate": beside}
    template = pod_template(plan_of({"model": {"uri": "s3://models/1"}, "runtime": runtime}), "v1")
    assert template["spec"]["serviceAccountName"] == "reader"
    assert template["spec"]["automountServiceAccountToken"] is False
    containers = {one["name"] for kind in ("containers", "initContainers") for one in template["spec"][kind]}
    for annotation, separator in ((EKS, ","), (AZURE, ";")):
        skipped = set(template["metadata"]["annotations"][annotation].split(separator))
        assert containers - skipped == {"fetch-model"}
        assert "istio-proxy" in skipped


def test_the_author_of_the_pods_may_give_a_clouds_identity_to_a_container() -> None:
    patch = {"metadata": {"annotations": {EKS: ""}}}
    template = pod_template(plan_of({"model": {"uri": URI}, "runtime": {"podTemplate": patch}}), "v1")
    assert template["metadata"]["annotations"][EKS] == ""
    assert "triton" in template["metadata"]["annotations"][AZURE]


def test_a_container_beside_triton_is_restricted_too() -> None:
    spec = spec_of({"podTemplate": {"spec": {"containers": [{"name": "agent", "image": "a"}]}}})
    (agent,) = [one for one in spec["containers"] if one["name"] == "agent"]
    assert agent["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
