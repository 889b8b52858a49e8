"""Renders the chart's PrometheusRule with the pinned Helm and gives it, with made-up series, to the pinned promtool."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.rules.case import Case
from tests.support.rules.programs import REPOSITORY, run


@pytest.fixture(scope="session")
def rules() -> dict[str, Any]:
    """Return the groups of rules, as the defaults of the chart make them."""
    result = run(
        "helm",
        *("template", "nereid", REPOSITORY / "charts" / "nereid", "--namespace", "nereid-system"),
        *("--set", "monitoring.rules.enabled=true,monitoring.podMonitors.enabled=true"),
        *("--show-only", "templates/prometheusrule.yaml"),
    )
    assert result.returncode == 0, result.stderr
    return yaml.safe_load(result.stdout)["spec"]


@pytest.fixture(scope="session")
def rules_file(rules: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file with the rules that promtool is given."""
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump(rules))
    return path


@pytest.fixture
def check(rules: dict[str, Any], rules_file: Path, tmp_path: Path) -> Callable[[Case], None]:
    """Let promtool say whether the rules do what a case expects."""
    # Prometheus goes through the groups at once, promtool one by one: those on which the others build come first.
    order = sorted((group["name"] for group in rules["groups"]), key=lambda name: name != "nereid-revisions")

    def promtool(case: Case) -> None:
        path = tmp_path / "case.yaml"
        frame = {"rule_files": [str(rules_file)], "group_eval_order": order}
        path.write_text(yaml.safe_dump(frame | case.document()))
        result = run("promtool", "test", "rules", path)
        assert result.returncode == 0, result.stdout + result.stderr

    return promtool
