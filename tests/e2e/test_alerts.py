"""Every alert of the chart fires when its fault is caused, and is over when the fault is: as Prometheus tells it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from digits.cluster import Cluster, wait_for
from digits.model_deployment import ModelDeployment
from tests.support.e2e.alerts import Alerts
from tests.support.e2e.case import Case
from tests.support.e2e.processes import container_of, operator_is_ready, operator_pods, process_of
from tests.support.e2e.promql import ask
from tests.support.e2e.quotas import no_new_pods
from tests.support.e2e.rollouts import RATE, judged, serve_first, wait_until_paused, wait_until_rolled_back
from tests.support.e2e.scaling import CAPACITY, PATIENCE, may_sleep, scaled, wait_until_asleep

AT_ONCE = 15 * CAPACITY
# The answer to the first one is nothing, to the second one that two pods are needed, whatever happens.
BLIND = [{"type": "Query", "target": 1, "query": 'sum(no_such_metric{namespace="{{namespace}}"})'}]
WANTS_TWO = [{"type": "Query", "target": 1, "query": "vector(2)"}]
UNDECIDED = judged(steps=[{"weight": 20, "hold": "5s"}], analysis={"deadline": "5s"})
HALF = judged(steps=[{"weight": 50, "hold": "10s"}])


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_a_queue_that_no_scaler_sees(case: Case) -> None:
    served = case.apply(model=case.faulty("busy"), scaling=scaled(maxReplicas=2, metrics=BLIND))
    served.wait_until_ready()
    alerts = Alerts.about(served)
    with case.traffic(patience=PATIENCE) as client:
        client.burst(AT_ONCE, at_once=AT_ONCE)
    alerts.wait_until_fires("NereidQueueSaturated", revision=served.revision("stable"))
    alerts.wait_until_fires("NereidLatencyBudgetBurn")
    alerts.wait_until_fires("NereidScalerFailing")

    case.apply(model=case.faulty("busy"), scaling=scaled(maxReplicas=2, metrics=WANTS_TWO))
    alerts.wait_until_clear("NereidScalerFailing")
    alerts.wait_until_fires("NereidAtMaxReplicas")

    case.apply(model=case.faulty("busy"), scaling=scaled(maxReplicas=3, metrics=WANTS_TWO))
    alerts.wait_until_clear("NereidAtMaxReplicas", "NereidQueueSaturated", "NereidLatencyBudgetBurn")


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_a_version_that_fails_and_is_rolled_back(case: Case) -> None:
    served = serve_first(case, HALF)
    alerts = Alerts.about(served)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(model=case.faulty("fails"), rollout=HALF)
        failed = wait_until_rolled_back(served)["rollout"]["failed"]
        alerts.wait_until_fires("NereidErrorBudgetBurn")
        alerts.wait_until_fires("NereidRolloutFailed", reason=failed["reason"])
        case.apply(version="1", rollout=HALF)
        alerts.wait_until_clear("NereidRolloutFailed")
    alerts.wait_until_clear("NereidErrorBudgetBurn")


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_a_rollout_without_evidence_and_pods_without_metrics(case: Case) -> None:
    served = serve_first(case, UNDECIDED)
    alerts = Alerts.about(served)
    case.apply(version="2", rollout=UNDECIDED)
    wait_until_paused(served, "Inconclusive")
    with hidden_from_prometheus(served, served.revision("stable")):
        alerts.wait_until_fires("NereidRolloutStuck", state="Paused")
        alerts.wait_until_fires("NereidMetricsMissing", metrics="triton")
    served.promote()
    alerts.wait_until_clear("NereidRolloutStuck", "NereidMetricsMissing")


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_a_gpu_without_memory_left(case: Case) -> None:
    # A stand-in: there is no GPU here, and the model itself publishes what Triton would tell of one.
    rollout = {"strategy": "Direct", "drain": "5s", "analysis": {"provider": "None"}}
    served = case.apply(model=case.faulty("hoards"), rollout=rollout)
    served.wait_until_ready()
    alerts = Alerts.about(served)
    alerts.wait_until_fires("NereidGPUMemoryHigh", gpu_uuid="GPU-0")
    case.apply(version="1", rollout=rollout)
    alerts.wait_until_clear("NereidGPUMemoryHigh")


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_models_without_pods_beside_one_that_is_well(case: Case) -> None:
    served, neighbour = case.apply(), case.apply("neighbour")
    served.wait_until_ready()
    neighbour.wait_until_ready()
    with no_new_pods(case):
        case.cluster.kubectl(
            "delete", "pods", "--selector=nereid.dev/model-deployment=digits", "--wait=false", namespace=case.namespace
        )
        late = case.apply("late")
        Alerts.about(served).wait_until_fires("NereidModelDown", severity="critical")
        Alerts.about(late).wait_until_fires("NereidModelDown", severity="warning")
        assert Alerts.about(neighbour).firing() == []
    served.wait_until_ready()
    late.wait_until_ready()
    Alerts.about(served).wait_until_clear("NereidModelDown")
    Alerts.about(late).wait_until_clear("NereidModelDown")


@pytest.mark.long
@pytest.mark.usefixtures("disturbs")
def test_an_operator_that_dies_and_one_that_is_gone_with_the_activator(cluster: Cluster) -> None:
    alerts, activator = Alerts.about_operator(cluster), Alerts.about_activator(cluster)
    alerts.wait_until_clear("NereidOperatorFailing", problem="restarts")
    kill_container_of_operator(cluster)
    alerts.wait_until_fires("NereidOperatorFailing", problem="restarts")
    with no_pods_of(cluster, alerts.name, activator.name):
        alerts.wait_until_fires("NereidOperatorDown", severity="critical")
        activator.wait_until_fires("NereidActivatorDown", severity="critical")
    alerts.wait_until_clear("NereidOperatorDown")
    activator.wait_until_clear("NereidActivatorDown")
    alerts.wait_until_clear("NereidOperatorFailing", problem="restarts")


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_requests_that_wait_in_vain_for_a_model_to_wake(case: Case) -> None:
    served = case.apply(scaling=may_sleep() | {"coldStartTimeout": "2s"})
    served.wait_until_ready()
    wait_until_asleep(served)
    activator = Alerts.about_activator(case.cluster)
    with no_new_pods(case), case.traffic() as client:
        client.start(RATE)
        activator.wait_until_fires("NereidActivatorFailing", outcome="timeout")
    activator.wait_until_clear("NereidActivatorFailing", outcome="timeout")


@pytest.mark.usefixtures("undisturbed")
def test_passes_that_fail(case: Case) -> None:
    alerts = Alerts.about_operator(case.cluster)
    alerts.wait_until_clear("NereidOperatorFailing", problem="errors")
    with deployments_are_refused(case):
        served = case.apply()
        served.wait_for_condition("Ready", "False", "ApplyFailed")
        alerts.wait_until_fires("NereidOperatorFailing", problem="errors")
    served.wait_until_ready()
    alerts.wait_until_clear("NereidOperatorFailing", problem="errors")


@contextmanager
def deployments_are_refused(case: Case) -> Iterator[None]:
    """Have the API server ask a webhook that nobody answers about each Deployment of the namespace."""
    name = f"{case.namespace}.example.com"
    nobody = {"service": {"name": "nobody", "namespace": case.namespace, "path": "/"}}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    webhook = {
        "name": name,
        "clientConfig": nobody,
        "rules": [{**rule, "resources": ["deployments"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": case.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [webhook],
    }
    case.cluster.apply(configuration)
    try:
        yield
    finally:
        case.cluster.kubectl("delete", "validatingwebhookconfiguration", name)


@contextmanager
def hidden_from_prometheus(served: ModelDeployment, revision: str) -> Iterator[None]:
    """Let Prometheus look for the metrics of a revision's pods at a port where there is nothing."""
    (pod,) = served.cluster.list("Pod", served.namespace, f"nereid.dev/revision={revision}")
    port = pod["metadata"]["annotations"]["prometheus.io/port"]

    def set_port(value: str) -> None:
        name = pod["metadata"]["name"]
        served.cluster.kubectl(
            "annotate", "--overwrite", "pod", name, f"prometheus.io/port={value}", namespace=served.namespace
        )

    set_port("1")
    yield
    set_port(port)


def kill_container_of_operator(cluster: Cluster) -> None:
    """Kill the operator's process once Prometheus knows when it began; the kubelet starts it again in the same pod."""
    wait_for("the operator is ready", lambda: operator_is_ready(cluster), seconds=90)
    (pod,) = operator_pods(cluster)
    began = f'count(process_start_time_seconds{{pod="{pod["metadata"]["name"]}"}})'
    wait_for("Prometheus knows the operator", lambda: ask(cluster, began), seconds=60)
    os.kill(process_of(container_of(pod, "operator")), signal.SIGKILL)


@contextmanager
def no_pods_of(cluster: Cluster, *deployments: str) -> Iterator[None]:
    """Let these Deployments of the release have no pod until the context ends, and wait until they are back."""
    namespace = cluster.operator["metadata"]["namespace"]

    def scale(replicas: int) -> None:
        cluster.kubectl("scale", "deployment", *deployments, f"--replicas={replicas}", namespace=namespace)

    scale(0)
    try:
        yield
    finally:
        scale(1)
        for name in deployments:
            cluster.kubectl("rollout", "status", f"deployment/{name}", "--timeout=90s", namespace=namespace)
