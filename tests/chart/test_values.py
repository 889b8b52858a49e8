"""The chart's values: bad ones are refused, and README, schema and values.yaml agree."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nereid import __version__

Helm = Callable[..., subprocess.CompletedProcess[str]]


def test_the_chart_passes_lint(helm: Helm, chart: Path) -> None:
    result = helm("lint", chart, "--strict")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("workers=0", "/workers"),
        ("workers=many", "/workers"),
        ("rollout.propagationSeconds=-1", "/rollout/propagationSeconds"),
        ("rollout.minReadySeconds=0.5", "/rollout/minReadySeconds"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("image.digest=0123", "/image/digest"),
        ("image.repository=nereid:0.1.0", "/image/repository"),
        ("models.tritonImage=", "/models/tritonImage"),
        ("models.image.repository=nereid-models:0.1.0", "/models/image/repository"),
        ("models.image.pullPolicy=Always", "'pullPolicy' not allowed"),
        ("models.forestBackend=onnx", "/models/forestBackend"),
        ("models.maxSize=lots", "/models/maxSize"),
        ("models.maxSize=0Gi", "/models/maxSize"),
        ("models.podSecurity=none", "/models/podSecurity"),
        ("models.allowed.images={a/*/b}", "/models/allowed/images/0"),
        ("models.allowed.images={r.example.com*}", "/models/allowed/images/0"),
        ("models.allowed.images={r.example.com}", "/models/allowed/images/0"),
        ("models.allowed.images={r.example.com/}", "/models/allowed/images/0"),
        ("models.allowed.images={r.example.com/triton@sha256:00}", "/models/allowed/images/0"),
        ("models.allowed.serviceAccounts={Admin}", "/models/allowed/serviceAccounts/0"),
        ("models.allowed.istioMetadata={example.com/x}", "/models/allowed/istioMetadata/0"),
        ("models.allowed.tokens=true", "'tokens' not allowed"),
        ("watchNamespaces={istio-system}", "admissionPolicy.protectedNamespaces"),
        ("admissionPolicy.protectOwnNamespace=perhaps", "/admissionPolicy/protectOwnNamespace"),
        ("mlflow.trackingUri=mlflow.example.com", "/mlflow/trackingUri"),
        ("mlflow.trackingUri=https://me:secret@mlflow.example.com", "/mlflow/trackingUri"),
        ("watchNamespaces={Team_A}", "/watchNamespaces/0"),
        ("watchNamespaces={a,a}", "/watchNamespaces"),
        ("logging.level=trace", "/logging/level"),
        ("logging.format=xml", "/logging/format"),
        ("crds.keep=perhaps", "/crds/keep"),
        ("tolerations[0].effect=Never", "/tolerations/0/effect"),
        ("prometheus.url=prometheus:9090", "/prometheus/url"),
        ("prometheus.url=http://prometheus:9090/graph?g0.expr=up", "/prometheus/url"),
        ("prometheus.url=http://me:secret@prometheus:9090/graph", "/prometheus/url"),
        ("scaling.prometheusUrl=http://me:secret@prometheus:9090", "/scaling/prometheusUrl"),
        ("links.kialiUrl=https://me:secret@kiali.example.com/kiali", "/links/kialiUrl"),
        ("links.grafanaUrl=https://me:secret@grafana.example.com", "/links/grafanaUrl"),
        ("monitoring.rules.runbookUrl=https://me:secret@wiki.example.com/alerts", "/monitoring/rules/runbookUrl"),
        ("prometheus.auth.secretName=Access", "/prometheus/auth/secretName"),
        ("prometheus.auth.tokenKey=a/b", "/prometheus/auth/tokenKey"),
        ("prometheus.auth.tokenKey=token", "set prometheus.auth.secretName"),
        ("prometheus.url=http://p,prometheus.auth.secretName=s", "set prometheus.auth.tokenKey, caKey, or both"),
        ("prometheus.auth.secretName=s,prometheus.auth.caKey=ca.crt", "set prometheus.url"),
        ("traffic.allowed[0].hosts={a.b}", "/traffic/allowed/0"),
        ("traffic.allowed[0].namespaces={a},traffic.allowed[0].hosts={https://a.b}", "/traffic/allowed/0/hosts/0"),
        (
            "traffic.allowed[0].namespaces={a},traffic.allowed[0].hosts={a.b},traffic.allowed[0].gateways={public}",
            "/traffic/allowed/0/gateways/0",
        ),
        ("webhooks.allowedHosts={*}", "/webhooks/allowedHosts/0"),
        ("webhooks.allowedHosts={https://a.b}", "/webhooks/allowedHosts/0"),
        ("webhooks.allowedHosts={a.b/c}", "/webhooks/allowedHosts/0"),
        ("webhooks.signing.secretName=Keys", "/webhooks/signing/secretName"),
        ("prometheus.allowQueries=perhaps", "/prometheus/allowQueries"),
        ("prometheus.token=secret", "'token' not allowed"),
        ("metrics.port=80", "/metrics/port"),
        ("metrics.port=8080", "/metrics/port"),
        ("dashboards.grafana.labels=null", "labels"),
        ("metrics.service.enabled=perhaps", "/metrics/service/enabled"),
        ("activator.replicas=0", "/activator/replicas"),
        ("activator.limits.messageMiB=0", "/activator/limits/messageMiB"),
        ("activator.proof.existingSecret=Keys", "/activator/proof/existingSecret"),
        ("activator.authorizationPolicy.callers={}", "/activator/authorizationPolicy/callers"),
        ("networkPolicies.kedaNamespace=", "/networkPolicies/kedaNamespace"),
        ("networkPolicies.callerNamespaces={A_b}", "/networkPolicies/callerNamespaces/0"),
        ("replicas=2", "'replicas' not allowed"),
        ("image.name=nereid", "'name' not allowed"),
    ],
)
def test_a_bad_value_is_refused(helm: Helm, chart: Path, setting: str, complaint: str) -> None:
    result = helm("template", "nereid", chart, "--set", setting)
    assert result.returncode != 0
    assert complaint in result.stderr


def notes(helm: Helm, chart: Path, *arguments: str) -> str:
    """Return what an installation says in the end."""
    result = helm("install", "nereid", chart, "--dry-run=client", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.partition("NOTES:")[2]


def test_the_notes_say_what_it_means_that_there_is_no_prometheus(helm: Helm, chart: Path) -> None:
    assert "No Prometheus is configured." in notes(helm, chart)
    assert "No Prometheus" not in notes(helm, chart, "--set=prometheus.url=http://prometheus.istio-system:9090")


def test_an_old_cluster_is_refused(helm: Helm, chart: Path) -> None:
    result = helm("template", "nereid", chart, "--kube-version", "1.29.0")
    assert "chart requires kubeVersion: >=1.30.0-0" in result.stderr


def test_the_application_version_is_the_packages(chart: Path) -> None:
    assert yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"] == __version__


def test_the_schema_knows_each_value_and_no_other(chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    values = yaml.safe_load((chart / "values.yaml").read_text())
    assert schema["properties"].keys() - {"global"} == values.keys()
    for name, value in values.items():
        if isinstance(value, dict) and value:
            assert schema["properties"][name]["additionalProperties"] is False
            assert schema["properties"][name]["properties"].keys() == value.keys(), name


def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values that a user sets one by one; resources are one value."""
    for name, value in values.items():
        if isinstance(value, dict) and value and name != "resources":
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_the_readme_lists_each_value_with_its_default(chart: Path) -> None:
    values = dict(leaves(yaml.safe_load((chart / "values.yaml").read_text())))
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]*)` \| .+ \|$", (chart / "README.md").read_text(), re.MULTILINE)
    assert {name: json.loads(default) for name, default in rows} == values
