"""A trial's way to Ready: what is waited out, and what ends it at once."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pytest
from kubernetes.client import ApiClient
from tests.support.scenario import NOW, rollout

from nereid.api.status import Condition, ResolutionStatus
from nereid.cli.model_deployments import ConnectionLost, ModelDeployments
from nereid.cli.tune.objects import _TEMPORARY, Objects, TrialError
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.observed.pods import pod_facts
from nereid.controller.report.source import model_resolved
from nereid.controller.report.verdict import Verdict, dated

UNPLACED = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]}
CRASHED = {"containerStatuses": [{"name": "triton", "state": {"terminated": {"exitCode": 1, "message": "oh"}}}]}


def ready(scenario) -> Condition:
    """Return what the product says of a state."""
    return next(one for one in scenario.report().conditions if one.type == "Ready")


def first_revision(status: Mapping[str, Any]) -> Condition:
    """Return what the product says of a first revision whose pod has this status."""
    problem = pod_facts({"metadata": {"name": "p"}, "spec": {"containers": []}, "status": status}).problem
    assert problem
    return ready(rollout().wanting("a").pod_problem("a", problem.reason, problem.message))


def resolving() -> Condition:
    """Return what the product says while it is not known yet where a URI leads to."""
    unknown = Resolution(ResolutionStatus(id="1", uri="models:/digits@champion"))
    [said] = dated({"Ready": model_resolved(unknown)}, [], 1, NOW)
    return said


def said(status: Literal["True", "False", "Unknown"], reason: str, message: str = "") -> Condition:
    [made] = dated({"Ready": Verdict(status, reason, message)}, [], 1, NOW)
    return made


PASSING = {
    "FirstRevisionPending": ready(rollout().wanting("a")),
    "RolloutInProgress": ready(rollout().stable("a").candidate("b", weight=20)),
    "ReplicasNotReady": ready(rollout().stable("a", ready=3)),
    "InsufficientCapacity": first_revision(UNPLACED),
    "ContainerCrashed": first_revision(CRASHED),
    "ResolvingModel": resolving(),
}
SERVES = said("True", "Serving")


class Follow(ModelDeployments):
    """ModelDeployments of which one goes through these states, and then does not change any more."""

    def __init__(self, *seen: Condition | ConnectionLost | None) -> None:
        self.seen = seen

    def follow(self, name: str, deadline: float | None = None) -> Iterator[dict[str, Any] | ConnectionLost]:
        assert deadline is not None
        assert deadline < math.inf
        for one in self.seen:
            conditions = [one.model_dump(mode="json")] if isinstance(one, Condition) else []
            document = {"metadata": {"name": name, "namespace": "ns"}, "spec": {}, "status": {"conditions": conditions}}
            yield one if isinstance(one, ConnectionLost) else document


def wait(*seen: Condition | ConnectionLost | None) -> None:
    objects = Objects(ApiClient(), "ns")
    objects.models = Follow(*seen)
    objects.wait_until_ready("tune-abcde-1", 60)


def test_no_reason_is_waited_out_that_nobody_gives():
    assert {reason: found.reason for reason, found in PASSING.items()} == {reason: reason for reason in _TEMPORARY}


@pytest.mark.parametrize("reason", PASSING)
def test_what_may_pass_is_waited_out(reason):
    wait(None, PASSING[reason], ConnectionLost("refused"), SERVES)


@pytest.mark.parametrize("reason", PASSING)
def test_what_does_not_pass_is_told_in_the_end(reason):
    with pytest.raises(TrialError, match="is not ready within 1m: ") as caught:
        wait(PASSING[reason])
    assert PASSING[reason].message in str(caught.value)


def test_an_operator_that_does_not_answer_is_told():
    with pytest.raises(TrialError, match="check that it runs"):
        wait(None)


def test_what_does_not_pass_by_itself_ends_it():
    with pytest.raises(TrialError, match="does not load: unexpected end of file"):
        wait(PASSING["FirstRevisionPending"], said("False", "ModelLoadFailed", "unexpected end of file"), SERVES)
