"""What Jobs that speak to a model's source and their pods tell, as Kubernetes reports them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from nereid.api.provenance import MAX_SIGNATURE_LENGTH, MAX_TEXT_LENGTH
from nereid.api.status import ResolutionFailure
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.objects import facts_of

RUN = "0123456789abcdef-0"
LABELS = {"nereid.dev/model-job": RUN}


def pod(container: str = "resolve-model", **status: Any) -> ModelJobFacts:
    spec = {"containers": [{"name": container, "image": "nereid-models:1"}]}
    found = facts_of("Pod", {"metadata": {"name": "p", "labels": LABELS}, "spec": spec, "status": status})
    assert isinstance(found, ModelJobFacts)
    assert found.run == RUN
    return found


def ended(message: str, code: int = 0, reason: str = "Completed", container: str = "resolve-model") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "message": message, "reason": reason}}
    return {"phase": "Failed" if code else "Succeeded", "containerStatuses": [{"name": container, "state": state}]}


def job(*conditions: tuple[str, str]) -> ModelJobFacts:
    told = [{"type": kind, "status": "True", "reason": reason, "message": "as it is"} for kind, reason in conditions]
    metadata = {"labels": LABELS, "creationTimestamp": "2026-11-20T12:00:00Z"}
    found = facts_of("Job", {"metadata": metadata, "spec": {}, "status": {"conditions": told}})
    assert isinstance(found, ModelJobFacts)
    return found


def test_answer():
    told = {"uri": "models:/digits/7", "provenance": {"run": "r1", "datasetVersion": "3", "version": "7"}}
    found = pod(**ended(json.dumps(told)))
    assert found.is_over
    assert (found.answer.uri, found.failure) == ("models:/digits/7", None)
    assert found.answer.provenance.model_dump(exclude_none=True) == {"run": "r1", "datasetVersion": "3"}


def test_tags_leave_an_empty_answer():
    found = pod("tag-model", **ended("{}", container="tag-model"))
    assert found.is_over
    assert found.answer.failure is None


def test_what_is_longer_than_status_holds_is_cut():
    told = {"uri": "models:/digits/7", "provenance": {"run": "r" * 999, "signature": "s" * 3000, "commit": ""}}
    provenance = pod(**ended(json.dumps(told))).answer.provenance
    assert (len(provenance.run or ""), len(provenance.signature or "")) == (MAX_TEXT_LENGTH, MAX_SIGNATURE_LENGTH)
    assert provenance.commit is None


def test_failure_in_the_sources_own_words():
    told = {"failure": {"reason": "ModelNotFound", "message": "no\nalias " + "x" * 2000}}
    failure = pod(**ended(json.dumps(told))).failure
    assert failure.reason == "ModelNotFound"
    assert failure.message.startswith("no alias xxx")
    assert len(failure.message) <= 600


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (ended("Traceback\nKeyError: 'x'", 1, "Error"), "ResolutionFailed", "exit code 1: KeyError: 'x'"),
        (ended("nonsense"), "ResolutionFailed", "no readable answer"),
        (ended("[]"), "ResolutionFailed", "no readable answer"),
        (ended("", 137, "OOMKilled"), "OutOfMemory", "more memory than its limit"),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory"},
            "ResolutionFailed",
            "its pod was terminated (Evicted): The node was low on memory",
        ),
    ],
)
def test_pod_that_ends_without_an_answer(status, reason, words):
    found = pod(**status)
    assert (found.is_over, found.answer, found.failure.reason) == (True, None, reason)
    assert words in found.failure.message


def test_pod_that_cannot_start():
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    found = pod(phase="Pending", containerStatuses=[{"name": "resolve-model", "state": state}])
    assert not found.is_over
    assert found.failure == ResolutionFailure(
        reason="ImagePullFailed", message="image nereid-models:1 cannot be pulled: not found"
    )


def test_job():
    assert job() == ModelJobFacts(RUN, created=datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert job(("Complete", "CompletionsReached")).is_over
    late = job(("FailureTarget", "DeadlineExceeded"))
    assert late.is_over
    assert late.failure.message == "the Job failed (DeadlineExceeded): as it is"
