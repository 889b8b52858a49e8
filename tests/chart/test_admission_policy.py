"""The policy that the chart puts on the operator's own identity; tests/api shows what it keeps the operator from."""

import json
from collections.abc import Callable
from typing import Any

from nereid.controller.shell.cluster.resources import CHILDREN

Document = dict[str, Any]
Render = Callable[..., list[Document]]
KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def policy(render: Render, *arguments: str) -> list[Document]:
    return [document for document in render(*arguments) if document["kind"] in KINDS]


def test_it_is_about_the_operators_identity_alone(render: Render) -> None:
    made, binding = policy(render, "--set=serviceAccount.name=operator")
    (condition,) = made["spec"]["matchConditions"]
    assert condition["expression"] == "request.userInfo.username == 'system:serviceaccount:nereid-system:operator'"
    assert binding["spec"] == {"policyName": made["metadata"]["name"], "validationActions": ["Deny"]}


def test_it_covers_each_kind_that_the_operator_writes(render: Render) -> None:
    made, _ = policy(render)
    rules = made["spec"]["matchConstraints"]["resourceRules"]
    covered = {(group, plural) for rule in rules for group in rule["apiGroups"] for plural in rule["resources"]}
    assert covered == {(resource.group, resource.plural) for resource in CHILDREN}
    assert all(rule["operations"] == ["CREATE", "UPDATE", "DELETE"] for rule in rules)


def test_its_pods_are_judged_below_privileged_only(render: Render) -> None:
    assert "hostPath" in json.dumps(policy(render, "--set=models.podSecurity=baseline"))
    assert "hostPath" not in json.dumps(policy(render, "--set=models.podSecurity=privileged"))


def test_the_releases_namespace_is_protected_with_the_clusters_own(render: Render) -> None:
    made, _ = policy(render)
    assert "'nereid-system'" in made["spec"]["validations"][0]["expression"]
    made, _ = policy(render, "--set=admissionPolicy.protectedNamespaces={kube-system,argocd}")
    assert made["spec"]["validations"][0]["expression"] == "!(request.namespace in ['kube-system','argocd'])"


def test_it_may_be_left_out(render: Render) -> None:
    assert policy(render, "--set=admissionPolicy.enabled=false") == []
