"""The API server tells that pods are ready before it tells that Services have them: what is routed meanwhile fails."""

import pytest
from tests.support.api.models import Models
from tests.support.api.waiting import wait_until
from tests.support.api.workloads import Workloads


@pytest.mark.usefixtures("operator")
def test_a_candidate_gets_its_first_share_when_its_service_has_its_pods(models: Models, workloads: Workloads) -> None:
    models.create(rollout={"steps": [{"weight": 20}], "analysis": {"provider": "None"}})
    models.wait_settled()
    workloads.held_back.add(models.namespace)
    models.change(model={"uri": "pvc://models/digits/2"})
    candidate = str(wait_until(models.candidate, seconds=15, what="a candidate"))
    name = put_slice(models, candidate, ready=False)
    workloads.release(models.namespace)
    wait_until(
        lambda: "the Service has 0 as endpoints" in models.rollout().get("message", ""),
        seconds=15,
        what="a sentence about the endpoints",
    )
    assert models.status()["candidate"]["weight"] == 0
    models.kubernetes.patch("EndpointSlice", models.namespace, name, {"endpoints": endpoints(ready=True)})
    wait_until(lambda: models.status()["candidate"]["weight"] == 20, seconds=15, what="the first share")


def put_slice(models: Models, revision: str, *, ready: bool) -> str:
    """Do what the controller of EndpointSlices does for the Service of a revision; return the slice's name."""
    name = f"digits-{revision}"
    find = models.kubernetes.find
    wait_until(lambda: find("Service", models.namespace, name), seconds=10, what="the candidate's Service")
    service = models.kubernetes.get("Service", models.namespace, name)
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "controller": True}
    metadata = {
        "name": f"digits-{revision}-x",
        "labels": {**service["metadata"]["labels"], "kubernetes.io/service-name": name},
        "ownerReferences": [{**owner, "uid": service["metadata"]["uid"]}],
    }
    made = {"metadata": metadata, "addressType": "IPv4", "ports": [], "endpoints": endpoints(ready=ready)}
    models.kubernetes.create(models.kubernetes.path("EndpointSlice", models.namespace), made)
    return str(metadata["name"])


def endpoints(*, ready: bool) -> list[object]:
    return [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]
