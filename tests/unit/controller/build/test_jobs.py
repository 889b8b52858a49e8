"""What all Jobs in a user's namespace take of the model's pods: what lets them run there, and nothing more."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.scenario import URI, plan_of

from nereid.controller.build.checks_job import checks_job
from nereid.controller.build.metadata import Manifest
from nereid.controller.build.model_job import model_job
from nereid.controller.build.pod import pod_template
from nereid.controller.decide.orders import CheckRun
from nereid.controller.decide.source.resolution import ModelJob
from nereid.controller.plan.plan import Exposure, Specified

TOLERATIONS = [{"key": "team", "operator": "Equal", "value": "vision", "effect": "NoSchedule"}]
JOBS: list[Callable[[Specified], Manifest]] = [
    lambda plan: checks_job(plan, CheckRun("lmnpqrst", "bcdfghjk", 1, 0, Exposure(10), (), 600), "2-lmnpqrst"),
    lambda plan: model_job(plan.source, ModelJob("resolve", "5f2a0c4d6e8b1a3c-0", URI)),
    lambda plan: model_job(plan.source, ModelJob("tag", "tag-5f2a0c4d-1", URI)),
]

pytestmark = pytest.mark.parametrize("job", JOBS, ids=["checks", "resolve", "tag"])


def pod_of(job: Callable[[Specified], Manifest], runtime: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job(planned(runtime))["spec"]["template"]["spec"]
    return spec


def planned(runtime: dict[str, Any]) -> Specified:
    return plan_of({"model": {"uri": URI}, "runtime": runtime})


def test_a_job_may_run_where_the_models_pods_may(job: Callable[[Specified], Manifest]) -> None:
    found = pod_of(job, {"tolerations": TOLERATIONS, "priorityClassName": "serving"})
    assert (found["tolerations"], found["priorityClassName"]) == (TOLERATIONS, "serving")


def test_a_job_takes_no_gpu_node(job: Callable[[Specified], Manifest]) -> None:
    found = pod_of(job, {"gpu": {"product": ["NVIDIA-H200"]}, "nodeSelector": {"pool": "gpu"}})
    assert not {"tolerations", "affinity", "nodeSelector"} & found.keys()


def test_a_pull_secret_is_named_once_as_in_the_models_pods(job: Callable[[Specified], Manifest]) -> None:
    runtime = {"imagePullSecrets": [{"name": "registry"}, {"name": "mirror"}, {"name": "registry"}]}
    named = [{"name": "registry"}, {"name": "mirror"}]
    assert pod_of(job, runtime)["imagePullSecrets"] == named
    assert pod_template(planned(runtime), "v1")["spec"]["imagePullSecrets"] == named


def test_a_job_has_its_name_whatever_it_takes(job: Callable[[Specified], Manifest]) -> None:
    # By its name it is found again, so that no new version of Nereid, and no toleration, makes it anew.
    plain, tolerant = (job(planned(runtime))["metadata"]["name"] for runtime in ({}, {"tolerations": TOLERATIONS}))
    assert plain == tolerant
