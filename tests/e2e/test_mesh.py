"""The mesh around the models: nothing gets in past it, and Kiali finds nothing wrong with the objects in it."""

import http.client
import json
import socket

import pytest
from digits import kiali
from digits.cluster import wait_for
from digits.model_deployment import ModelDeployment
from digits.pods import helper_pod
from tests.support.e2e.case import WAITS_AT_20, Case
from tests.support.e2e.expectations import wait_until_alone, wait_until_kiali_is_content
from tests.support.e2e.mesh_client import MeshClient

READY = "/v2/health/ready"
# So long that the old version drains still when Kiali has looked.
DRAINS_LONG = {**WAITS_AT_20, "drain": "90s"}


def pod_address(served: ModelDeployment) -> str:
    """Return the address of the stable revision's pod."""
    chosen = f"nereid.dev/model-deployment={served.name},nereid.dev/revision={served.revision('stable')}"
    return str(served.cluster.list("Pod", served.namespace, chosen)[0]["status"]["podIP"])


def test_plaintext_from_outside_the_mesh_is_refused(case: Case) -> None:
    served = case.apply()
    served.wait_until_ready()
    address = pod_address(served)
    for name, in_mesh in (("outside", False), ("inside", True)):
        command = ["python3", "-c", "import signal; signal.pause()"]
        pod = helper_pod(name, case.cluster.operator_image, command, in_mesh=in_mesh)
        case.cluster.apply(pod, namespace=case.namespace)
        case.cluster.wait_for_pod(name, case.namespace)
    tensor = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": case.digits.images[0].tolist()}
    body = json.dumps({"inputs": [tensor], "outputs": [{"name": "label"}]})

    refused = MeshClient(case.cluster, case.namespace, "outside").ask(_infer(address), body, 3)
    assert set(refused) <= {"ClientOSError", "ClientConnectionResetError", "ServerDisconnectedError"}
    answered = MeshClient(case.cluster, case.namespace, "inside").ask(_infer("digits"), body, 3)
    assert answered == {json.dumps(case.digits.versions["1"].labels[:1].tolist()): 3}


def test_plaintext_from_the_node_is_refused(case: Case) -> None:
    served = case.apply()
    served.wait_until_ready()
    address = pod_address(served)
    try:
        socket.create_connection((address, 8000), timeout=3).close()
    except TimeoutError:
        pytest.skip("pods of this cluster cannot be reached from here")
    connection = http.client.HTTPConnection(address, 8000, timeout=5)
    connection.request("GET", READY)
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        connection.getresponse()


def _infer(host: str) -> str:
    return f"http://{host}:8000/v2/models/digits/infer"


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_kiali_has_nothing_to_complain_about(case: Case) -> None:
    served = case.apply(rollout=DRAINS_LONG)
    served.wait_until_ready()
    wait_until_no_problems(case, "when it is stable", versions=1)
    case.apply(version="2", rollout=DRAINS_LONG)
    served.wait_until_split(20)
    wait_until_no_problems(case, "in the middle of a rollout", versions=2)
    assert_graph_shows_the_split(case, served)
    served.promote()
    served.wait_until_ready()
    wait_until_no_problems(case, "while the old version drains", versions=2)
    wait_until_alone(served, served.revision("stable"))
    wait_until_no_problems(case, "after the rollout", versions=1)


def wait_until_no_problems(case: Case, moment: str, versions: int) -> None:
    kinds = {"virtualservice": 2, "destinationrule": versions, "service": 1 + versions, "workload": versions}
    wait_until_kiali_is_content(case, moment, kinds)


def assert_graph_shows_the_split(case: Case, served: ModelDeployment) -> None:
    status = served.status
    both = {status["stable"]["version"], status["candidate"]["version"]}
    with case.traffic() as client:
        client.start(40)
        wait_for(
            "Kiali draws both versions",
            lambda: set(kiali.traffic_by_version(case.cluster.kiali_url, case.namespace, "digits")) == both,
            seconds=60,
        )
