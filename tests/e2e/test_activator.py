"""The activator's own pods come and go while requests wait in them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from digits.cluster import Cluster, wait_for
from tests.support.e2e.case import Case
from tests.support.e2e.nodes import draining, node_name, uncordon
from tests.support.e2e.promql import ask
from tests.support.e2e.quotas import no_new_pods
from tests.support.e2e.scaling import PATIENCE, may_sleep, wait_until_asleep

WAITING = 60
ACTIVATOR = "app.kubernetes.io/name=nereid-activator"


def staying(cluster: Cluster) -> set[str]:
    """Return the names of the activator's pods that are not ending."""
    pods = cluster.list("Pod", cluster.operator["metadata"]["namespace"], ACTIVATOR)
    return {pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}


@pytest.mark.usefixtures("disturbs")
def test_requests_that_wait_are_answered_though_all_activators_are_drained(case: Case) -> None:
    """Those that end hold them until the model is awake, and go on to tell KEDA of them."""
    served = case.apply(scaling=may_sleep())
    served.wait_until_ready()
    wait_until_asleep(served)
    cluster, waiting = case.cluster, f'sum(nereid_activator_waiting_requests{{target_namespace="{case.namespace}"}})'
    at_first, node = staying(cluster), node_name(cluster)
    with ThreadPoolExecutor(1) as pool, case.traffic(patience=PATIENCE) as client, ExitStack() as asleep:
        asleep.enter_context(no_new_pods(case))
        held = pool.submit(client.burst, WAITING, WAITING)
        wait_for("all wait", lambda: ask(cluster, waiting) == WAITING, seconds=60, seen=served.describe)
        with draining(cluster, node, ACTIVATOR) as end:
            wait_for("a pod is to replace one", lambda: staying(cluster) - at_first, seconds=30)
            # The only node here is where they move to.
            uncordon(cluster, node)
            wait_for("all that hold requests are ending", lambda: not staying(cluster) & at_first, seconds=90)
            assert not held.done()
            asleep.close()
            total = held.result()
            end.result()
    assert total.failed == 0, total.failures()
    assert (total.sent, set(total.by_version())) == (WAITING, {"1"})
