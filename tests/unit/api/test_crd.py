"""The CRD: what the API server takes, what kubectl explain shows, and what kubectl apply says to a mistake."""

import json
from pathlib import Path

import pytest
import yaml
from tests.support.scenario import rollout

from nereid.api.crd import custom_resource_definition
from nereid.controller.report.status import to_json

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "crds" / "nereid.dev_modeldeployments.yaml"
VERSION = custom_resource_definition()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
# What a structural schema has no place for, and `default`, which would write into the user's object.
FORBIDDEN = {"$ref", "$defs", "default", "title", "definitions", "oneOf", "const", "examples", "nullable"}


def nodes(schema, path=""):
    """Yield each field's path and schema; items of lists and values of maps as `[]` and `{}`."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


NODES = dict(nodes(SCHEMA))
FIELDS = {path: schema for path, schema in NODES.items() if path and not path.endswith(("[]", "{}"))}
RULES = [(path, rule) for path, schema in NODES.items() for rule in schema.get("x-kubernetes-validations", [])]


def test_the_committed_file_is_what_the_types_say():
    assert yaml.safe_load(COMMITTED.read_text()) == custom_resource_definition()


@pytest.mark.parametrize("schema", NODES.values(), ids=NODES.keys())
def test_is_structural(schema):
    assert not FORBIDDEN & schema.keys()
    untyped = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
    assert "type" in schema or any(schema.get(extension) for extension in untyped)
    assert schema.get("additionalProperties") is not False


@pytest.mark.parametrize(("path", "schema"), FIELDS.items(), ids=FIELDS.keys())
def test_every_field_is_described_in_a_sentence(path, schema):
    if path != "metadata":
        assert schema["description"][0].isupper()
        assert schema["description"].endswith(".")


def test_the_parts_that_matter_are_all_there():
    assert {path for path in FIELDS if path.count(".") == 1} >= {
        "spec.model",
        "spec.runtime",
        "spec.scaling",
        "spec.traffic",
        "spec.rollout",
        "status.stable",
        "status.candidate",
        "status.rollout",
        "status.conditions",
    }
    assert SCHEMA["required"] == ["spec"]
    assert SCHEMA["properties"]["spec"]["required"] == ["model"]


@pytest.mark.parametrize(("path", "schema"), NODES.items(), ids=NODES.keys())
def test_what_users_write_is_bounded_as_rules_cost_by_size(path, schema):
    if not path.startswith("spec") or "enum" in schema:
        return
    bounds = {"string": "maxLength", "array": "maxItems"}
    # Names of nodes' labels and quantities are checked by the API server when the pods are made.
    if schema.get("type") in bounds and not path.endswith("{}"):
        assert bounds[schema["type"]] in schema
    if "additionalProperties" in schema:
        assert "maxProperties" in schema


@pytest.mark.parametrize("rule", [rule for _, rule in RULES], ids=[path or "(root)" for path, _ in RULES])
def test_every_rule_has_a_sentence_for_its_user(rule):
    assert len(rule["message"].split()) >= 4
    assert "\n" not in rule["message"]
    assert rule["rule"] not in rule["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "at most 50 characters"),
        ("spec.model", "refresh applies only to references that can move"),
        ("spec.model", "caBundle applies only to models that are fetched"),
        ("spec.model.uri", "must be one of pvc://CLAIM/PATH"),
        ("spec.model.digest", "64 lower-case hexadecimal digits"),
        ("spec.traffic", "hosts and gateways must be set together"),
        ("spec.traffic", "timeout must be at least 1s"),
        ("spec.traffic.timeout", "for instance 1h30m, 5m or 90s"),
        ("spec.traffic.hosts[]", "must be a DNS name"),
        ("spec.traffic.gateways[]", "must be NAMESPACE/NAME"),
        ("spec.rollout", "only strategies Canary and Shadow have steps"),
        ("spec.rollout", "blueGreen is valid only with strategy BlueGreen"),
        ("spec.rollout", "surge: 0 is valid only with strategies Canary and Direct"),
        ("spec.rollout.analysis", "interval must be from 5s to 10m"),
        ("spec.rollout.checks.items[]", "exactly one of requests, accuracy, latency and comparison"),
        ("spec.rollout.steps", "weights must rise"),
        ("spec.rollout.steps", "mirror steps come before"),
    ],
)
def test_mistakes_are_told_where_they_are_made(path, words):
    assert any(words in rule["message"] for at, rule in RULES if at == path)


@pytest.mark.parametrize("path", ["spec.traffic.timeout", "spec.rollout.drain", "spec.rollout.steps[].hold"])
def test_durations_share_one_rule(path):
    assert NODES[path]["x-kubernetes-validations"] == NODES["spec.traffic.timeout"]["x-kubernetes-validations"]


class TestSubresources:
    def test_scale_is_that_of_the_stable_revision(self):
        scale = VERSION["subresources"]["scale"]
        for path in (scale["specReplicasPath"], scale["statusReplicasPath"], scale["labelSelectorPath"]):
            assert path.lstrip(".") in FIELDS

    def test_the_columns_tell_the_story(self):
        columns = {one["name"]: one["jsonPath"] for one in VERSION["additionalPrinterColumns"]}
        assert list(columns) == ["Ready", "Stable", "Candidate", "Weight", "Phase", "URL", "Age"]
        for path in columns.values():
            field = path.lstrip(".").partition("[")[0]
            assert field in FIELDS or field == "metadata.creationTimestamp"


@pytest.mark.parametrize(
    "scenario",
    [
        rollout().stable("a").candidate("b", weight=20).holding(5).retiring("c"),
        rollout().stable("a").failed("b"),
    ],
)
def test_the_api_server_would_prune_nothing_of_a_status(scenario):
    written = json.loads(json.dumps(to_json(scenario.report())))

    def paths(value, path):
        yield path
        if isinstance(value, dict):
            for key, one in value.items():
                yield from paths(one, f"{path}.{key}")
        if isinstance(value, list):
            for one in value:
                yield from paths(one, f"{path}[]")

    assert set(paths(written, "status")) <= NODES.keys()


def test_the_chart_installs_the_committed_crd_and_no_other() -> None:
    folder = ROOT / "charts" / "nereid" / "files" / "crds"
    assert [path.name for path in folder.iterdir()] == [COMMITTED.name]
    assert (folder / COMMITTED.name).read_text() == COMMITTED.read_text()
