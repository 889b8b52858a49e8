from typing import Any

import pytest

from nereid.controller.observed.pod_address import PodAddress, pod_address


def pod(annotations: dict[str, str] | None = None, metadata: Any = (), **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "uid": "u", "annotations": annotations, **dict(metadata)},
        "status": {"phase": "Running", "podIP": "10.0.0.7", **status},
    }


def test_in_the_mesh_the_sidecar_serves_the_metrics() -> None:
    raw = pod({"prometheus.io/port": "15020", "prometheus.io/path": "/stats/prometheus"})
    assert pod_address(raw) == PodAddress("p", "u", "10.0.0.7", 15020, "/stats/prometheus")


@pytest.mark.parametrize("annotations", [None, {}, {"prometheus.io/port": "many"}])
def test_triton_serves_them_where_the_annotations_do_not_say(annotations: dict[str, str] | None) -> None:
    found = pod_address(pod(annotations))
    assert found
    assert found.url == "http://10.0.0.7:8002/metrics"


@pytest.mark.parametrize(
    ("port", "path"), [("10250", "/pods"), ("22", "/metrics"), ("15000", "/quitquitquit"), ("८००२", "/")]
)
def test_whoever_annotates_a_pod_does_not_choose_what_is_asked(port: str, path: str) -> None:
    found = pod_address(pod({"prometheus.io/port": port, "prometheus.io/path": path}))
    assert found
    assert found.url == "http://10.0.0.7:8002/metrics"


def test_addresses_of_ipv6() -> None:
    found = pod_address(pod(podIP="fd00::7"))
    assert found
    assert found.url == "http://[fd00::7]:8002/metrics"


@pytest.mark.parametrize(
    "raw",
    [
        pod(phase="Pending"),
        pod(phase="Succeeded"),
        pod(podIP=""),
        pod(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        {"metadata": {"name": "p", "uid": "u"}},
    ],
)
def test_no_address(raw: dict[str, Any]) -> None:
    assert pod_address(raw) is None
