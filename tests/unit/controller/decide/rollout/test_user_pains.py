"""What users of Flagger and Argo Rollouts suffer from, each as a test that shows that Nereid does without.

docs/user-pains.md is the table of them. F# is an issue of fluxcd/flagger, A# one of argoproj/argo-rollouts.
"""

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.scenario import (
    ANALYSIS_DEADLINE,
    DRAIN,
    INTERVAL,
    METADATA,
    NOW,
    PROPAGATION,
    URI,
    Scenario,
    doing,
    place,
    rollout,
    shares,
)

from nereid.api import names
from nereid.api.checks import AccuracyCheck, CheckSpec
from nereid.api.crd import custom_resource_definition
from nereid.controller.build.manifests import manifests
from nereid.controller.build.revision import new_record
from nereid.controller.decide.rollout.analysis import MOST_ERRORS
from nereid.controller.decide.rollout.capacity import pods_for
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.observed.facts import Observed, RevisionRecord, observe
from nereid.controller.observed.objects import facts_of
from nereid.controller.observed.sample import Activity, QueryReading
from nereid.controller.plan.plan import Query, Specified
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster.children import comparable
from nereid.controller.shell.cluster.comparison import covers

ROOT = Path(__file__).parents[5]
REPLICAS = 4
STARTUP_SECONDS = 20
SECOND = timedelta(seconds=1)
Manifest = dict[str, Any]
Objects = Mapping[tuple[str, str], Manifest]


@dataclass(frozen=True)
class Moment:
    """The cluster after a pass of the operator: what it holds, and which pods are ready, by revision."""

    now: datetime
    decision: Decision
    objects: Objects
    ready: Mapping[str, frozenset[str]]

    @property
    def state(self) -> RolloutState:
        return self.decision.state

    def of_kind(self, kind: str) -> list[Manifest]:
        return [one for (found, _), one in self.objects.items() if found == kind]

    @property
    def routed(self) -> dict[str, int]:
        """Where the VirtualServices lead, as revisions with percentages; inside and outside it is the same."""
        found = {
            frozenset((revision_of(one), one.get("weight", 100)) for one in route["route"])
            for virtual_service in self.of_kind("VirtualService")
            for route in virtual_service["spec"]["http"]
        }
        (shares_of_all,) = found
        return dict(shares_of_all)

    def replicas(self, revision: str) -> int:
        deployment = self.objects.get(("Deployment", f"digits-{revision}"))
        return deployment["spec"]["replicas"] if deployment else 0


def revision_of(destination: Manifest) -> str:
    return str(destination["destination"]["host"]).partition(".")[0].removeprefix("digits-")


class SmallCluster:
    """The operator's pure passes and, in small, what is around them: an API server, kubelets, clients, a clock."""

    def __init__(self) -> None:
        self.asked = rollout().scaled(REPLICAS)
        self.now = NOW
        self.state = RolloutState()
        self.records: dict[str, RevisionRecord] = {}
        self.objects: Objects = {}
        # Pods by the name of their Deployment, each with the moment when it is ready.
        self.pods: dict[str, dict[str, datetime]] = {}
        # Until when old proxies go on sending requests to a revision that has lost its traffic.
        self.busy: dict[str, datetime] = {}
        self.moments: list[Moment] = []

    def serve(self, revision: str) -> "SmallCluster":
        """Let a first revision serve, with all its pods, and begin to remember."""
        self.ask(lambda asked: asked.wanting(revision))
        self.run(lambda moment: len(moment.ready.get(revision, ())) == REPLICAS and moment.state.stable == revision)
        self.moments = self.moments[-1:]
        return self

    def ask(self, change: Callable[[Scenario], Scenario]) -> "SmallCluster":
        """Let the user change the spec, or annotate a command."""
        self.asked = change(self.asked)
        return self

    def run(self, until: Callable[[Moment], bool], seconds: int = 1000) -> "SmallCluster":
        """Let passes follow one another until something is so; the clock moves on to what moves the operator."""
        latest = self.now + timedelta(seconds=seconds)
        while self.now <= latest:
            before = self.state
            moment = self._reconcile()
            if until(moment):
                return self
            if self.state == before:
                self.now = min([max(latest, self.now + SECOND), *self._next_wakes(moment)])
        pytest.fail(f"not within {seconds} s; the rollout is {self.state.phase} ({self.state.reason})")

    def run_for(self, seconds: int) -> "SmallCluster":
        end = self.now + timedelta(seconds=seconds)
        return self.run(lambda moment: moment.now >= end, seconds + 1)

    def roll_out(self, revision: str) -> "SmallCluster":
        """Go all the way to the end of a rollout, until the revision before has lost its pods."""
        self.ask(lambda asked: asked.wanting(revision))
        return self.run(lambda moment: moment.state.stable == revision and not moment.state.retiring)

    @property
    def plan(self) -> Specified:
        asked = self.asked.specified
        model = asked.model.model_copy(update={"uri": f"{URI}?{asked.revision}"})
        return replace(asked, model=model, hosts=("digits.example.com",), gateways=("mesh/public",))

    def _reconcile(self) -> Moment:
        plan = self.plan
        self.records.setdefault(plan.revision, new_record(plan))
        decision = decide(plan, self._observed(), self.state, self.now)
        waves = manifests(plan, decision.live, self.records, decision.check_run)
        self.objects = {(one["kind"], one["metadata"]["name"]): one for wave in waves for one in wave}
        self.state = decision.state
        self._run_pods()
        self.moments.append(Moment(self.now, decision, self.objects, self._ready()))
        return self.moments[-1]

    def _next_wakes(self, moment: Moment) -> Iterator[datetime]:
        """Yield when the operator asked to be called again, and when a pod gets ready."""
        if moment.decision.requeue_after is not None:
            yield self.now + max(SECOND, timedelta(seconds=moment.decision.requeue_after))
        yield from (ready_at for pods in self.pods.values() for ready_at in pods.values() if ready_at > self.now)

    def _run_pods(self) -> None:
        """Make pods as Deployments do: another template has other pods, fewer replicas have the first ones."""
        started = self.now + timedelta(seconds=STARTUP_SECONDS)
        made = {}
        for name, deployment in self._deployments():
            template = names.content_hash(deployment["spec"]["template"])
            wanted = [f"{name}-{template}-{number}" for number in range(deployment["spec"]["replicas"])]
            made[name] = {pod: self.pods.get(name, {}).get(pod, started) for pod in wanted}
        self.pods = made

    def _ready(self) -> dict[str, frozenset[str]]:
        return {
            deployment["metadata"]["labels"][names.LABEL_REVISION]: frozenset(
                pod for pod, ready_at in self.pods[name].items() if ready_at <= self.now
            )
            for name, deployment in self._deployments()
        }

    def _deployments(self) -> Iterator[tuple[str, Manifest]]:
        return ((name, one) for (kind, name), one in self.objects.items() if kind == "Deployment")

    def _observed(self) -> Observed:
        ready = self._ready()
        seen = []
        for (kind, _), manifest in self.objects.items():
            revision = manifest["metadata"]["labels"].get(names.LABEL_REVISION)
            pods = len(ready.get(revision, ()))
            status = {"readyReplicas": pods, "availableReplicas": pods}
            seen.append((revision, facts_of(kind, {**manifest, "status": status})))
        return replace(
            observe(seen), activity={one.revision: self._activity(one.revision) for one in self.state.retiring}
        )

    def _activity(self, revision: str) -> Activity:
        end = self.busy.get(revision, NOW)
        return Activity(requests=int((min(self.now, end) - NOW).total_seconds()), in_flight=0)


def has_weight(revision: str, weight: int) -> Callable[[Moment], bool]:
    return lambda moment: moment.routed.get(revision) == weight


def assert_who_is_asked_can_answer(cluster: SmallCluster) -> None:
    """Wherever a route leads, at every moment, the pods for that share of the requests are ready."""
    for moment in cluster.moments:
        assert sum(moment.routed.values()) == 100
        for revision, weight in moment.routed.items():
            ready = len(moment.ready.get(revision, ()))
            assert ready >= pods_for(weight, REPLICAS), f"{weight}% to {revision}, which has {ready} ready pods"


CANARY = rollout().judged().stable("a").candidate("b", weight=20).analyzing(5)
GOOD = ((1000, 0), (4000, 0))
TERRIBLE = ((100, 60), (400, 2))


def gone_bad(scenario: Scenario) -> Decision:
    """Look at most of the candidate's requests failing, three times at most."""
    for _ in range(3):
        decision = scenario.looked(INTERVAL).counted(*TERRIBLE).decide()
        if decision.state.phase == "RollingBack":
            break
        scenario = replace(scenario, state=decision.state)
    return decision


# 1


def test_promotion_does_not_re_roll_a_tested_version():
    """F#1898, F#1931, F#1932, F#1202: what was tested is copied elsewhere, starts anew there, and fails."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50))
    tested = cluster.moments[-1].ready["b"]
    assert tested
    halfway = len(cluster.moments)
    cluster.roll_out("b").run_for(60)
    assert cluster.moments[-1].routed == {"b": 100}
    for moment in cluster.moments[halfway:]:
        assert tested <= moment.ready["b"], "a tested pod was replaced"


# 2


def test_an_autoscaler_takes_no_pods_from_a_running_rollout():
    """F#1600, F#1209: the autoscaler sees stable with less to do, shrinks it, and the next move overloads it."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50))
    cluster.ask(lambda asked: asked.scaled(1)).run(has_weight("b", 100))
    assert_who_is_asked_can_answer(cluster)
    assert {moment.replicas("a") for moment in cluster.moments} == {REPLICAS}


@pytest.mark.parametrize("outcome", ["promoted", "aborted"])
def test_an_autoscaler_takes_no_pods_at_the_moment_when_everything_comes_back(outcome):
    """F#1600, F#1209: it has yet to see the load of what gets everything now."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50))
    cluster.ask(lambda asked: asked.scaled(1))
    if outcome == "aborted":
        cluster.ask(lambda asked: asked.abort("b"))
    cluster.run(lambda moment: moment.state.candidate is None and moment.state.phase != "RollingBack").run_for(30)
    assert_who_is_asked_can_answer(cluster)


# 3


@pytest.mark.parametrize("outcome", ["promoted", "aborted", "superseded"])
def test_no_service_changes_its_pods_under_traffic(outcome):
    """A#4195, A#587: selectors swap while proxies still send to the old pods, which no Service names any more."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50))
    changes = {
        "promoted": lambda asked: asked,
        "aborted": lambda asked: asked.abort("b"),
        "superseded": lambda asked: asked.wanting("c"),
    }
    cluster.ask(changes[outcome])
    cluster.run(lambda moment: moment.state.candidate is None and not moment.state.retiring)
    for revision in ("a", "b", "c"):
        services = [moment.objects.get(("Service", f"digits-{revision}")) for moment in cluster.moments]
        assert len({json.dumps(one["spec"]) for one in services if one}) <= 1
    for moment in cluster.moments:
        for deployment in moment.of_kind("Deployment"):
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            service = moment.objects["Service", deployment["metadata"]["name"]]
            assert service["spec"]["selector"].items() <= labels.items(), "pods that no Service of their own names"


# 4


def test_a_new_revision_in_the_middle_is_not_asked_before_its_pods_are_ready():
    """A#2507, A#4775, A#4390: routes lead to pods that are not there yet, or that are going."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50))
    cluster.ask(lambda asked: asked.wanting("c")).run(has_weight("c", 20))
    cluster.run(lambda moment: not moment.state.retiring)
    assert_who_is_asked_can_answer(cluster)
    for moment in cluster.moments:
        assert not moment.routed.keys() & {one.revision for one in moment.state.retiring}


def test_a_candidate_that_never_gets_ready_is_never_asked():
    """A#2507."""
    starting = rollout().stable("a").candidate("b", ready=0)
    assert shares(starting.settled().decide())["b"][1] == 0
    assert shares(starting.ready("b", 1).without_service("b").settled().decide())["b"][1] == 0


# 5


def test_a_route_leads_only_where_everything_was_there_a_pass_before():
    """A#4752: a DestinationRule and the route that needs it are written back to back, and proxies get one first."""
    cluster = SmallCluster().serve("a").roll_out("b").ask(lambda asked: asked.wanting("c")).run(has_weight("c", 50))
    cluster.ask(lambda asked: asked.wanting("b")).run(
        lambda moment: not moment.state.retiring and bool(moment.routed["b"])
    )
    for before, after in zip(cluster.moments, cluster.moments[1:], strict=False):
        for revision in before.routed.keys() | after.routed.keys():
            for kind in ("Service", "DestinationRule"):
                child = (kind, f"digits-{revision}")
                assert before.objects[child] == after.objects[child], "changed in the pass in which a route needs it"


# 6


def test_stable_keeps_its_pods_while_proxies_still_send_requests():
    """A#3681, A#4828, A#4926: the route was written, so the old pods go; proxies learn of it later."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 100))
    late = cluster.now + timedelta(minutes=3)
    cluster.busy["a"] = late
    cluster.run(lambda moment: moment.replicas("a") == 0)
    assert cluster.now >= late
    assert {moment.replicas("a") for moment in cluster.moments[:-1]} == {REPLICAS}


@pytest.mark.parametrize("outcome", ["promoted", "aborted"])
def test_pods_without_traffic_stay_for_the_time_that_proxies_need(outcome):
    """A#3681, A#4828, A#4926: also where nobody sends anything, and also where a candidate is rolled back."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50))
    leaver, heir = ("a", "b") if outcome == "promoted" else ("b", "a")
    if outcome == "aborted":
        cluster.ask(lambda asked: asked.abort("b"))
    cluster.run(has_weight(heir, 100))
    left, pods = cluster.now, cluster.moments[-1].replicas(leaver)
    cluster.run(lambda moment: moment.replicas(leaver) != pods)
    assert (cluster.now - left).total_seconds() >= PROPAGATION + DRAIN
    assert cluster.moments[-1].replicas(leaver) == 0, "they go all at once, when nobody asks them any more"


# 7


def test_no_request_fails_from_the_first_step_to_the_last():
    """F#256, F#773, F#826: some seconds of 503 as the candidate gets its first requests, and as it is promoted."""
    cluster = SmallCluster().serve("a").roll_out("b").roll_out("c")
    assert_who_is_asked_can_answer(cluster)
    weights = [moment.routed.get("c", 0) for moment in cluster.moments]
    assert {20, 50, 100} <= set(weights)


def test_pods_do_not_go_while_they_still_work_on_requests():
    """F#256: 503 as the canary's pods end before their last requests do."""
    draining = rollout().stable("b").retiring("a", PROPAGATION + DRAIN + 60, replicas=4, looked=(5, 7))
    assert shares(draining.active("a", 7, in_flight=1).decide())["a"] == (4, 0)
    assert "a" not in shares(draining.active("a", 7, in_flight=0).decide())


# 8


def committed() -> tuple[Manifest, ...]:
    """Return all children of a ModelDeployment that Argo CD has put on the cluster, during a rollout."""
    metadata = {
        **METADATA,
        "labels": {"app.kubernetes.io/instance": "models", "argocd.argoproj.io/instance": "models"},
        "annotations": {"argocd.argoproj.io/tracking-id": "models:nereid.dev/ModelDeployment:models/digits"},
    }
    applied = read_plan(metadata, {"model": {"uri": URI}}, Settings())
    halfway = rollout().stable("a").candidate("b", weight=20)
    records = {one: new_record(replace(applied, revision=one)) for one in "ab"}
    return tuple(one for wave in manifests(applied, halfway.decide().live, records) for one in wave)


def test_argo_cd_does_not_take_what_nereid_makes_for_its_own():
    """A#2463, A#3854: Argo CD has the VirtualService in Git and undoes the weights in it."""
    children = committed()
    assert "argocd" not in json.dumps(children)
    for child in children:
        assert "app.kubernetes.io/instance" not in child["metadata"]["labels"]
        assert [one["kind"] for one in child["metadata"]["ownerReferences"]] == [names.KIND]
    assert names.KIND not in {child["kind"] for child in children}, "what Git has is written by its user alone"


def test_a_weight_that_somebody_changed_is_put_right():
    """A#849: a weight that was changed by hand stays as it is."""
    route = next(one for one in committed() if one["kind"] == "VirtualService")
    edited = copy.deepcopy(route)
    for one, weight in zip(edited["spec"]["http"][0]["route"], (0, 100), strict=True):
        one["weight"] = weight
    assert covers(comparable(route), comparable(route))
    assert not covers(comparable(edited), comparable(route))

    halfway = rollout().stable("a").candidate("b", weight=20)
    assert observe([(None, facts_of("VirtualService", route))]).is_routed(routing_of(halfway.state))
    assert not observe([(None, facts_of("VirtualService", edited))]).is_routed(routing_of(halfway.state))


def test_nothing_goes_on_while_the_route_is_another_one():
    """A#849: and what is counted meanwhile would be of another split."""
    waiting = rollout().stable("a").candidate("b", weight=20).propagating(PROPAGATION).retiring("c", 3600)
    assert doing(waiting.decide()) == ("Holding", "HoldingWeight")
    assert doing(waiting.unrouted().decide()) == ("Propagating", "RouteChanged")
    assert "c" in shares(waiting.unrouted().decide())


# 9


def test_a_gitops_tool_finds_its_manifest_as_it_wrote_it():
    """F#1504, F#1157, F#1407, F#634: Git and the controller both write replicas, selectors, Services."""
    spec = {"model": {"uri": URI}, "scaling": {"minReplicas": 2}}
    before = copy.deepcopy(spec)
    asked = read_plan(METADATA, spec, Settings())
    assert (spec, asked.replicas) == (before, 2)
    schema = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert '"default":' not in json.dumps(schema), "the API server would write into what Git holds"


def test_an_autoscaler_and_git_do_not_share_a_field():
    """F#1504, F#634: Git leaves replicas out; scaling starts no rollout, and Git's next sync does not undo it."""
    in_git = {"model": {"uri": URI}, "scaling": {"minReplicas": 2}}
    scaled = {**in_git, "scaling": {"minReplicas": 2, "replicas": 7}}
    first, second = (read_plan(METADATA, spec, Settings()) for spec in (in_git, scaled))
    assert (first.revision, first.replicas, second.replicas) == (second.revision, 2, 7)


# 10


def test_no_traffic_does_not_fail_the_candidate():
    """F#1035, F#1365, F#1501, A#1905, A#1466, A#180: no data counts as a failed check, or as an error."""
    nothing = ((0, 0), (0, 0))
    late = CANARY.after(*[nothing] * 20).analyzing(60 + ANALYSIS_DEADLINE).counted(*nothing).following()
    assert doing(late.decide()) == ("Paused", "Inconclusive")
    still = late.looked(INTERVAL).after(*[nothing] * 100)
    assert (still.state.failed, still.state.weight, still.state.phase) == (None, 20, "Paused")
    later = still.phase("Paused", 3600, "Inconclusive").looked(INTERVAL)
    assert place(later.counted(*GOOD).decide()) == ("Preparing", 1, 20), "once there is some, it goes on alone"


def test_little_traffic_with_bad_luck_does_not_fail_the_candidate():
    """F#1365, A#180: of a handful of requests the first one fails, and any threshold is exceeded."""
    unlucky = CANARY.after(((1, 1), (4, 0)), *[((2, 0), (8, 0))] * 5, ((1, 1), (4, 0)), *[((3, 0), (9, 0))] * 20)
    assert (unlucky.state.failed, unlucky.state.candidate) == (None, "b")


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_query_without_data_does_not_fail_the_candidate(value):
    """A#1466: the result is empty; the condition indexes it; the rollout is aborted."""
    query = Query("memory", "...", minimum=1.0, maximum=8.0, max_ratio=None, failure_limit=1)
    asked = CANARY.asking(query).counted(*GOOD, queries={"memory": QueryReading(value)})
    for _ in range(10):
        asked = replace(asked, state=asked.decide().state).looked(INTERVAL)
    assert (asked.state.failed, asked.state.analysis.verdict) == (None, "Continue")


# 11

EACH_STEP = CheckSpec(
    name="each", when="EachStep", accuracy=AccuracyCheck(label="digit", output="label", minimum_percent=90)
)
GATES = {
    "awaiting a promotion": CANARY.steps((20, None)).phase("Paused", 300, "AwaitingPromotion"),
    "paused by the user": CANARY.paused().phase("Paused", 300, "PausedBySpec"),
    "paused as undecided": CANARY.phase("Paused", 300, "Inconclusive"),
    "paused without metrics": CANARY.looked(INTERVAL, errors=MOST_ERRORS).phase("Paused", 300, "MetricsUnavailable"),
    "running checks": CANARY.checking(EACH_STEP).phase("Preparing", 5, "RunningChecks"),
    "starting pods": CANARY.paused().phase("Preparing", 5, "PausedBySpec"),
}


@pytest.mark.parametrize("gate", GATES)
def test_no_gate_keeps_a_bad_candidate_from_being_rolled_back(gate):
    """F#1801: 18 failed checks of 5 allowed, and the canary waits for somebody to open the gate."""
    waiting = GATES[gate]
    for back in (gone_bad(waiting), waiting.abort("b").decide(), waiting.ready("b", 0).decide()):
        assert back.state.phase == "RollingBack"
        assert shares(back)["a"] == (REPLICAS, 100)


# 12


@pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Analyzing", "Holding", "Paused", "Promoting"])
def test_no_state_of_a_rollout_is_one_that_cannot_be_left(phase):
    """F#1588, F#1800: stuck in Promoting, and nothing takes the service back."""
    going = rollout().judged().stable("a").candidate("b", weight=100, step=2).phase(phase, 5)
    ways = (going.abort("b"), going.wanting("a"), going.ready("b", 0))
    for back in (gone_bad(going), *(way.decide() for way in ways)):
        assert back.state.phase == "RollingBack"
        assert shares(back)["a"] == (REPLICAS, 100)


def test_promoting_waits_for_nothing_but_the_route():
    """F#1588: no other copy has to become ready, as the candidate's pods are what is promoted."""
    moved = rollout().stable("a", ready=0).candidate("b", weight=100, step=2).promoting(PROPAGATION)
    assert moved.decide().state.stable == "b"


def test_a_rollback_after_the_promotion_is_one_change_of_the_route():
    """F#453: after the promotion the only way back is another rollout, with its analysis."""
    promoted = rollout().judged().checking(EACH_STEP).paused().stable("b").served("b", "a").retiring("a", 5, replicas=4)
    back = promoted.ready("a", 4).rollback("a").settled()
    assert shares(back.decide()) == {"b": (4, 0), "a": (4, 100)}


# 13


def test_an_abort_finds_stable_with_all_its_pods():
    """A#3888, A#3020: an abort sends everything at once to a stable that was scaled down."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50))
    cluster.ask(lambda asked: asked.abort("b")).run(has_weight("a", 100))
    assert_who_is_asked_can_answer(cluster)
    assert {moment.ready["a"] for moment in cluster.moments} == {cluster.moments[0].ready["a"]}, "none started anew"


def test_what_fails_requests_is_no_capacity():
    """A#3888: a candidate that fails gives everything back at once, however few pods stable has."""
    steep = rollout().judged().steps((20, 60), (80, 60)).stable("a", ready=2).candidate("b", weight=80, step=1)
    assert shares(gone_bad(steep.phase("Analyzing", 5).looked(INTERVAL)))["a"] == (4, 100)


@pytest.mark.parametrize("change", ["abort", "revert", "supersede"])
def test_nothing_is_given_back_that_stable_cannot_carry(change):
    """A#3888, A#3020: where stable has lost pods, it gets more only as they are ready again."""
    steep = rollout().judged().steps((20, 60), (80, 60)).stable("a", ready=2).candidate("b", weight=80, step=1)
    steep = steep.phase("Analyzing", 5).looked(INTERVAL)
    decision = {
        "abort": steep.abort("b").decide(),
        "revert": steep.wanting("a").decide(),
        "supersede": steep.wanting("c").decide(),
    }[change]
    assert shares(decision)["a"] == (4, 50)
    back = replace(steep, state=decision.state)
    assert shares(back.ready("a", 3).decide())["a"] == (4, 75)
    assert shares(back.ready("a", 4).decide())["a"] == (4, 100)


# 14


def test_an_autoscaler_sees_the_pods_of_stable_alone():
    """A#2857, A#3849, A#4607, A#685: pods of the canary count, and drive the number of replicas to the maximum."""
    for weight in (0, 20, 50, 100):
        seen = rollout().stable("a").candidate("b", weight=weight, ready=4).holding(5).report()
        assert (seen.replicas, seen.selector) == (REPLICAS, "app=digits,nereid.dev/revision=a")


def test_a_candidate_gets_pods_for_its_share_and_not_the_minimum_of_stable():
    """F#1347, F#1674: the canary starts as many pods as the primary must have at least."""
    started = rollout().steps((5, 60)).scaled(100).stable("a").wanting("b").decide()
    assert shares(started) == {"a": (100, 100), "b": (5, 0)}


# 15


def rolled_out(seed: int, candidate: float, stable: float, looks: int = 40) -> Scenario:
    """Let a candidate at 20% be looked at so often, with 10 requests per second to both, of which these shares fail."""
    generator = random.Random(seed)

    def counts(requests: int, share: float) -> tuple[int, int]:
        return requests, sum(generator.random() < share for _ in range(requests))

    return CANARY.after(*[(counts(60, candidate), counts(240, stable)) for _ in range(looks)])


@pytest.mark.parametrize("seed", range(8))
def test_an_error_rate_that_stable_has_too_fails_nobody(seed):
    """kayenta#780: a threshold knows nothing of stable, and who looks often enough finds something in the end."""
    assert rolled_out(seed, candidate=0.04, stable=0.04).state.failed is None


@pytest.mark.parametrize("seed", range(8))
def test_a_worse_error_rate_fails_though_it_is_below_any_ceiling(seed):
    """kayenta#780: the judge cannot tell, and users think of writing their own."""
    failed = rolled_out(seed, candidate=0.07, stable=0.01).state.failed
    assert failed.reason == "AnalysisFailed"
    assert "compared with" in failed.message, "both rates are told"


def test_a_good_beginning_does_not_outweigh_what_is_plainly_worse():
    """kayenta#780, spinnaker#6278: seven of ten measurements are a hundred times as high, and the canary passes."""
    turned = CANARY.after(*[GOOD] * 3, *[((200, 16), (800, 1))] * 7)
    assert (turned.state.phase, turned.state.failed.reason) == ("RollingBack", "AnalysisFailed")


# 16


def test_kiali_finds_no_subset_to_miss():
    """kiali#8446: subsets whose labels are hashes are called invalid, and traffic is drawn to one version alone."""
    cluster = SmallCluster().serve("a").ask(lambda asked: asked.wanting("b")).run(has_weight("b", 50)).roll_out("b")
    for moment in cluster.moments:
        assert "subset" not in json.dumps(list(moment.objects.values()))
        for rule in moment.of_kind("DestinationRule"):
            assert ("Service", rule["spec"]["host"].partition(".")[0]) in moment.objects
        for revision in moment.routed:
            assert ("Service", f"digits-{revision}") in moment.objects


def test_kiali_tells_versions_by_its_own_labels():
    """kiali#8446."""
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in committed() if one["kind"] == "Deployment"]
    assert [one["app"] for one in labels] == ["digits", "digits"]
    assert len({one["version"] for one in labels}) == 2


def test_the_table_names_these_tests_and_only_tests_that_exist():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/user-pains.md").read_text()))
    defined = {
        path: set(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))
        for path in ROOT.glob("tests/**/test_*.py")
    }
    assert named <= set().union(*defined.values())
    assert defined[Path(__file__)] - named == {"test_the_table_names_these_tests_and_only_tests_that_exist"}
