"""A pass over what was recorded of a cluster."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from tests.support.documents import NEW, candidate, rollout
from tests.support.recorded import Pass, explained, objects, run_pass

from nereid.controller.plan.plan import InvalidSpecError
from nereid.controller.plan.settings import Settings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
METADATA = {"namespace": "models", "name": "digits", "uid": "1f7c", "generation": 1}
FIRST: dict[str, Any] = {
    "apiVersion": "nereid.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": METADATA,
    "spec": {"model": {"uri": "pvc://models/digits/1/model.onnx", "format": "onnx"}},
}


def run(*recorded: dict[str, Any]) -> Pass:
    return run_pass(recorded, Settings(), NOW)


def kinds(done: Pass) -> set[str]:
    return {manifest["kind"] for manifest in done.manifests}


def as_stored(manifest: Any) -> dict[str, Any]:
    """Return a manifest as the API server gives it back."""
    return {**manifest, "metadata": {**manifest["metadata"], "uid": manifest["kind"], "resourceVersion": "1"}}


def test_a_new_object_gets_its_first_pods() -> None:
    done = run(FIRST)
    assert done.decision.state.candidate == done.plan.revision
    assert {"ControllerRevision", "Deployment", "Service", "VirtualService"} <= kinds(done)


def test_what_was_recorded_of_children_is_seen() -> None:
    made = run(FIRST)
    recorded = [as_stored(manifest) for manifest in made.manifests]
    assert made.observed.of(made.plan.revision).record is None
    assert run(FIRST, *recorded).observed.of(made.plan.revision).record


def test_children_of_others_are_not_seen() -> None:
    made = run(FIRST)
    other = {**FIRST, "metadata": {**METADATA, "uid": "other"}}
    assert run(other, *(as_stored(manifest) for manifest in made.manifests)).observed.revisions == {}


def test_the_recorded_status_is_where_the_pass_goes_on() -> None:
    revision = run(FIRST).plan.revision
    waits = rollout("Preparing", "StartingPods", "…")
    status = {"candidate": candidate(of={**NEW, "revision": revision}), "rollout": waits}
    done = run({**FIRST, "status": status})
    assert done.before.candidate == revision
    assert f"state.candidate: {revision}" in list(explained(done))


def test_a_spec_that_is_not_valid_is_rejected() -> None:
    with pytest.raises(InvalidSpecError):
        run({**FIRST, "spec": {"model": {}}})


def test_lists_and_documents_are_read() -> None:
    listed = yaml.safe_dump_all([FIRST, {"kind": "List", "items": [{"kind": "Service"}, {"kind": "Pod"}]}, None])
    assert [thing["kind"] for thing in objects(listed)] == ["ModelDeployment", "Service", "Pod"]


def test_it_is_a_program(tmp_path: Any) -> None:
    path = tmp_path / "recorded.yaml"
    path.write_text(yaml.safe_dump(FIRST))
    command = [sys.executable, "-m", "tests.support.recorded", path, "--at", "2026-11-20T12:00:00Z"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.startswith("revision of the spec: ")
    assert "kind: Deployment" in printed
