from typing import Any

import pytest

from nereid.controller.plan.pod_patch import merged, problem

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "digits"}, "annotations": {"a": "1"}},
    "spec": {
        "containers": [
            {
                "name": "triton",
                "image": "triton",
                "args": ["tritonserver"],
                "env": [{"name": "A", "value": "1"}],
                "volumeMounts": [{"name": "models", "mountPath": "/models"}],
                "resources": {"limits": {"memory": "1Gi"}},
            }
        ],
        "volumes": [{"name": "models", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        "tolerations": [{"key": "a"}],
        "terminationGracePeriodSeconds": 90,
    },
}


def patched(spec: dict[str, Any]) -> dict[str, Any]:
    return merged(TEMPLATE, {"spec": spec})["spec"]


def triton(spec: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in spec["containers"] if one["name"] == "triton")


def test_an_empty_patch_changes_nothing() -> None:
    assert merged(TEMPLATE, {}) == TEMPLATE


def test_containers_are_merged_by_name_and_new_ones_added() -> None:
    spec = patched({"containers": [{"name": "proxy", "image": "p"}, {"name": "triton", "stdin": True}]})
    assert [one["name"] for one in spec["containers"]] == ["triton", "proxy"]
    assert triton(spec)["stdin"] is True
    assert triton(spec)["image"] == "triton"


def test_environment_mounts_and_maps_within_a_container_are_merged() -> None:
    change = {
        "name": "triton",
        "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "resources": {"limits": {"cpu": "1"}},
    }
    container = triton(patched({"containers": [change]}))
    assert container["env"] == [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}]
    assert [one["mountPath"] for one in container["volumeMounts"]] == ["/models", "/data"]
    assert container["resources"] == {"limits": {"memory": "1Gi", "cpu": "1"}}


def test_lists_without_a_key_are_replaced() -> None:
    spec = patched({"tolerations": [{"key": "b"}], "containers": [{"name": "triton", "args": ["other"]}]})
    assert spec["tolerations"] == [{"key": "b"}]
    assert triton(spec)["args"] == ["other"]


def test_null_removes_a_field() -> None:
    assert "terminationGracePeriodSeconds" not in patched({"terminationGracePeriodSeconds": None})


def test_a_volume_has_one_source() -> None:
    spec = patched({"volumes": [{"name": "models", "hostPath": {"path": "/fast"}}]})
    assert spec["volumes"] == [{"name": "models", "hostPath": {"path": "/fast"}}, {"name": "tmp", "emptyDir": {}}]


def test_the_same_source_of_a_volume_is_merged() -> None:
    spec = patched({"volumes": [{"name": "models", "emptyDir": {"sizeLimit": "1Gi"}}]})
    assert spec["volumes"][0] == {"name": "models", "emptyDir": {"sizeLimit": "1Gi"}}


def test_directives_delete_and_replace() -> None:
    spec = patched(
        {
            "volumes": [{"name": "tmp", "$patch": "delete"}],
            "containers": [{"name": "triton", "env": [{"$patch": "replace"}, {"name": "C"}]}],
        }
    )
    assert [one["name"] for one in spec["volumes"]] == ["models"]
    assert triton(spec)["env"] == [{"name": "C"}]


def test_what_is_merged_is_left_as_it_was() -> None:
    before = merged(TEMPLATE, {})
    patched({"containers": [{"name": "triton", "env": [{"name": "A", "value": "9"}]}], "volumes": []})
    assert before == TEMPLATE
    assert TEMPLATE["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ({"containers": []}, "containers is not a field of a pod template"),
        ({"spec": []}, "spec must be an object"),
        ({"metadata": {"name": "x"}}, "metadata.name cannot be set"),
        ({"metadata": {"labels": {"app": "x"}}}, "cannot set app"),
        ({"metadata": {"labels": {"$patch": "replace"}}}, "cannot set $patch"),
        (
            {"metadata": {"annotations": {"ports": [{"containerPort": 1}]}}},
            "metadata.annotations.ports must be a string",
        ),
        ({"spec": {"nodeSelector": {"env": ["x"]}}}, "spec.nodeSelector.env must be a string"),
        ({"spec": {"containers": {}}}, "spec.containers must be a list"),
        ({"spec": {"containers": [{"name": ["x"]}]}}, "spec.containers[0] needs name"),
        ({"spec": {"containers": [{"name": None}]}}, "spec.containers[0] needs name"),
        ({"spec": {"containers": [{"image": "x"}]}}, "spec.containers[0] needs name"),
        ({"spec": {"containers": [{"name": "t", "env": [{"value": "x"}]}]}}, "spec.containers[0].env[0] needs name"),
    ],
)
def test_a_patch_that_cannot_be_merged_is_explained(patch: dict[str, Any], told: str) -> None:
    assert told in str(problem(patch, ["app"]))


def test_a_label_may_have_the_name_of_a_list() -> None:
    patch = {
        "metadata": {"labels": {"env": "prod"}, "annotations": {"ports": "80"}},
        "spec": {"nodeSelector": {"env": "prod"}},
    }
    assert problem(patch, ["app"]) is None
    result = merged(TEMPLATE, patch)
    assert result["metadata"] == {"labels": {"app": "digits", "env": "prod"}, "annotations": {"a": "1", "ports": "80"}}
    assert result["spec"]["nodeSelector"] == {"env": "prod"}


@pytest.mark.parametrize(
    "patch", [{}, {"metadata": {"labels": {"team": "x"}, "annotations": {"a": "b"}}}, {"spec": {"volumes": None}}]
)
def test_a_sound_patch_has_no_problem(patch: dict[str, Any]) -> None:
    assert problem(patch, ["app"]) is None
