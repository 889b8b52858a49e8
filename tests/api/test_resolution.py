"""References that may move: the Job that asks where they lead, what becomes of its answer, what the registry hears."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.api.audit import AuditLog
from tests.support.api.jobs import Ending, Jobs, failed, resolved, unresolved
from tests.support.api.kubernetes import Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.quotas import no_more
from tests.support.api.waiting import wait_until
from tests.support.api.workloads import Workloads

CHAMPION = "models:/digits@champion"
MISSING = unresolved("ModelNotFound", "digits has no alias champion: set it, or correct spec.model.uri")
DIRECT = {"strategy": "Direct", "drain": "0s"}


def version(number: int, **provenance: str) -> Ending:
    return resolved(f"models:/digits/{number}", run=f"run-{number}", **provenance)


def resolution(models: Models) -> Object:
    found: Object = models.status().get("resolution", {})
    return found


def wait_uri(models: Models, uri: str) -> Object:
    """Wait until a revision from `uri` is stable."""
    wait_until(lambda: models.status().get("stable", {}).get("modelUri") == uri, seconds=40, what=f"{uri} being stable")
    return models.wait_settled()


def wait_no_jobs(models: Models) -> None:
    wait_until(lambda: not models.kubernetes.list("Job", models.namespace), seconds=15, what="the Jobs being removed")


def fetched_uri(deployment: Object) -> str:
    [fetching] = deployment["spec"]["template"]["spec"]["initContainers"]
    return str(work(fetching)["uri"])


def work(container: Object) -> Object:
    found: Object = json.loads(container["env"][0]["value"])
    return found


def deployments(models: Models) -> list[Object]:
    return models.kubernetes.list("Deployment", models.namespace)


@pytest.mark.usefixtures("operator")
def test_alias_becomes_a_revision_of_the_version_behind_it(models: Models, jobs: Jobs) -> None:
    models.create(uri=CHAMPION, rollout=DIRECT)
    condition = models.wait_ready("ResolvingModel")
    assert condition["message"] == f"{CHAMPION} is being resolved"
    assert models.children() == {}
    jobs.end(jobs.running(), version(7, commit="0123456789abcdef", dataset="mnist", datasetVersion="3"))
    settled = models.wait_settled()
    stable = settled["status"]["stable"]
    assert stable["modelUri"] == "models:/digits/7"
    assert stable["version"] == f"7-{stable['revision']}"
    provenance = stable["provenance"]
    assert provenance["appliedBy"]
    assert {key: provenance[key] for key in ("run", "commit", "dataset", "datasetVersion", "resolvedUri")} == {
        "run": "run-7",
        "commit": "0123456789abcdef",
        "dataset": "mnist",
        "datasetVersion": "3",
        "resolvedUri": "models:/digits/7",
    }
    assert settled["status"]["history"][0]["provenance"] == provenance
    [deployment] = deployments(models)
    assert fetched_uri(deployment) == "models:/digits/7"
    labels = deployment["metadata"]["labels"]
    assert (labels["nereid.dev/commit"], labels["nereid.dev/dataset"]) == ("0123456789ab", "mnist")
    assert "nereid.dev/commit" not in deployment["spec"]["template"]["metadata"]["labels"]
    assert models.condition("ModelResolved")["message"] == f"{CHAMPION} leads to models:/digits/7"
    wait_no_jobs(models)
    assert len(jobs.seen) == 1
    models.wait_for_events("RevisionCreated")


@pytest.mark.usefixtures("operator")
def test_alias_and_version_are_one_revision(models: Models, jobs: Jobs) -> None:
    jobs.ending = version(7)
    models.create(uri=CHAMPION, rollout=DIRECT)
    models.wait_settled()
    revision, made = models.stable(), models.versions()
    jobs.ending = None
    models.change(model={"uri": "models:/digits/7"})
    # It serves already, so that nothing waits for the registry.
    models.wait_settled()
    assert models.stable() == revision
    assert len(deployments(models)) == 1
    jobs.end(jobs.running(), version(7))
    wait_no_jobs(models)
    unlike = [key for key, one in models.versions().items() if made[key] != one]
    assert [key for key in unlike if key[0] == "Deployment"] == []


@pytest.mark.usefixtures("operator")
def test_alias_that_is_made_later(models: Models, jobs: Jobs) -> None:
    jobs.ending = MISSING
    models.create(uri=CHAMPION, rollout=DIRECT)
    condition = models.wait_ready("ModelNotFound")
    assert "digits has no alias champion" in condition["message"]
    assert f"the next attempt is at {resolution(models)['nextCheck']}" in condition["message"]
    assert models.status()["phase"] == "Failed"
    wait_no_jobs(models)
    jobs.ending = version(1)
    wait_uri(models, "models:/digits/1")
    assert len(jobs.seen) == 2
    assert models.wait_for_events("ModelNotFound").count("ModelNotFound") == 1
    assert "failures" not in resolution(models) or resolution(models)["failures"] == 0


@pytest.mark.usefixtures("operator")
def test_what_runs_goes_on_while_a_new_reference_is_not_resolved(models: Models, jobs: Jobs) -> None:
    models.create(rollout=DIRECT)
    models.wait_settled()
    before, serving = models.versions(), models.stable()
    models.change(model={"uri": CHAMPION})
    models.wait_ready("ResolvingModel")
    jobs.end(jobs.running(), MISSING)
    models.wait_ready("ModelNotFound")
    wait_no_jobs(models)
    assert models.versions() == before
    status = models.status()
    assert (status["stable"]["revision"], status["phase"]) == (serving, "Degraded")
    assert models.condition("Available")["status"] == "True"
    # The spec is changed back: there is nothing left to be looked up.
    models.change(model={"uri": "pvc://models/digits/1"})
    models.wait_settled()
    assert models.condition("ModelResolved") == {}
    assert models.versions() == before


@pytest.mark.usefixtures("operator")
def test_a_rollout_is_looked_after_while_a_new_reference_is_not_resolved(models: Models, jobs: Jobs) -> None:
    rollout = {"steps": [{"weight": 50}], "drain": "0s", "analysis": {"provider": "None"}}
    models.create(rollout=rollout)
    serving = models.wait_settled()["status"]["stable"]["revision"]
    models.change(model={"uri": "pvc://models/digits/2"})
    models.wait_for("Paused", seconds=25)
    candidate = models.candidate()
    models.change(model={"uri": CHAMPION})
    models.wait_ready("ResolvingModel")
    assert models.status()["candidate"]["weight"] == 50
    models.annotate(abort=candidate)
    wait_until(lambda: "candidate" not in models.status(), seconds=25, what="the candidate being rolled back")
    jobs.end(jobs.running(), MISSING)
    models.wait_ready("ModelNotFound")
    assert (models.stable(), models.status()["stable"]["weight"]) == (serving, 100)
    assert "nereid.dev/commit" not in deployments(models)[0]["metadata"]["labels"]


@pytest.mark.usefixtures("operator")
def test_refresh_rolls_out_what_the_alias_leads_to_then(models: Models, jobs: Jobs) -> None:
    jobs.ending = version(7)
    models.create(model={"uri": CHAMPION, "refresh": "10s"}, rollout=DIRECT)
    wait_uri(models, "models:/digits/7")
    jobs.ending = version(8)
    settled = wait_uri(models, "models:/digits/8")
    assert settled["status"]["stable"]["provenance"]["run"] == "run-8"
    assert [one["provenance"]["run"] for one in settled["status"]["history"]] == ["run-8", "run-7"]
    models.wait_for_events("ModelMoved")


@pytest.mark.usefixtures("operator")
def test_refresh_that_fails_leaves_what_serves_in_force(models: Models, jobs: Jobs) -> None:
    jobs.ending = version(7)
    models.create(model={"uri": CHAMPION, "refresh": "10s"}, rollout=DIRECT)
    wait_uri(models, "models:/digits/7")
    before = models.versions()
    jobs.ending = unresolved("ModelFetchFailed", "the tracking server does not answer")
    wait_until(
        lambda: models.condition("ModelResolved").get("reason") == "RefreshFailed", seconds=30, what="a failed refresh"
    )
    condition = models.condition("ModelResolved")
    assert "models:/digits/7 is still used" in condition["message"]
    assert "the tracking server does not answer" in condition["message"]
    assert models.condition("Ready")["status"] == "True"
    assert models.versions() == before
    jobs.ending = version(7)
    wait_until(lambda: models.condition("ModelResolved").get("status") == "True", seconds=30, what="a refresh")
    assert models.wait_for_events("RefreshFailed").count("RefreshFailed") == 1
    assert models.versions() == before


@pytest.mark.usefixtures("operator")
def test_a_refresh_that_finds_the_same_costs_one_write_of_status(models: Models, jobs: Jobs, audit: AuditLog) -> None:
    jobs.ending = version(7)
    models.create(model={"uri": CHAMPION, "refresh": "10s"}, rollout=DIRECT)
    wait_uri(models, "models:/digits/7")
    wait_no_jobs(models)
    wait_until(lambda: audit.silent_seconds > 2, seconds=30, what="the end of what has been begun")
    checked = resolution(models)["checkedAt"]
    audit.clear()
    wait_until(lambda: resolution(models)["checkedAt"] != checked, seconds=30, what="a refresh")
    wait_until(lambda: audit.silent_seconds > 2, seconds=30, what="the end of the refresh")
    writes = [(one.verb, one.resource) for one in audit.writes()]
    assert sorted(writes) == [("delete", "jobs"), ("patch", "jobs"), ("patch", "modeldeployments/status")]


def test_operator_is_killed_while_a_reference_is_resolved(
    models: Models, jobs: Jobs, operator: Operator, new_operator: Callable[..., Operator]
) -> None:
    models.create(uri=CHAMPION, rollout=DIRECT)
    name = jobs.running()
    operator.kill()
    jobs.end(name, version(7))
    new_operator().start()
    wait_uri(models, "models:/digits/7")
    wait_no_jobs(models)
    assert jobs.seen == [name]


@pytest.mark.usefixtures("operator")
def test_job_that_somebody_removes_is_made_again(models: Models, jobs: Jobs) -> None:
    models.create(uri=CHAMPION, rollout=DIRECT)
    name = jobs.running()
    models.kubernetes.delete("Job", models.namespace, name)
    wait_until(lambda: jobs.seen.count(name) == 2, seconds=15, what="the Job being made again")
    wait_until(lambda: jobs.running() == name, seconds=15, what="its pod")
    jobs.end(name, version(7))
    wait_uri(models, "models:/digits/7")


@pytest.mark.usefixtures("operator")
def test_job_that_cannot_answer(models: Models, jobs: Jobs) -> None:
    jobs.ending = failed("Traceback")
    models.create(uri="oci://registry.example.com/digits:latest", rollout=DIRECT)
    condition = models.wait_ready("ResolutionFailed")
    assert "exit code 1" in condition["message"]


@pytest.mark.usefixtures("operator")
def test_job_that_a_quota_refuses(models: Models, jobs: Jobs) -> None:
    lift = no_more(models.kubernetes, models.namespace, "jobs.batch")
    models.create(uri=CHAMPION, rollout=DIRECT)
    assert "exceeded quota" in models.wait_ready("ChildRejected")["message"]
    lift()
    jobs.ending = version(7)
    wait_uri(models, "models:/digits/7")


@pytest.mark.usefixtures("operator")
def test_registry_is_told_which_version_serves(models: Models, jobs: Jobs) -> None:
    jobs.ending, jobs.endings["tag-model"] = version(7), Ending(0, {})
    models.create(model={"uri": CHAMPION, "tagRegistry": True}, rollout=DIRECT)
    wait_uri(models, "models:/digits/7")
    tags = told(jobs)
    wait_until(lambda: resolution(models).get("tagged") == models.stable(), seconds=20, what="the registry being told")
    key = f"nereid.dev/{models.namespace}.digits"
    assert tags() == {"models:/digits/7": f"{key}=serving"}
    assert models.condition("RegistryTagged")["status"] == "True"
    jobs.ending = version(8)
    models.change(model={"uri": "models:/digits/8"})
    wait_uri(models, "models:/digits/8")
    wait_until(lambda: resolution(models).get("tagged") == models.stable(), seconds=20, what="the registry being told")
    until = models.status()["history"][1]["servedUntil"]
    assert tags() == {"models:/digits/7": f"{key}=served until {until}", "models:/digits/8": f"{key}=serving"}
    wait_no_jobs(models)


@pytest.mark.usefixtures("operator")
def test_registry_that_takes_no_tags_delays_nothing(models: Models, jobs: Jobs) -> None:
    jobs.ending, jobs.endings["tag-model"] = version(7), unresolved("ModelAccessDenied", "the token may only read")
    models.create(model={"uri": CHAMPION, "tagRegistry": True}, rollout=DIRECT)
    wait_uri(models, "models:/digits/7")
    wait_until(lambda: models.condition("RegistryTagged").get("status") == "False", seconds=20, what="the failure")
    assert "the token may only read" in models.condition("RegistryTagged")["message"]
    assert models.wait_for_events("RegistryNotTagged").count("RegistryNotTagged") == 1
    assert models.condition("Ready")["status"] == "True"


def told(jobs: Jobs) -> Callable[[], dict[str, str]]:
    """Return what is written as tags, the last word for each version."""

    def tags() -> dict[str, str]:
        containers = [job["spec"]["template"]["spec"]["containers"][0] for job in jobs.made if "-tag-" in name(job)]
        return {done["request"]["uri"]: written(**done["tags"]) for done in map(work, containers)}

    def name(job: Object) -> str:
        return str(job["metadata"]["name"])

    def written(**tags: str) -> str:
        return ",".join(f"{key}={value}" for key, value in tags.items())

    return tags


@pytest.mark.usefixtures("operator")
def test_pods_that_fetched_different_models(models: Models, workloads: Workloads) -> None:
    workloads.with_pods.add(models.namespace)
    models.create(rollout=DIRECT, scaling={"replicas": 2})
    models.wait_settled()
    first, second = (pod["metadata"]["name"] for pod in models.kubernetes.list("Pod", models.namespace))
    one, other = (f"sha256:{digit * 64}" for digit in "ab")
    fetched(models, first, one)
    wait_until(
        lambda: models.status()["stable"].get("provenance", {}).get("digest") == one, seconds=15, what="the digest"
    )
    assert models.condition("ModelChanged") == {}
    fetched(models, second, other)
    wait_until(lambda: models.condition("ModelChanged").get("status") == "True", seconds=15, what="the warning")
    message = models.condition("ModelChanged")["message"]
    assert one in message
    assert other in message
    assert models.status()["stable"]["provenance"]["digest"] == one
    assert models.wait_for_events("ModelChanged").count("ModelChanged") == 1


def fetched(models: Models, pod: str, digest: str) -> None:
    """Let a pod's container that fetches the model have left a digest."""
    end: dict[str, Any] = {"exitCode": 0, "message": f'{{"digest": "{digest}", "bytes": 1, "files": 1}}'}
    container = {
        "name": "fetch-model",
        "image": "nereid",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": {"terminated": end},
    }
    models.kubernetes.patch("Pod", models.namespace, pod, {"status": {"initContainerStatuses": [container]}}, "status")


@pytest.mark.usefixtures("operator")
def test_provenance_is_told_without_a_rollout(models: Models) -> None:
    models.create(model={"uri": "pvc://models/digits/1", "provenance": {"commit": "a" * 40}}, rollout=DIRECT)
    models.wait_settled()
    revision = models.stable()
    [before] = deployments(models)
    models.change(model={"provenance": {"commit": "b" * 40, "dataset": "mnist"}})
    models.wait_settled()
    assert models.stable() == revision
    wait_until(lambda: commits(models) == {"b" * 12}, seconds=10, what="the labels being changed")
    [after] = deployments(models)
    assert after["spec"]["template"] == before["spec"]["template"]
    assert models.status()["stable"]["provenance"]["dataset"] == "mnist"


def commits(models: Models) -> set[str]:
    return {one["metadata"]["labels"]["nereid.dev/commit"] for one in deployments(models)}
