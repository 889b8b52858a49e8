"""When the chart makes objects of the Prometheus operator, and what they tell it."""

import re
from typing import Any

import pytest
import yaml
from tests.support.rules.programs import REPOSITORY, run

CHART = REPOSITORY / "charts" / "nereid"
KNOWN = "--api-versions=monitoring.coreos.com/v1"


def rendered(*arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the monitoring objects of a release, by kind and name."""
    result = run("helm", "template", "nereid", CHART, "--namespace", "nereid-system", *arguments)
    assert result.returncode == 0, result.stderr
    found = [one for one in yaml.safe_load_all(result.stdout) if one]
    return {
        (one["kind"], one["metadata"]["name"]): one
        for one in found
        if one["apiVersion"].startswith("monitoring.coreos.com/")
    }


ALL = {("PodMonitor", "nereid"), ("PodMonitor", "nereid-models"), ("PrometheusRule", "nereid")}
MONITORS = {key for key in ALL if key[0] == "PodMonitor"}


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        ((), set()),
        ((KNOWN,), ALL),
        (("--set=monitoring.podMonitors.enabled=true",), MONITORS),
        (("--set=monitoring.rules.enabled=true",), ALL - MONITORS),
        (("--set-string=monitoring.rules.enabled=true",), ALL - MONITORS),
        ((KNOWN, "--set=monitoring.rules.enabled=false"), MONITORS),
        ((KNOWN, "--set=monitoring.rules.enabled=false,monitoring.podMonitors.enabled=false"), set()),
    ],
)
def test_they_are_made_where_the_cluster_knows_them_unless_told_otherwise(
    arguments: tuple[str, ...], made: set[tuple[str, str]]
) -> None:
    assert rendered(*arguments).keys() == made


def test_a_prometheus_finds_them_by_its_label() -> None:
    for one in rendered(KNOWN, "--set=monitoring.labels.release=kube-prometheus-stack").values():
        assert one["metadata"]["labels"]["release"] == "kube-prometheus-stack"


def test_the_interval_arrives() -> None:
    for key, one in rendered(KNOWN, "--set=monitoring.podMonitors.interval=7s").items():
        if key in MONITORS:
            assert [endpoint["interval"] for endpoint in one["spec"]["podMetricsEndpoints"]] == ["7s"]


def test_what_one_pod_of_a_model_prints_fills_no_prometheus() -> None:
    def limits(*arguments: str) -> dict[str, Any]:
        spec = rendered(KNOWN, *arguments)["PodMonitor", "nereid-models"]["spec"]
        return {name: value for name, value in spec.items() if name.endswith("Limit")}

    assert limits() == {"sampleLimit": 10000, "labelLimit": 64, "bodySizeLimit": "16MB"}
    none = "--set=monitoring.podMonitors.limits.samples=0,monitoring.podMonitors.limits.labels=0"
    assert limits(none, "--set=monitoring.podMonitors.limits.bodySize=") == {}


def test_models_are_looked_for_where_the_operator_looks() -> None:
    assert rendered(KNOWN)["PodMonitor", "nereid-models"]["spec"]["namespaceSelector"] == {"any": True}
    some = rendered(KNOWN, "--set=watchNamespaces={a,b}")["PodMonitor", "nereid-models"]
    assert some["spec"]["namespaceSelector"] == {"matchNames": ["a", "b"]}


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.0.0.1;15020", "10.0.0.1:15020"), ("fd00::1;15020", "[fd00::1]:15020"), ("10.0.0.1;", None)],
)
def test_a_pod_is_scraped_at_the_port_of_its_annotation(address: str, expected: str | None) -> None:
    (endpoint,) = rendered(KNOWN)["PodMonitor", "nereid-models"]["spec"]["podMetricsEndpoints"]
    found = None
    for rule in endpoint["relabelings"]:
        if rule.get("targetLabel") == "__address__" and (match := re.fullmatch(rule["regex"], address)):
            found = match.expand(re.sub(r"\$(\d)", r"\\\1", rule["replacement"]))
    assert found == expected


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("monitoring.rules.enabled=perhaps", "/monitoring/rules/enabled"),
        ("monitoring.podMonitors.interval=often", "/monitoring/podMonitors/interval"),
        ("monitoring.podMonitors.interval=1m", "/monitoring/podMonitors/interval"),
        ("monitoring.podMonitors.interval=31s", "/monitoring/podMonitors/interval"),
        ("monitoring.podMonitors.limits.samples=many", "/monitoring/podMonitors/limits/samples"),
        ("monitoring.podMonitors.limits.bodySize=16", "/monitoring/podMonitors/limits/bodySize"),
        ("monitoring.alerts.keepFiring=long", "/monitoring/alerts/keepFiring"),
        ("monitoring.rules.burnRates[0].long=soon", "/monitoring/rules/burnRates/0"),
        ("monitoring.alerts.modelDown.for=2", "/monitoring/alerts/modelDown/for"),
        ("monitoring.alerts.gpuMemoryHigh.ratio=95", "/monitoring/alerts/gpuMemoryHigh/ratio"),
        ("monitoring.alerts.modelUp.for=2m", "'modelUp' not allowed"),
    ],
)
def test_a_bad_value_is_refused(setting: str, complaint: str) -> None:
    result = run("helm", "template", "nereid", CHART, "--set", setting)
    assert result.returncode != 0
    assert complaint in result.stderr


def test_windows_are_the_installers_and_each_is_recorded_once(tmp_path: Any) -> None:
    burns = [
        {"long": "60s", "short": "10s", "factor": 10, "for": "0s", "severity": "critical"},
        {"long": "2m", "short": "60s", "factor": 2, "for": "5s", "severity": "warning", "interval": "5s"},
        {"long": "2m", "short": "60s", "factor": 5, "for": "5s", "severity": "critical"},
    ]
    values, rules = tmp_path / "values.yaml", tmp_path / "rules.yaml"
    values.write_text(yaml.safe_dump({"monitoring": {"rules": {"burnRates": burns}}}))
    spec = rendered(KNOWN, "--values", str(values))["PrometheusRule", "nereid"]["spec"]
    recorded = [rule.get("record", "") for group in spec["groups"] for rule in group["rules"]]
    windows = [name.removeprefix("nereid:errors:ratio_rate") for name in recorded if "errors:ratio_rate" in name]
    assert sorted(windows) == ["10s", "2m", "60s"]
    rules.write_text(yaml.safe_dump(spec))
    result = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", rules)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_alert_about_a_status_goes_on_for_as_long_as_its_installer_says() -> None:
    spec = rendered(KNOWN, "--set=monitoring.alerts.keepFiring=7m")["PrometheusRule", "nereid"]["spec"]
    kept = {
        rule["alert"]: rule["keep_firing_for"]
        for group in spec["groups"]
        for rule in group["rules"]
        if "keep_firing_for" in rule
    }
    told = (
        "ModelDown",
        "QueueSaturated",
        "ScalerFailing",
        "AtMaxReplicas",
        "MetricsMissing",
        "RolloutStuck",
        "RolloutFailed",
    )
    assert kept == {f"Nereid{name}": "7m" for name in told}


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        ((KNOWN,), {"NereidActivatorDown", "NereidActivatorFailing"}),
        ((KNOWN, "--set=activator.enabled=false"), set()),
        # Without a PodMonitor nobody knows by which labels the activator is scraped.
        ((KNOWN, "--set=monitoring.podMonitors.enabled=false"), {"NereidActivatorFailing"}),
    ],
)
def test_an_activator_is_missed_where_there_is_to_be_one(arguments: tuple[str, ...], made: set[str]) -> None:
    spec = rendered(*arguments)["PrometheusRule", "nereid"]["spec"]
    alerts = {rule["alert"] for group in spec["groups"] for rule in group["rules"] if "alert" in rule}
    assert {name for name in alerts if "Activator" in name} == made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "The cluster has no PodMonitors and PrometheusRules"),
        (
            ("--set=monitoring.rules.enabled=true,monitoring.podMonitors.enabled=true",),
            "PodMonitors and a PrometheusRule",
        ),
        (("--set=monitoring.rules.enabled=true",), "There are alerts, but no PodMonitors"),
        (("--set=monitoring.podMonitors.enabled=true",), "There are PodMonitors, but no alerts"),
        (("--set=monitoring.rules.enabled=false",), "There are no alerts, and no PodMonitors"),
    ],
)
def test_the_notes_say_which_it_is(arguments: tuple[str, ...], said: str) -> None:
    result = run("helm", "install", "nereid", CHART, "--dry-run=client", *arguments)
    assert result.returncode == 0, result.stderr
    assert said in " ".join(result.stdout.split())
