"""What is told of a run of checks by its Job and its pods, as Kubernetes 1.34 reports them."""

import json
from typing import Any

import pytest

from nereid.controller.observed.check_jobs import checks_facts, checks_job_facts
from nereid.controller.observed.check_results import CheckResult, ChecksFacts, combine, why_not_running

RUN = "lmnpqrst-1-0"
RESULTS = {"results": [{"name": "accuracy", "passed": True, "message": "97.2% of 500"}]}
DEADLINE = "they did not finish in time: raise spec.rollout.checks.timeout, or check with fewer rows"


def pod(number: int = 0, *, deleted: bool = False, run: str = RUN, **status: Any) -> ChecksFacts:
    metadata = {
        "name": f"digits-checks-{number}",
        "creationTimestamp": f"2026-11-21T10:00:{number:02}Z",
        "labels": {"nereid.dev/checks": run},
        **({"deletionTimestamp": "2026-11-21T10:01:00Z"} if deleted else {}),
    }
    containers = [{"name": "check", "image": "nereid:1"}]
    return checks_facts({"metadata": metadata, "spec": {"containers": containers}, "status": status})


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "message": message, "reason": reason}}
    phase = "Failed" if code else "Succeeded"
    return {
        "phase": phase,
        "containerStatuses": [{"name": "istio-proxy", "state": {"running": {}}}, {"name": "check", "state": state}],
    }


def failed(sentence: str) -> dict[str, Any]:
    return ended(1, json.dumps({"failure": sentence}))


def not_fetched(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "message": message, "reason": reason}}
    return {
        "phase": "Failed",
        "initContainerStatuses": [
            {"name": "istio-proxy", "state": {"running": {}}},
            {"name": "fetch-datasets", "state": state},
        ],
        "containerStatuses": [{"name": "check", "state": {"waiting": {"reason": "PodInitializing"}}}],
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "check", "state": state}]}


def job(*conditions: str, reason: str = "", status: str = "True") -> ChecksFacts:
    told = [{"type": one, "status": status, "reason": reason, "message": "as it is"} for one in conditions]
    labels = {"nereid.dev/checks": RUN}
    return checks_job_facts(
        {"metadata": {"labels": labels}, "spec": {"backoffLimit": 2}, "status": {"conditions": told}}
    )


OUT_OF_TIME = job("FailureTarget", reason="DeadlineExceeded")
OUT_OF_ATTEMPTS = job("FailureTarget", "Failed", reason="BackoffLimitExceeded")


def failure(*facts: ChecksFacts) -> str | None:
    combined = combine(RUN, facts)
    assert combined is not None
    assert combined.run == RUN
    assert not combined.results
    return combined.failure


def test_results() -> None:
    expected = ChecksFacts(RUN, (CheckResult(name="accuracy", passed=True, message="97.2% of 500"),))
    done = pod(1, **ended(0, json.dumps(RESULTS), "Completed"))
    assert combine(RUN, [pod(0, **failed("x")), done]) == expected
    assert combine(RUN, [pod(0, **failed("x")), done, job("Complete")]) == expected
    assert combine(RUN, [done, OUT_OF_TIME]) == expected


@pytest.mark.parametrize(
    "facts",
    [
        [],
        [job()],
        [job("Failed", status="False")],
        [job(), pod(phase="Running")],
        [job(), pod(**failed("no ConfigMap"))],
        [job(), pod(0, **failed("no ConfigMap")), pod(1, phase="Pending")],
        [job("Complete"), pod(phase="Running")],
        [pod(run="lmnpqrst-1-1", **ended(0, json.dumps(RESULTS)))],
    ],
)
def test_what_may_still_succeed_is_not_over(facts: list[ChecksFacts]) -> None:
    assert combine(RUN, facts) is None


def test_the_last_pods_own_words() -> None:
    pods = [pod(1, **failed("second")), pod(2, **failed("third")), pod(0, **failed("first"))]
    assert failure(*pods, OUT_OF_ATTEMPTS) == "3 attempts failed; third"


def test_no_words() -> None:
    assert failure(OUT_OF_ATTEMPTS) == "3 attempts failed"
    assert failure(job("Failed", reason="PodFailurePolicy")) == "the Job failed (PodFailurePolicy): as it is"
    assert failure(job("Complete")) == "the pod that ran them was removed before its results were read: run them again"
    assert failure(OUT_OF_TIME) == DEADLINE


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (ended(1, "Traceback\nKeyError: 'x'"), "their container ended with exit code 1: KeyError: 'x'"),
        (
            ended(137, "", "OOMKilled"),
            "the container that ran them used more memory than its limit: use smaller requests, or a lower maxRows",
        ),
        (ended(0, "nonsense"), "the container that ran them left no readable results"),
        (ended(0, '{"results": []}'), "the container that ran them left no readable results"),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory"},
            "their pod was terminated (Evicted): The node was low on memory",
        ),
        (
            not_fetched(1, json.dumps({"failure": "check fast: s3://a/b does not exist: correct dataset.uri"})),
            "check fast: s3://a/b does not exist: correct dataset.uri",
        ),
        (
            not_fetched(137, "", "OOMKilled"),
            "the container that fetches their data sets used more memory than its limit: put the files on a volume",
        ),
        (
            not_fetched(2, "Traceback\nKeyError: 'x'"),
            "the container that fetches their data sets ended with exit code 2: KeyError: 'x'",
        ),
        (
            {
                **not_fetched(137),
                "reason": "Evicted",
                "message": 'Usage of EmptyDir volume "tmp" exceeds the limit "4Gi".',
            },
            'their pod was terminated (Evicted): Usage of EmptyDir volume "tmp" exceeds the limit "4Gi".',
        ),
        (waiting("ImagePullBackOff", "not found"), "image nereid:1 cannot be pulled: not found"),
        (waiting("CreateContainerConfigError", "no user"), "container check cannot be created: no user"),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "message": "0/1 nodes are available: 1 Insufficient cpu.",
                    }
                ],
            },
            "no node can run the pod: 0/1 nodes are available: 1 Insufficient cpu.",
        ),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "message": 'persistentvolumeclaim "data" not found'}
                ],
            },
            "there is no PersistentVolumeClaim data: create it or correct the data set's uri",
        ),
    ],
)
def test_what_a_pod_failed_of(status: dict[str, Any], word: str) -> None:
    assert why_not_running(RUN, [job(), pod(**status)]) == word
    assert failure(pod(**status), OUT_OF_ATTEMPTS) == f"3 attempts failed; {word}"
    if status["phase"] == "Pending":
        assert failure(pod(deleted=True, **status), OUT_OF_TIME) == f"{DEADLINE}; {word}"


def test_a_data_set_that_is_there_is_no_failure() -> None:
    done = {**not_fetched(0, "", "Completed"), **ended(0, json.dumps(RESULTS), "Completed")}
    assert combine(RUN, [pod(**done)]) is not None
    assert pod(**done).failure is None


def test_nothing_hinders() -> None:
    assert why_not_running(RUN, [job(), pod(phase="Running")]) is None
    assert why_not_running(RUN, [OUT_OF_ATTEMPTS]) is None


def test_what_the_kubelet_says_of_a_deleted_pod_is_no_cause() -> None:
    unknown = ended(137, "The container could not be located when the pod was terminated", "ContainerStatusUnknown")
    assert failure(pod(deleted=True, **unknown), OUT_OF_TIME) == DEADLINE
