"""The policy that the chart puts on the operator's own identity; tests/api shows what it keeps the operator from."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.fake_cluster import fake_cluster

from nereid.controller.shell.cluster.resources import CHILDREN

Document = dict[str, Any]
Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., list[Document]]
OWN = "nereid-system"
KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def policy(render: Render, *arguments: str) -> list[Document]:
    return [document for document in render(*arguments) if document["kind"] in KINDS]


def protected(made: Document) -> list[str]:
    """Return the namespaces in which the policy lets the operator write nothing."""
    listed = made["spec"]["validations"][0]["expression"].removeprefix("!(request.namespace in ").removesuffix(")")
    namespaces: list[str] = json.loads(listed.replace("'", '"'))
    return namespaces


def test_it_is_about_the_operators_identity_alone(render: Render) -> None:
    made, binding = policy(render, "--set=serviceAccount.name=operator")
    (condition,) = made["spec"]["matchConditions"]
    assert condition["expression"] == "request.userInfo.username == 'system:serviceaccount:nereid-system:operator'"
    assert binding["spec"] == {"policyName": made["metadata"]["name"], "validationActions": ["Deny"]}


def test_releases_of_one_name_in_several_namespaces_have_one_each(helm: Helm, chart: Path) -> None:
    names = set()
    for namespace in ("team-a", "team-b"):
        watching = (f"--namespace={namespace}", f"--set=watchNamespaces={{{namespace}}}")
        result = helm("template", "nereid", chart, *watching, "--show-only=templates/admissionpolicy.yaml")
        names |= {(made["kind"], made["metadata"]["name"]) for made in yaml.safe_load_all(result.stdout)}
    assert len(names) == 4


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
    assert protected(made) == ["kube-system", "kube-public", "kube-node-lease", "istio-system", OWN]


def test_it_is_protected_beside_a_list_of_ones_own(render: Render) -> None:
    switch = "--set=admissionPolicy.protectOwnNamespace=false"
    made, _ = policy(render, "--set=admissionPolicy.protectedNamespaces={kube-system,argocd}")
    assert protected(made) == ["kube-system", "argocd", OWN]
    made, _ = policy(render, "--set=admissionPolicy.protectedNamespaces={kube-system,argocd}", switch)
    assert protected(made) == ["kube-system", "argocd"]


def test_a_release_that_watches_its_own_namespace_writes_there(helm: Helm, chart: Path, render: Render) -> None:
    watching = f"--set=watchNamespaces={{{OWN}}}"
    made, _ = policy(render, watching)
    assert protected(made) == ["kube-system", "kube-public", "kube-node-lease", "istio-system"]
    result = helm("install", "nereid", chart, "--dry-run=client", f"--namespace={OWN}", watching)
    assert f"may write in its own namespace, {OWN}, as watchNamespaces names it" in result.stdout.partition("NOTES:")[2]


@pytest.mark.parametrize(
    "setting",
    [f"admissionPolicy.protectedNamespaces={{{OWN}}}", "admissionPolicy.protectOwnNamespace=true"],
)
def test_unless_it_was_to_be_protected(helm: Helm, chart: Path, setting: str) -> None:
    watching = f"--set=watchNamespaces={{{OWN}}}"
    result = helm("template", "nereid", chart, f"--namespace={OWN}", watching, f"--set={setting}")
    assert result.returncode != 0
    assert f"may write nothing in namespace {OWN}, which watchNamespaces names" in result.stderr


@pytest.mark.parametrize(
    ("namespaces", "is_protected"),
    [({OWN, "team"}, False), ({"team"}, True), (None, True)],
    ids=["models-in-it", "models-elsewhere", "no-such-kind-yet"],
)
def test_models_that_stand_in_the_releases_namespace_can_still_be_changed(
    helm: Helm, chart: Path, render: Render, tmp_path: Path, namespaces: set[str] | None, *, is_protected: bool
) -> None:
    kinds = {(document["apiVersion"], document["kind"]) for document in render()}
    kind = {"apiVersion": "nereid.dev/v1alpha1", "kind": "ModelDeployment"}
    models = [{**kind, "metadata": {"name": "digits", "namespace": namespace}} for namespace in namespaces or ()]
    kinds |= set() if namespaces is None else {(kind["apiVersion"], kind["kind"])}
    with fake_cluster(tmp_path, kinds, models) as kubeconfig:
        result = helm(
            *("install", "nereid", chart, f"--namespace={OWN}", "--dry-run=server", "--output=json"),
            *("--disable-openapi-validation", f"--kubeconfig={kubeconfig}"),
        )
    assert result.returncode == 0, result.stderr
    release = json.loads(result.stdout)
    documents = yaml.safe_load_all(release["manifest"])
    (made,) = [document for document in documents if document and document["kind"] == KINDS[0]]
    assert (OWN in protected(made)) == is_protected
    assert "kube-system" in protected(made)
    assert ("as it has ModelDeployments" in release["info"]["notes"]) == (not is_protected)


def test_it_may_be_left_out(render: Render) -> None:
    assert policy(render, "--set=admissionPolicy.enabled=false") == []
