"""What the chart renders: golden files for whole releases, and the promises that hold for each of them.

`.venv/bin/pytest tests/chart --update-golden` writes the golden files anew.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from tests.support.golden import compare

from nereid.cli import main
from nereid.controller.plan.host_policy import may_have
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster.resources import CHILDREN, EVENT, GATEWAY, MODEL_DEPLOYMENT, WATCHED

HERE = Path(__file__).parent
CASES = sorted((HERE / "values").glob("*.yaml"))

Document = dict[str, Any]
Render = Callable[..., list[Document]]


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def release(render: Render, case: Path) -> list[Document]:
    return render("--values", case)


def of_kind(release: list[Document], kind: str) -> list[Document]:
    return [document for document in release if document["kind"] == kind]


def deployment(release: list[Document], container: str) -> Document:
    (one,) = (
        document
        for document in of_kind(release, "Deployment")
        if document["spec"]["template"]["spec"]["containers"][0]["name"] == container
    )
    return one


def operator(release: list[Document]) -> Document:
    return deployment(release, "operator")["spec"]["template"]


def container(release: list[Document]) -> Document:
    (only,) = operator(release)["spec"]["containers"]
    return only


def mounted(release: list[Document], name: str) -> tuple[Document, Document]:
    """Return a volume of the operator's pod, and where its container has it."""
    (volume,) = (one for one in operator(release)["spec"]["volumes"] if one["name"] == name)
    (mount,) = (one for one in container(release)["volumeMounts"] if one["name"] == name)
    return volume, mount


def operator_rules(release: list[Document]) -> list[tuple[Document, list[Document]]]:
    roles = of_kind(release, "Role") + of_kind(release, "ClusterRole")
    return [(role, role["rules"]) for role in roles if not role["metadata"]["name"].endswith(("-view", "-edit"))]


def test_golden(release: list[Document], case: Path, request: pytest.FixtureRequest) -> None:
    for definition in of_kind(release, "CustomResourceDefinition"):
        definition["spec"] = "as in crds/"
    for dashboard in of_kind(release, "ConfigMap"):
        dashboard["data"] = dict.fromkeys(dashboard["data"], "as in files/dashboards/")
    for secret in of_kind(release, "Secret"):
        secret["stringData"] = dict.fromkeys(secret["stringData"], "at random")
    compare(yaml.safe_dump_all(release, sort_keys=False), HERE / "golden" / case.name, request)


def test_the_definition_is_the_generated_one(render: Render, chart: Path) -> None:
    (definition,) = of_kind(render(), "CustomResourceDefinition")
    generated = yaml.safe_load((chart.parents[1] / "crds" / "nereid.dev_modeldeployments.yaml").read_text())
    assert definition["spec"] == generated["spec"]
    assert definition["metadata"]["name"] == generated["metadata"]["name"]
    assert definition["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_no_role_has_a_wildcard(release: list[Document]) -> None:
    for kind in ("Role", "ClusterRole"):
        for role in of_kind(release, kind):
            for rule in role["rules"]:
                assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


@pytest.mark.parametrize("values", ["defaults", "namespaced"])
def test_the_operator_may_do_what_it_does_and_nothing_else(render: Render, values: str) -> None:
    rules = operator_rules(render("--values", HERE / "values" / f"{values}.yaml"))
    assert len(rules) == {"defaults": 1, "namespaced": 2}[values]
    watch, write = {"list", "watch"}, {"create", "patch", "delete"}
    wanted = {(resource.group, resource.plural): set(watch) for resource in WATCHED}
    wanted[MODEL_DEPLOYMENT.group, MODEL_DEPLOYMENT.plural] = {"get", *watch}
    for resource in CHILDREN:
        wanted[resource.group, resource.plural] |= {"get", *write}
    wanted[MODEL_DEPLOYMENT.group, f"{MODEL_DEPLOYMENT.plural}/status"] = {"patch"}
    wanted["", "pods/log"] = {"get"}
    wanted[EVENT.group, EVENT.plural] = {"create"}
    if values == "defaults":
        wanted[GATEWAY.group, GATEWAY.plural] = set(watch)
    for _, role in rules:
        granted = {
            (group, resource): set(rule["verbs"])
            for rule in role
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        assert granted == wanted


def test_watched_namespaces_need_no_cluster_role(render: Render) -> None:
    release = render("--values", HERE / "values" / "namespaced.yaml")
    assert [role["metadata"]["namespace"] for role, _ in operator_rules(release)] == ["team-a", "team-b"]
    assert not of_kind(release, "ClusterRoleBinding")
    for binding in of_kind(release, "RoleBinding"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "nereid", "namespace": "nereid-system"}]


def test_the_pod_is_restricted(release: list[Document]) -> None:
    """The restricted Pod Security Standard, and a root file system that nobody can write to."""
    pod = operator(release)["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
    assert all("secret" in volume for volume in pod.get("volumes", ()))
    assert all(mount["readOnly"] for mount in container(release).get("volumeMounts", ()))
    assert container(release)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_one_operator_runs_at_a_time(release: list[Document]) -> None:
    spec = deployment(release, "operator")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["selector"]["matchLabels"].items() <= operator(release)["metadata"]["labels"].items()


def test_the_settings_arrive(release: list[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {one["name"]: one["value"] for one in container(release)["env"] if one["name"].startswith("NEREID_")}
    known = {f"NEREID_{name.upper()}" for name in Settings.model_fields}
    assert variables.keys() == known - {"NEREID_HEALTH_PORT"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    models_image, _, _ = settings.models_image.partition("@")
    assert models_image.replace("/nereid-models:", "/nereid:") == container(release)["image"].partition("@")[0]
    assert container(release)["ports"] == [
        {"name": "health", "containerPort": settings.health_port, "protocol": "TCP"},
        {"name": "http-metrics", "containerPort": settings.metrics_port, "protocol": "TCP"},
    ]


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        ({"tokenKey": "bearer"}, {"bearer": "token"}),
        ({"caKey": "tls.ca"}, {"tls.ca": "ca.crt"}),
        ({"tokenKey": "bearer", "caKey": "tls.ca"}, {"bearer": "token", "tls.ca": "ca.crt"}),
    ],
)
def test_the_secret_of_prometheus_lies_where_the_operator_looks(
    render: Render, keys: dict[str, str], files: dict[str, str]
) -> None:
    values = {"prometheus.url": "https://prometheus.example.com", "prometheus.auth.secretName": "access"}
    values |= {f"prometheus.auth.{name}": key for name, key in keys.items()}
    release = render(*(f"--set={name}={value}" for name, value in values.items()))
    volume, mount = mounted(release, "prometheus")
    assert volume["secret"]["secretName"] == "access"
    assert {item["key"]: item["path"] for item in volume["secret"]["items"]} == files
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    variables = {one["name"]: one["value"] for one in container(release)["env"]}
    told = {variables["NEREID_PROMETHEUS_TOKEN_FILE"], variables["NEREID_PROMETHEUS_CA_FILE"]} - {""}
    assert told == {f"{mount['mountPath']}/{file}" for file in files.values()}


def test_the_keys_of_webhooks_lie_where_the_operator_looks(render: Render) -> None:
    release = render("--set=webhooks.signing.secretName=keys,webhooks.allowedHosts={a.b,c.d:8080}")
    volume, mount = mounted(release, "webhooks")
    assert volume["secret"] == {"secretName": "keys"}
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    variables = {one["name"]: one["value"] for one in container(release)["env"]}
    assert variables["NEREID_WEBHOOK_SECRET_FOLDER"] == mount["mountPath"]
    assert variables["NEREID_WEBHOOK_HOSTS"] == "a.b,c.d:8080"
    assert "volumes" not in operator(render("--set=activator.enabled=false"))["spec"]


def test_rules_of_hosts_reach_the_operator_as_they_are_written(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = "*.{{namespace}}.models.example.com"
    given = json.dumps([{"namespaces": ["team-*"], "hosts": [hosts]}])
    variables = {one["name"]: one["value"] for one in container(render(f"--set-json=traffic.allowed={given}"))["env"]}
    monkeypatch.setenv("NEREID_TRAFFIC_ALLOWED", variables["NEREID_TRAFFIC_ALLOWED"])
    rules = Settings().traffic_allowed
    assert may_have(rules, "team-a", "digits.team-a.models.example.com", "istio-ingress/public")
    assert not may_have(rules, "team-a", "digits.team-b.models.example.com", "istio-ingress/public")
    assert not may_have(rules, "other", "digits.other.models.example.com", "istio-ingress/public")


def test_the_metrics_are_scraped_by_annotation(render: Render) -> None:
    metadata = operator(render("--set=metrics.port=9402,podAnnotations.team=platform"))["metadata"]
    assert metadata["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9402",
        "prometheus.io/path": "/metrics",
        "team": "platform",
    }
    assert "annotations" not in operator(render("--set=metrics.scrapeAnnotations=false"))["metadata"]


@pytest.mark.parametrize("annotated", ["true", "false"])
def test_a_sidecar_merges_the_metrics_also_where_a_monitor_has_them_scraped(render: Render, annotated: str) -> None:
    release = render("--set", f"monitoring.podMonitors.enabled=true,metrics.scrapeAnnotations={annotated}")
    annotations = operator(release)["metadata"]["annotations"]
    assert annotations == {"prometheus.io/port": "9090", "prometheus.io/path": "/metrics"}


def test_the_installers_annotations_win(render: Render) -> None:
    release = render("--set-string", r"podAnnotations.prometheus\.io/scrape=false")
    assert operator(release)["metadata"]["annotations"]["prometheus.io/scrape"] == "false"


def test_the_metrics_service_leads_to_the_operator(render: Render) -> None:
    release = render("--set=metrics.service.enabled=true,activator.enabled=false")
    (service,) = of_kind(release, "Service")
    assert service["spec"]["selector"].items() <= operator(release)["metadata"]["labels"].items()
    (port,) = service["spec"]["ports"]
    assert port["targetPort"] in {one["name"] for one in container(release)["ports"]}
    assert not of_kind(render("--set=activator.enabled=false"), "Service")


def test_the_local_clusters_values_name_its_prometheus(render: Render, chart: Path) -> None:
    variables = {
        one["name"]: one["value"]
        for one in container(render("--values", chart.parents[1] / "local" / "nereid-values.yaml"))["env"]
    }
    add_on = chart.parents[1] / "local" / "addons" / "prometheus" / "prometheus.yaml"
    (service,) = of_kind(list(yaml.safe_load_all(add_on.read_text())), "Service")
    metadata, (port,) = service["metadata"], service["spec"]["ports"]
    assert variables["NEREID_PROMETHEUS_URL"] == f"http://{metadata['name']}.{metadata['namespace']}:{port['port']}"


def test_the_defaults_are_the_operators_own(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    # The one that follows from what else is installed.
    for variable in container(render("--set=activator.enabled=false"))["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    assert Settings() == Settings.model_construct()
    given = {variable["name"]: variable["value"] for variable in container(render())["env"]}
    assert given["NEREID_ACTIVATOR_SERVICE"] == "nereid-activator.nereid-system"


def test_the_command_understands_its_arguments(release: list[Document]) -> None:
    result = CliRunner().invoke(main, [*container(release)["args"], "--help"])
    assert result.exit_code == 0, result.output
