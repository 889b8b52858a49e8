"""Checks before traffic: the Job that asks the candidate, what its pod tells, and what the operator makes of it."""

from collections.abc import Callable

import pytest
from tests.support.api.jobs import Ending, Jobs, failed, told
from tests.support.api.kubernetes import Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.recording import Recording
from tests.support.api.routes import destinations
from tests.support.api.waiting import wait_until
from tests.support.api.workloads import Workloads

NEXT = {"uri": "pvc://models/digits/2"}
REQUESTS = [{"body": {"inputs": []}, "expected": [{"name": "y", "data": [1]}]}]


def checked(*steps: Object, when: str = "BeforeTraffic") -> Object:
    """Return a rollout with a check; without steps, all traffic follows."""
    strategy = {"steps": list(steps)} if steps else {"strategy": "Direct"}
    items = [{"name": "known-answers", "when": when, "requests": REQUESTS}]
    return {**strategy, "drain": "0s", "analysis": {"provider": "None"}, "checks": {"items": items}}


def begin(models: Models, rollout: Object) -> str:
    """Begin a rollout to a second revision, and return its id. The first one is not checked."""
    models.create(rollout={**rollout, "checks": {"smoke": False}})
    models.wait_settled()
    models.change(model=NEXT, rollout=rollout)
    candidate = wait_until(models.candidate, seconds=15, what="a candidate")
    assert candidate
    return candidate


def of(jobs: Jobs) -> list[str]:
    """Return which revision, exposure and attempt each Job was for, without what tells its checks from others."""
    return [name.removeprefix("digits-checks-").rpartition("-")[0] for name in jobs.seen]


def wait_gone(models: Models) -> None:
    wait_until(lambda: not models.kubernetes.list("Job", models.namespace), seconds=10, what="the Job being removed")


@pytest.mark.usefixtures("operator")
def test_checks_run_once_the_pods_are_ready(models: Models, workloads: Workloads, jobs: Jobs) -> None:
    models.create()
    models.wait_settled()
    workloads.held_back.add(models.namespace)
    models.change(model=NEXT, rollout=checked())
    wait_until(lambda: len(models.children()) == 12, seconds=15, what="the candidate's children")
    assert models.rollout()["reason"] == "StartingPods"
    assert jobs.seen == []
    workloads.release(models.namespace)
    name = jobs.running()
    status, candidate = models.wait_for("Preparing", "RunningChecks"), models.candidate()
    assert status["candidate"]["weight"] == 0
    assert of(jobs) == [f"{candidate}-w100-1"]
    jobs.end(name, told(known_answers=True))
    assert models.wait_settled()["status"]["stable"]["revision"] == candidate
    [result] = models.rollout()["checks"]["results"]
    assert result == {"name": "known-answers", "passed": True, "message": "9 of 10 right"}
    wait_gone(models)
    assert jobs.seen == [name]
    models.wait_for_events("ChecksStarted", "ChecksPassed")


@pytest.mark.parametrize(
    ("ending", "reason", "words"),
    [
        (told(known_answers=False), "CheckFailed", "known-answers: 1 of 10 right"),
        (told(something_else=True), "ChecksNotRun", "known-answers"),
        (failed("the data set is missing"), "ChecksNotRun", "the data set is missing"),
    ],
    ids=["failed", "not-told-of", "not-run"],
)
@pytest.mark.usefixtures("operator")
def test_candidate_whose_checks_do_not_pass_never_gets_traffic(
    models: Models, jobs: Jobs, record: Callable[[str], Recording], ending: Ending, reason: str, words: str
) -> None:
    routes = record("VirtualService")
    jobs.ending = ending
    candidate = begin(models, checked({"weight": 50, "hold": "1s"}))
    rollout = models.wait_for("Failed", reason)["rollout"]
    assert (rollout["failed"]["revision"], rollout["failed"]["reason"]) == (candidate, reason)
    assert words in rollout["failed"]["message"]
    assert models.condition("RolloutPassed")["reason"] == reason
    assert all(f"digits-{candidate}" not in destinations(route) for route in routes.of("digits"))
    wait_gone(models)
    models.annotate(retry=f"{candidate}/1")
    wait_until(lambda: len(jobs.seen) == 2, seconds=10, what="the checks of the second attempt")
    assert of(jobs) == [f"{candidate}-w50-1", f"{candidate}-w50-2"]


@pytest.mark.usefixtures("operator")
def test_first_revision_is_routed_once_it_has_passed_its_checks(models: Models, jobs: Jobs) -> None:
    models.create(rollout=checked())
    failing = jobs.running()
    jobs.end(failing, told(known_answers=False))
    models.wait_for("Failed", "CheckFailed")
    assert models.status()["phase"] == "Failed"
    assert models.condition("Ready")["reason"] == "CheckFailed"
    assert not models.kubernetes.list("VirtualService", models.namespace)
    wait_gone(models)
    candidate = models.candidate()
    models.annotate(retry=f"{candidate}/1")
    wait_until(lambda: len(jobs.seen) == 2, seconds=10, what="the checks of the second attempt")
    jobs.end(jobs.running(), told(known_answers=True))
    assert models.wait_settled()["status"]["stable"]["revision"] == candidate
    assert models.kubernetes.list("VirtualService", models.namespace)


@pytest.mark.usefixtures("operator")
def test_without_any_configuration_the_built_in_check_runs_first(models: Models, jobs: Jobs) -> None:
    models.create(rollout={"strategy": "Direct", "drain": "0s", "checks": {}})
    jobs.end(jobs.running(), told(smoke=True))
    models.wait_settled()
    [result] = models.rollout()["checks"]["results"]
    assert (result["name"], result["passed"]) == ("smoke", True)


@pytest.mark.usefixtures("operator")
def test_checks_of_each_step_open_each_step(models: Models, jobs: Jobs) -> None:
    jobs.ending = told(known_answers=True)
    candidate = begin(models, checked({"weight": 10, "hold": "1s"}, {"weight": 50, "hold": "1s"}, when="EachStep"))
    models.wait_settled(seconds=40)
    assert models.stable() == candidate
    assert of(jobs) == [f"{candidate}-w{weight}-1" for weight in (10, 50, 100)]
    wait_gone(models)


def test_operator_is_killed_while_checks_run(
    models: Models, jobs: Jobs, operator: Operator, new_operator: Callable[..., Operator]
) -> None:
    candidate = begin(models, checked())
    name = jobs.running()
    operator.kill()
    jobs.end(name, told(known_answers=True))
    new_operator().start()
    assert models.wait_settled()["status"]["stable"]["revision"] == candidate
    assert models.rollout()["checks"]["results"][0]["passed"]
    assert jobs.seen == [name]
    wait_gone(models)


@pytest.mark.usefixtures("operator")
def test_job_that_somebody_deletes_is_made_again(models: Models, jobs: Jobs) -> None:
    candidate = begin(models, checked())
    name = jobs.running()
    models.kubernetes.delete("Job", models.namespace, name)
    wait_until(lambda: jobs.seen == [name, name], seconds=10, what="the Job being made again")
    wait_until(lambda: jobs.running() == name, seconds=10, what="its pod")
    jobs.end(name, told(known_answers=True))
    assert models.wait_settled()["status"]["stable"]["revision"] == candidate


@pytest.mark.usefixtures("operator")
def test_job_that_loses_its_labels_gets_them_back(models: Models, jobs: Jobs) -> None:
    candidate = begin(models, checked())
    name = jobs.running()
    wanted = labels(models, name)
    lost = {"metadata": {"labels": dict.fromkeys(("app.kubernetes.io/managed-by", "nereid.dev/checks"))}}
    models.kubernetes.patch("Job", models.namespace, name, lost)
    wait_until(lambda: labels(models, name) == wanted, seconds=10, what="the Job's labels")
    jobs.end(name, told(known_answers=True))
    assert models.wait_settled()["status"]["stable"]["revision"] == candidate
    wait_gone(models)


def labels(models: Models, job: str) -> dict[str, str]:
    found: dict[str, str] = models.kubernetes.get("Job", models.namespace, job)["metadata"]["labels"]
    return found


@pytest.mark.usefixtures("operator")
def test_checks_of_a_superseded_candidate_are_removed(models: Models, jobs: Jobs) -> None:
    first = begin(models, checked())
    name = jobs.running()
    models.change(model={"uri": "pvc://models/digits/3"})
    wait_until(lambda: models.candidate() not in (None, first), seconds=10, what="another candidate")
    second = models.candidate()
    wait_until(
        lambda: not models.kubernetes.find("Job", models.namespace, name), seconds=10, what="the first Job being gone"
    )
    wait_until(lambda: of(jobs) == [f"{first}-w100-1", f"{second}-w100-1"], seconds=10, what="the second Job")
    jobs.end(jobs.running(), told(known_answers=True))
    assert models.wait_settled(seconds=30)["status"]["stable"]["revision"] == second
