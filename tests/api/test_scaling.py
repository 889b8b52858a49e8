"""Pods that follow a scaler, which is no part of these tests: they change the number of pods as it would."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.api.audit import AuditLog
from tests.support.api.control_plane import install_keda, remove_keda
from tests.support.api.kubernetes import Kubernetes, Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.recording import Recording, version
from tests.support.api.waiting import wait_until
from tests.support.api.workloads import Workloads

from nereid.contract.proof import route_proof, trigger_proof

KNOWN = {"NEREID_SCALING_PROMETHEUS_URL": "http://prometheus.monitoring:9090"}
BY_CPU = {
    "runtime": {"resources": {"requests": {"cpu": "1"}}},
    "scaling": {"minReplicas": 2, "maxReplicas": 8, "metrics": [{"type": "CPU", "target": 70}]},
}
BY_QUEUE: dict[str, Any] = {"scaling": {"minReplicas": 2, "maxReplicas": 8}}
LEAST = {"HorizontalPodAutoscaler": "minReplicas", "ScaledObject": "minReplicaCount"}
each_scaler = pytest.mark.parametrize(
    ("kind", "spec"), [("HorizontalPodAutoscaler", BY_CPU), ("ScaledObject", BY_QUEUE)], ids=["hpa", "keda"]
)


class Scaled:
    """The scaled ModelDeployment `digits`: its scalers and Deployments, by revision."""

    def __init__(self, models: Models, kind: str) -> None:
        self.models = models
        self.kind = kind

    def scaler(self, revision: str) -> Object | None:
        return self.models.kubernetes.find(self.kind, self.models.namespace, f"digits-{revision}")

    def least(self, revision: str) -> int | None:
        """Return the fewest pods that a revision's scaler may give it; None where it has no scaler."""
        found = self.scaler(revision)
        return int(found["spec"][LEAST[self.kind]]) if found else None

    def replicas(self, revision: str) -> int:
        deployment = self.models.kubernetes.get("Deployment", self.models.namespace, f"digits-{revision}")
        return int(deployment["spec"]["replicas"])

    def has(self, revision: str, pods: int) -> bool:
        return self.replicas(revision) == pods

    def owner_of_replicas(self, revision: str) -> set[str]:
        """Return who has set a Deployment's number of pods."""
        deployment = self.models.kubernetes.get("Deployment", self.models.namespace, f"digits-{revision}")
        fields = deployment["metadata"]["managedFields"]
        return {one["manager"] for one in fields if "f:replicas" in one["fieldsV1"].get("f:spec", {})}

    def create(self, **spec: Any) -> str:
        """Have the first revision served with a scaler in charge of it, and return its id."""
        self.models.create(**spec)
        self.models.wait_settled()
        revision = self.models.stable()
        wait_until(
            lambda: "nereid" not in self.owner_of_replicas(revision), seconds=10, what="the scaler being in charge"
        )
        return revision

    def scale(self, revision: str, replicas: int) -> None:
        """Set a Deployment's number of pods as a scaler does."""
        path = self.models.kubernetes.path("Deployment", self.models.namespace, f"digits-{revision}")
        body = {"spec": {"replicas": replicas}}
        self.models.kubernetes.request(
            "PATCH", f"{path}/scale?fieldManager=scaler", body, "application/merge-patch+json"
        )
        wait_until(
            lambda: self.models.status().get("stable", {}).get("readyReplicas") == replicas,
            seconds=10,
            what=f"{replicas} pods being seen",
        )

    def tell(self, revision: str, *, active: bool) -> None:
        """Let KEDA say whether anybody asks for a revision."""
        conditions = [
            {"type": "Ready", "status": "True", "reason": "ScaledObjectReady", "message": "it is ready"},
            {"type": "Active", "status": str(active), "reason": "ScalerActive" if active else "ScalerNotActive"},
        ]
        status = {"status": {"conditions": conditions}}
        self.models.kubernetes.patch("ScaledObject", self.models.namespace, f"digits-{revision}", status, "status")


@pytest.fixture
def start(new_operator: Callable[..., Operator]) -> Callable[..., Operator]:
    """Start an operator that lacks nothing for scaling."""

    def begin(**settings: str) -> Operator:
        running = new_operator(**{**KNOWN, **settings})
        running.start()
        return running

    return begin


@pytest.fixture
def without_keda(kubernetes: Kubernetes) -> Iterator[Callable[[], None]]:
    """Take KEDA's CRD away; what is returned installs it again, as does the end of the test."""
    installed = False

    def install() -> None:
        nonlocal installed
        install_keda(kubernetes)
        installed = True

    remove_keda(kubernetes)
    yield install
    if not installed:
        install_keda(kubernetes)


def replicas_seen(deployments: Recording, revision: str) -> list[int]:
    """Return the numbers of pods that a Deployment was to have, one after another."""
    seen = [one["spec"]["replicas"] for one in deployments.of(f"digits-{revision}")]
    return [one for number, one in enumerate(seen) if number == 0 or one != seen[number - 1]]


@each_scaler
def test_scaler_belongs_to_the_model_and_keeps_the_least(
    models: Models, start: Callable[..., Operator], kind: str, spec: Object
) -> None:
    start()
    scaled = Scaled(models, kind)
    revision = scaled.create(**spec)
    found = scaled.scaler(revision)
    assert found
    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (models.get()["metadata"]["uid"], True)
    assert found["spec"]["scaleTargetRef"]["name"] == f"digits-{revision}"
    assert (scaled.least(revision), scaled.replicas(revision)) == (2, 2)
    models.change(scaling={"minReplicas": 3})
    wait_until(lambda: scaled.least(revision) == 3, seconds=10, what="the new least")


@each_scaler
def test_pods_that_a_scaler_gives_stay(
    models: Models,
    start: Callable[..., Operator],
    record: Callable[[str], Recording],
    audit: AuditLog,
    kind: str,
    spec: Object,
) -> None:
    first = start()
    deployments, scaled = record("Deployment"), Scaled(models, kind)
    stable = scaled.create(**spec)
    scaled.scale(stable, 5)
    assert models.status()["replicas"] == 5

    assert first.stop() == 0
    audit.clear()
    start()
    models.annotate(note="look at it")
    wait_until(lambda: audit.silent_seconds > 2, seconds=30, what="the end of what has been begun")
    assert audit.writes() == []
    assert scaled.replicas(stable) == 5

    models.change(model={"uri": "pvc://models/digits/2"})
    candidate = wait_until(models.candidate, seconds=15, what="a candidate")
    models.wait_settled()
    assert models.stable() == candidate
    assert replicas_seen(deployments, stable) == [2, 5]
    assert replicas_seen(deployments, candidate) == [5]
    assert scaled.least(candidate) == 5, "it keeps what its predecessor had for a while"
    models.wait_without_pods(stable)
    wait_until(lambda: scaled.scaler(stable) is None, seconds=10, what="the end of the old scaler")


@each_scaler
def test_turning_autoscaling_off_gives_the_pods_back(
    models: Models, start: Callable[..., Operator], record: Callable[[str], Recording], kind: str, spec: Object
) -> None:
    start()
    deployments, scaled = record("Deployment"), Scaled(models, kind)
    revision = scaled.create(**spec)
    scaled.scale(revision, 6)
    models.change(scaling={"maxReplicas": None, "metrics": None, "minReplicas": 4})
    wait_until(lambda: scaled.scaler(revision) is None, seconds=10, what="the end of the scaler")
    wait_until(lambda: scaled.replicas(revision) == 4, seconds=10, what="the pods that the spec asks for")
    assert "nereid" in scaled.owner_of_replicas(revision)
    assert replicas_seen(deployments, revision) == [2, 6, 4]
    wait_until(lambda: models.condition("Scaling") == {}, seconds=10, what="the end of condition Scaling")


def test_from_one_scaler_to_the_other(
    models: Models, start: Callable[..., Operator], record: Callable[[str], Recording]
) -> None:
    start()
    deployments = record("Deployment")
    by_cpu, by_queue = Scaled(models, "HorizontalPodAutoscaler"), Scaled(models, "ScaledObject")
    revision = by_cpu.create(**BY_CPU)
    by_cpu.scale(revision, 5)
    models.change(scaling={"metrics": [{"type": "QueueRatio", "target": 1}]})
    wait_until(lambda: by_queue.least(revision) == 2, seconds=10, what="the ScaledObject")
    wait_until(lambda: by_cpu.scaler(revision) is None, seconds=10, what="the end of the HorizontalPodAutoscaler")
    models.change(scaling=BY_CPU["scaling"])
    wait_until(lambda: by_cpu.least(revision) == 2, seconds=10, what="the HorizontalPodAutoscaler")
    wait_until(lambda: by_queue.scaler(revision) is None, seconds=10, what="the end of the ScaledObject")
    assert replicas_seen(deployments, revision) == [2, 5]


@each_scaler
def test_a_scaler_that_somebody_deletes_is_made_again(
    models: Models, start: Callable[..., Operator], record: Callable[[str], Recording], kind: str, spec: Object
) -> None:
    start()
    deployments, scaled = record("Deployment"), Scaled(models, kind)
    revision = scaled.create(**spec)
    scaled.scale(revision, 6)
    models.kubernetes.delete(kind, models.namespace, f"digits-{revision}")
    wait_until(lambda: scaled.least(revision) == 2, seconds=10, what="the scaler, with the least that is asked for")
    assert replicas_seen(deployments, revision) == [2, 6]


@each_scaler
def test_turning_autoscaling_on_takes_no_pods(
    models: Models, start: Callable[..., Operator], record: Callable[[str], Recording], kind: str, spec: Object
) -> None:
    start()
    models.create(**{**spec, "scaling": {"replicas": 6}})
    models.wait_settled()
    deployments, scaled, revision = record("Deployment"), Scaled(models, kind), models.stable()
    models.change(scaling={**spec["scaling"], "replicas": None})
    wait_until(lambda: scaled.least(revision) == 2, seconds=10, what="the scaler, with the least that is asked for")
    assert replicas_seen(deployments, revision) == [6]


def test_a_scaler_costs_one_more_child(models: Models, start: Callable[..., Operator], audit: AuditLog) -> None:
    start()
    Scaled(models, "HorizontalPodAutoscaler").create(**BY_CPU)
    wait_until(lambda: audit.silent_seconds > 2, seconds=30, what="the end of what has been begun")
    counted = Counter((request.verb, request.resource) for request in audit.writes())
    assert counted[("patch", "horizontalpodautoscalers")] == 1
    # Made with its pods; left to the scaler, in two requests.
    assert counted[("patch", "deployments")] == 3
    assert counted[("patch", "virtualservices")] == 1
    assert counted[("patch", "modeldeployments/status")] <= 3


def test_without_keda(models: Models, start: Callable[..., Operator], without_keda: Callable[[], None]) -> None:
    start()
    models.create(**BY_QUEUE)
    models.wait_settled()
    found = models.condition("Scaling")
    assert (found["status"], found["reason"]) == ("False", "KedaNotInstalled")
    scaled, first = Scaled(models, "ScaledObject"), models.stable()
    assert scaled.replicas(first) == 2
    models.change(model={"uri": "pvc://models/digits/2"})
    models.wait_settled()
    second = models.stable()
    assert second != first
    without_keda()
    wait_until(lambda: scaled.least(second) == 2, seconds=45, what="the ScaledObject")
    wait_until(
        lambda: models.condition("Scaling")["reason"] == "ScalerStarting",
        seconds=10,
        what="KEDA being noticed in status",
    )


def test_scaling_by_cpu_needs_no_keda(
    models: Models, start: Callable[..., Operator], without_keda: Callable[[], None]
) -> None:
    del without_keda
    start(NEREID_SCALING_PROMETHEUS_URL="")
    scaled = Scaled(models, "HorizontalPodAutoscaler")
    assert scaled.least(scaled.create(**BY_CPU)) == 2


@pytest.mark.usefixtures("operator")
def test_an_autoscaler_of_the_users_is_respected(models: Models) -> None:
    models.create(scaling={"minReplicas": 2})
    models.wait_settled()
    scaled, revision = Scaled(models, "HorizontalPodAutoscaler"), models.stable()
    path = models.kubernetes.path("ModelDeployment", models.namespace, "digits") + "/scale"
    for replicas, pods in ((4, 4), (1, 2)):
        models.kubernetes.patch(
            "ModelDeployment", models.namespace, "digits", {"spec": {"replicas": replicas}}, "scale"
        )
        wait_until(partial(scaled.has, revision, pods), seconds=10, what=f"{pods} pods")
    models.wait_settled()
    told = models.kubernetes.request("GET", path)["status"]
    assert (told["replicas"], told["selector"]) == (2, f"app=digits,nereid.dev/revision={revision}")
    assert scaled.scaler(revision) is None


def test_sleep(
    models: Models,
    workloads: Workloads,
    start: Callable[..., Operator],
    record: Callable[[str], Recording],
    audit: AuditLog,
) -> None:
    start(NEREID_ACTIVATOR_SERVICE="activator.nereid-system")
    routes, scalers, deployments = record("VirtualService"), record("ScaledObject"), record("Deployment")
    scaled = Scaled(models, "ScaledObject")
    revision = scaled.create(scaling={"minReplicas": 0, "maxReplicas": 3, "scaleToZeroAfter": "10s"})
    assert scaled.least(revision) == 1

    scaled.tell(revision, active=False)
    wait_until(lambda: scaled.least(revision) == 0, seconds=30, what="the pods being allowed to go")
    gated = next(one for one in routes.of("digits") if leads_to_activator(one))
    free = next(one for one in scalers.of(f"digits-{revision}") if one["spec"]["minReplicaCount"] == 0)
    assert version(gated) < version(free), "the pods may go before the traffic is led elsewhere"
    assert replicas_seen(deployments, revision) == [1], "it is KEDA that takes the pods"
    scaled.scale(revision, 0)
    wait_until(lambda: models.status()["phase"] == "Sleeping", seconds=10, what="its sleep being told")
    assert models.status()["scaling"]["state"] == "Asleep"
    wait_until(lambda: audit.silent_seconds > 2, seconds=30, what="the end of what has been begun")
    audit.clear()
    models.annotate(note="look at it")
    wait_until(lambda: audit.silent_seconds > 2, seconds=30, what="a pass over what sleeps")
    assert audit.writes() == []

    workloads.held_back.add(models.namespace)
    asleep = deployments.of(f"digits-{revision}")[-1]
    scaled.tell(revision, active=True)
    wait_until(lambda: scaled.least(revision) == 1, seconds=10, what="a pod being asked for")
    assert models.status()["scaling"]["state"] == "Waking"
    assert leads_to_activator(routes.of("digits")[-1])
    wait_until(lambda: replicas_seen(deployments, revision)[-1] == 1, seconds=10, what="a pod, whatever KEDA does")
    workloads.release(models.namespace)
    wait_until(lambda: not leads_to_activator(routes.of("digits")[-1]), seconds=10, what="the direct way")
    later = [one for one in deployments.of(f"digits-{revision}") if version(one) > version(asleep)]
    ready = next(one for one in later if one.get("status", {}).get("availableReplicas"))
    assert version(ready) < version(routes.of("digits")[-1]), "traffic before there is a pod"
    models.wait_settled()
    assert models.status()["scaling"]["state"] == "Awake"
    models.wait_for_events("FellAsleep", "WakingUp", "WokeUp")


def test_a_sleeping_model_whose_spec_is_rejected_gets_the_present_proof(
    models: Models, start: Callable[..., Operator], new_operator: Callable[..., Operator], tmp_path: Path
) -> None:
    """As at an upgrade from a release without proofs, or where the key has been replaced."""
    before = start(NEREID_ACTIVATOR_SERVICE="activator.nereid-system")
    scaled = Scaled(models, "ScaledObject")
    revision = scaled.create(scaling={"minReplicas": 0, "maxReplicas": 3, "scaleToZeroAfter": "10s"})
    scaled.tell(revision, active=False)
    wait_until(lambda: scaled.least(revision) == 0, seconds=30, what="the pods being allowed to go")
    scaled.scale(revision, 0)
    wait_until(lambda: models.status()["phase"] == "Sleeping", seconds=10, what="its sleep being told")
    before.kill()
    # The schema takes it, but it is more than the operator keeps in memory.
    models.change(model={"config": {"parameters": [{}] * 100_000}})

    key = "k" * 40
    (tmp_path / "keys").write_text(key)
    new_operator(
        **KNOWN, NEREID_ACTIVATOR_SERVICE="activator.nereid-system", NEREID_ACTIVATOR_PROOF_FOLDER=str(tmp_path)
    ).start()

    def route() -> Object:
        return models.kubernetes.get("VirtualService", models.namespace, "digits")

    def proofs() -> set[str | None]:
        return {one["headers"]["request"]["set"].get("x-nereid-proof") for one in route()["spec"]["http"]}

    target = f"digits-{revision}.{models.namespace}.svc.cluster.local"
    wait_until(lambda: proofs() == {route_proof(key, target, "300")}, seconds=20, what="the proof in the route")
    wait_until(lambda: models.condition("SpecValid")["status"] == "False", seconds=10, what="its spec being rejected")
    assert leads_to_activator(route())
    [told] = (scaled.scaler(revision) or {})["spec"]["triggers"]
    assert told["metadata"]["proof"] == trigger_proof(key, target)


def leads_to_activator(route: Object) -> bool:
    """Whether all requests are led to the activator, which is told for whom they are."""
    hosts = {one["destination"]["host"] for http in route["spec"]["http"] for one in http["route"]}
    told = [http.get("headers", {}).get("request", {}).get("set", {}) for http in route["spec"]["http"]]
    return hosts == {"activator.nereid-system.svc.cluster.local"} and all("x-nereid-target" in one for one in told)
