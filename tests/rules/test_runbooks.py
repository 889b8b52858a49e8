"""Every alert leads to a page that tells what to do, and every page is about an alert."""

import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from tests.support.rules.programs import REPOSITORY, run

from nereid.activator import instruments as activator
from nereid.controller.shell.telemetry.instruments import Instruments
from nereid.controller.shell.telemetry.rollouts import RolloutCollector

FOLDER = REPOSITORY / "docs" / "runbooks"
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.stem != "README")


def alerts(rules: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]


def test_promtool_accepts_the_rules(rules_file: Any) -> None:
    result = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", rules_file)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_alert_has_a_page_and_each_page_an_alert(rules: dict[str, Any]) -> None:
    assert {page.stem for page in PAGES} == {rule["alert"] for rule in alerts(rules)}


def test_each_alert_says_what_where_how_bad_and_what_to_do(rules: dict[str, Any]) -> None:
    for rule in alerts(rules):
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
        page = f"https://github.com/nereid-serving/nereid/blob/main/docs/runbooks/{rule['alert']}.md"
        assert rule["annotations"]["runbook_url"] == page


def test_the_index_lists_each_alert_with_its_severities(rules: dict[str, Any]) -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| ([^|]+) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    severities: dict[str, set[str]] = {}
    for rule in alerts(rules):
        severities.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    assert {name: set(re.findall("critical|warning", told)) for name, _, told in rows} == severities
    assert all(name == target for name, target, _ in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_tells_what_is_seen_how_to_look_what_to_do_and_when_to_silence(page: Any) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    for part in ("**What users see:**", "\n## Look\n", "\n## Do\n", "\n**Silence** "):
        assert part in text, part


@pytest.mark.parametrize("page", [*PAGES, FOLDER / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Any) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, fragment = target.partition("#")
        other = (page.parent / path).resolve()
        assert other.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.+)$", other.read_text(), re.MULTILINE)
            assert fragment in {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}, target


def test_pages_name_no_metric_that_does_not_exist(rules: dict[str, Any]) -> None:
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule}
    registry = CollectorRegistry()
    Instruments(registry)
    registry.register(RolloutCollector(tuple))
    activator.Instruments(registry)
    registry.register(activator.WaitingCollector(dict))
    told = {metric.name for metric in registry.collect()}
    for page in FOLDER.glob("*.md"):
        text = page.read_text()
        assert set(re.findall(r"\bnereid:[a-z0-9_:]+", text)) <= recorded, page.name
        named = {re.sub("_(total|bucket|info)$", "", name) for name in re.findall(r"\bnereid_[a-z_]+", text)}
        assert named <= {re.sub("_info$", "", name) for name in told}, page.name
