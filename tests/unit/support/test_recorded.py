"""A pass over what was recorded of a cluster."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from tests.support.documents import NEW, candidate, rollout
from tests.support.pods import container, crash_looping, pod
from tests.support.recorded import Pass, SourcePass, explained, objects, run_pass

from nereid.controller.plan.plan import Held
from nereid.controller.plan.reading import InvalidSpecError
from nereid.controller.plan.settings import Settings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
METADATA = {
    "namespace": "models",
    "name": "digits",
    "uid": "1f7c",
    "generation": 1,
    "resourceVersion": "7",
    "creationTimestamp": "2026-11-20T11:00:00Z",
}
ALIAS = "models:/digits@champion"
FIRST: dict[str, Any] = {
    "apiVersion": "nereid.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": METADATA,
    "spec": {
        "model": {"uri": "pvc://models/digits/1/model.onnx", "format": "onnx"},
        "rollout": {"checks": {"smoke": False}},
    },
}


def run(*recorded: dict[str, Any]) -> Pass:
    done = run_pass(recorded, Settings(), NOW)
    assert isinstance(done, Pass)
    return done


def kinds(done: Pass) -> set[str]:
    return {manifest["kind"] for manifest in done.manifests}


def as_stored(manifest: Any) -> dict[str, Any]:
    """Return a manifest as the API server gives it back."""
    return {**manifest, "metadata": {**manifest["metadata"], "uid": manifest["kind"], "resourceVersion": "1"}}


def test_a_new_object_gets_its_first_pods() -> None:
    done = run(FIRST)
    assert done.orders.decision.state.candidate == done.plan.revision
    assert {"ControllerRevision", "Deployment", "Service", "VirtualService"} <= kinds(done)


def test_what_was_recorded_of_children_is_seen() -> None:
    made = run(FIRST)
    recorded = [as_stored(manifest) for manifest in made.manifests]
    assert made.situation.observed.of(made.plan.revision).record is None
    assert run(FIRST, *recorded).situation.observed.of(made.plan.revision).record


def test_children_of_others_are_not_seen() -> None:
    made = run(FIRST)
    other = {**FIRST, "metadata": {**METADATA, "uid": "other"}}
    assert run(other, *(as_stored(manifest) for manifest in made.manifests)).situation.observed.revisions == {}


def test_the_recorded_status_is_where_the_pass_goes_on() -> None:
    revision = run(FIRST).plan.revision
    waits = rollout("Preparing", "StartingPods", "…")
    status = {"candidate": candidate(of={**NEW, "revision": revision}), "rollout": waits}
    done = run({**FIRST, "status": status})
    assert done.orders.before.candidate == revision
    assert f"state.candidate: {revision}" in list(explained(done))


def test_a_spec_that_is_not_valid_is_rejected() -> None:
    with pytest.raises(InvalidSpecError):
        run({**FIRST, "spec": {"model": {}}})


def serving() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return an object whose first revision waits for its pods, and its children."""
    made = run(FIRST)
    status = {
        "candidate": candidate(of={**NEW, "revision": made.plan.revision}),
        "rollout": rollout("Preparing", "StartingPods", "…"),
    }
    return {**FIRST, "status": status}, [as_stored(manifest) for manifest in made.manifests]


def test_a_record_without_its_label_is_looked_up_in_the_recording() -> None:
    subject, children = serving()
    record = next(child for child in children if child["kind"] == "ControllerRevision")
    assert run(subject, *children).situation.looked_up.records == {}
    del record["metadata"]["labels"]["nereid.dev/model-deployment"]
    done = run(subject, *children)
    assert list(done.situation.looked_up.records) == [done.plan.revision]
    assert done.built.records[done.plan.revision].version == record_version(children)


def record_version(children: list[dict[str, Any]]) -> str:
    deployment = next(child for child in children if child["kind"] == "Deployment")
    return str(deployment["spec"]["template"]["metadata"]["labels"]["version"])


def test_what_goes_on_in_place_of_a_spec_that_is_refused_is_told() -> None:
    subject, children = serving()
    refused = {**subject, "spec": {"model": {**FIRST["spec"]["model"], "config": {"maxBatchSizes": 8}}}}
    done = run(refused, *children)
    assert isinstance(done.plan, Held)
    first = next(explained(done))
    assert first.startswith(f"revision that goes on in place of the spec's: {run(FIRST).plan.revision}, as ")
    assert "maxBatchSizes" in first


def test_a_first_model_that_is_to_be_looked_up_gets_the_job_that_looks() -> None:
    done = run_pass([{**FIRST, "spec": {"model": {"uri": ALIAS}}}], Settings(), NOW)
    assert isinstance(done, SourcePass)
    assert next(explained(done)) == f"it is not known yet where {ALIAS} leads"
    assert [manifest["kind"] for manifest in done.manifests] == ["Job"]


def test_the_log_of_a_pod_that_crashed_counts_as_not_there() -> None:
    subject, children = serving()
    revision = run(FIRST).plan.revision
    crashed = pod(container("triton", **crash_looping(1)))
    labels = {"nereid.dev/model-deployment": "digits", "nereid.dev/revision": revision}
    identity = {"namespace": "models", "name": "p", "uid": "p", "resourceVersion": "1"}
    recorded = {**crashed, "kind": "Pod", "metadata": {**crashed["metadata"], **identity, "labels": labels}}
    (seen,) = run(subject, *children, recorded).situation.observed.of(revision).pods
    assert seen.crash


def test_a_new_revision_is_told_of() -> None:
    assert "RevisionCreated" in [event.reason for event in run(FIRST).events]


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
