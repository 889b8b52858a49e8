"""A spec that is too large is told, and not kept; what other parts of the operator need of it goes on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.situations import NOTHING_SEEN, model_deployment

from nereid.api.status import ModelDeploymentStatus
from nereid.contract.foreign_text import KIB, SPEC_BYTES
from nereid.controller.observed.large_spec import PROBLEM, without_large_spec
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.planning import Invalid, plan
from nereid.controller.plan.settings import Settings

TRAFFIC = {"hosts": ["digits.example.com"], "gateways": ["mesh/public"]}
SMALL: dict[str, Any] = {"model": {"uri": "pvc://models/digits.onnx"}, "traffic": TRAFFIC}


def of_size(size: int, **more: Any) -> dict[str, Any]:
    """Return a spec that takes so many bytes as JSON."""
    runtime = {"podTemplate": {"x": ""}}
    spec = {"model": {"uri": "pvc://models/digits.onnx"}, "runtime": runtime, **more}
    runtime["podTemplate"] = {"x": "x" * (size - len(json.dumps(spec, separators=(",", ":"))))}
    return spec


def planned(spec: dict[str, Any]) -> object:
    situation = Situation(model_deployment(spec), ModelDeploymentStatus(), NOTHING_SEEN)
    return plan(situation, Settings(), datetime(2026, 11, 20, tzinfo=UTC))


def test_a_spec_is_kept_as_small_as_it_is_written() -> None:
    subject = model_deployment(SMALL)
    assert subject.spec == SMALL
    assert len(subject.spec_json) == len(json.dumps(SMALL, separators=(",", ":")))


def test_a_spec_of_the_largest_size_is_kept() -> None:
    subject = model_deployment(of_size(SPEC_BYTES))
    assert (len(subject.spec_json), subject.spec_problem) == (SPEC_BYTES, None)


def test_a_larger_one_is_told_with_what_to_change_and_is_not_kept() -> None:
    spec = of_size(SPEC_BYTES + 1, traffic=TRAFFIC)
    answer = planned(spec)
    assert isinstance(answer, Invalid)
    assert answer.message.startswith(
        "spec takes 257 KiB as JSON, of which spec.runtime.podTemplate takes 256 KiB, and the operator handles "
        "256 KiB at most"
    )
    assert len(model_deployment(spec).spec_json) < KIB


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"model": {**SMALL["model"], "config": {"x": "x" * 97 * KIB}}},
            "spec.model.config takes 98 KiB as JSON, and 96",
        ),
        ({"rollout": {"checks": {"items": ["x" * 113 * KIB]}}}, "spec.rollout.checks takes 114 KiB as JSON, and 96"),
    ],
    ids=["config", "checks"],
)
def test_one_that_is_rejected_for_a_field_is_not_kept_either(spec: dict[str, Any], message: str) -> None:
    large = {**SMALL, **spec, "runtime": {"podTemplate": {"x": "x" * 100 * KIB}}}
    answer = planned(large)
    assert isinstance(answer, Invalid)
    assert answer.message.startswith(message)
    subject = model_deployment(large)
    assert len(subject.spec_json) < KIB
    assert subject.hosts == {"digits.example.com"}


def test_fields_that_fit_are_kept_together() -> None:
    config, checks = {"x": "x" * (95 * KIB)}, {"items": ["x" * (95 * KIB)]}
    spec = {**SMALL, "model": {**SMALL["model"], "config": config}, "rollout": {"checks": checks}}
    assert model_deployment(spec).spec == spec


@pytest.mark.parametrize("rollout", [{"blueGreen": {"previewHosts": ["next.example.com"]}}, {}, None])
def test_its_hosts_and_gateways_stay_its_own(rollout: dict[str, Any] | None) -> None:
    spec = of_size(2 * SPEC_BYTES, traffic=TRAFFIC, rollout=rollout)
    before, after = model_deployment({**SMALL, "rollout": rollout}), model_deployment(spec)
    assert (after.hosts, after.gateways) == (before.hosts, before.gateways)


def test_preview_hosts_stay_where_the_rollout_is_what_is_large() -> None:
    rollout = {"blueGreen": {"previewHosts": ["next.example.com"]}, "checks": "x" * SPEC_BYTES}
    assert model_deployment({**SMALL, "rollout": rollout}).hosts == {"digits.example.com", "next.example.com"}


@pytest.mark.parametrize("section", ["a", {"b": 1}, ["c"], None])
def test_any_large_spec_is_told(section: Any) -> None:
    raw = {"spec": {"model": section, "rollout": section, "x": "x" * SPEC_BYTES}}
    assert "spec takes 257 KiB as JSON" in without_large_spec(raw)[PROBLEM]


def test_of_the_annotations_the_commands_are_kept() -> None:
    raw = {
        "metadata": {
            "namespace": "models",
            "name": "digits",
            "uid": "1f7c9a52",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-20T12:00:00Z",
            "annotations": {"nereid.dev/promote": "x7k2m9qd", "example.com/a": "b", "nereid.dev/abort": "x" * 10_000},
        },
    }
    kept = type(model_deployment(SMALL)).from_raw(raw).annotations
    assert kept == {"nereid.dev/promote": "x7k2m9qd", "nereid.dev/abort": "x" * 1024}
