"""What the VirtualServices of each strategy say at each state, and that nobody else changes it for long."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.api.kubernetes import Object
from tests.support.api.models import Models
from tests.support.api.routes import destinations, matches, mirror, names
from tests.support.api.waiting import wait_until

NEXT = {"uri": "pvc://models/digits/2"}
HOSTS = {"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"]}
PREVIEW = "preview.example.com"
GRPC = {"content-type": {"prefix": "application/grpc"}}
BETA = {"x-cohort": {"exact": "beta"}}

pytestmark = pytest.mark.usefixtures("operator")


def begin(models: Models, **rollout: Any) -> tuple[str, str]:
    """Begin a rollout that nobody judges, and return the names of stable's and the candidate's Services."""
    quiet = {"drain": "0s", "analysis": {"provider": "None"}}
    models.create(rollout={**quiet, **rollout}, traffic=HOSTS)
    models.wait_settled()
    models.change(model=NEXT)
    candidate = wait_until(models.candidate, seconds=15, what="a candidate")
    return f"digits-{models.stable()}", f"digits-{candidate}"


def promote(models: Models) -> None:
    models.annotate(promote=f"{models.candidate()}/{models.rollout()['attempt']}")


def route(models: Models, name: str = "digits") -> Object:
    return models.kubernetes.get("VirtualService", models.namespace, name)


def wait_restored(models: Models, change: Callable[[Object], None], name: str = "digits") -> None:
    """Change a VirtualService, and wait until it is again as it was."""
    found = route(models, name)
    wanted = found["spec"]["http"]
    tampered = route(models, name)
    change(tampered["spec"])
    assert tampered["spec"]["http"] != wanted
    models.kubernetes.patch("VirtualService", models.namespace, name, {"spec": tampered["spec"]})
    wait_until(
        lambda: route(models, name)["spec"]["http"] == wanted, seconds=10, what=f"the repair of VirtualService {name}"
    )


def test_blue_green(models: Models) -> None:
    rollout = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": [PREVIEW], "keep": "3s"}}
    stable, candidate = begin(models, **rollout, progressDeadlineSeconds=60)
    status = models.wait_for("Paused", "AwaitingPromotion")
    assert (status["candidate"]["weight"], status["rollout"]["preview"]) == (0, True)
    assert destinations(route(models)) == destinations(route(models, "digits.gateways")) == {stable: 100}
    preview = route(models, "digits.preview")
    assert (preview["spec"]["hosts"], preview["spec"]["gateways"]) == ([PREVIEW], HOSTS["gateways"])
    assert destinations(preview) == destinations(preview, "grpc") == {candidate: 100}
    wait_restored(models, lambda spec: spec["http"].pop(), "digits.preview")
    promote(models)
    models.wait_for("Baking")
    for name in ("digits", "digits.gateways", "digits.preview"):
        assert destinations(route(models, name)) == {candidate: 100}
    assert models.status()["stable"]["replicas"] == 1, "the previous revision keeps its pods"
    assert models.kubernetes.get("Deployment", models.namespace, stable)["spec"]["replicas"] == 1
    assert f"digits-{models.wait_settled()['status']['stable']['revision']}" == candidate
    assert destinations(route(models, "digits.preview")) == {candidate: 100}


def test_blue_green_is_rolled_back_in_one_change(models: Models) -> None:
    stable, candidate = begin(models, strategy="BlueGreen", blueGreen={"previewHold": "1s", "keep": "1h"})
    models.wait_for("Holding")
    wait_until(lambda: destinations(route(models)) == {candidate: 100}, seconds=15, what="the switch")
    models.annotate(abort=str(models.candidate()))
    models.wait_for("Failed", "Aborted")
    assert destinations(route(models)) == {stable: 100}


def test_ab_test(models: Models) -> None:
    match = {"headers": [{"name": "x-cohort", "exact": "beta"}], "cookie": {"name": "cohort", "value": "beta"}}
    stable, candidate = begin(models, strategy="ABTest", abTest=match)
    models.wait_for("Paused", "AwaitingPromotion")
    for name in ("digits", "digits.gateways"):
        found = route(models, name)
        assert names(found) == ["matched-grpc", "matched-http", "grpc", "http"]
        assert destinations(found, "matched-http") == destinations(found, "matched-grpc") == {candidate: 100}
        assert destinations(found, "http") == destinations(found, "grpc") == {stable: 100}
        by_header, by_cookie = matches(found, "matched-http")
        assert by_header == {"headers": BETA}
        assert "cohort=beta" in by_cookie["headers"]["cookie"]["regex"]
        assert matches(found, "matched-grpc")[0] == {"headers": {**BETA, **GRPC}}
    assert models.rollout()["matched"] is True
    wait_restored(models, lambda spec: spec["http"].pop(0))
    wait_restored(models, lambda spec: spec["http"][1]["match"].pop())
    wait_restored(models, lambda spec: spec["http"].reverse(), "digits.gateways")
    promote(models)
    models.wait_settled()
    assert names(route(models)) == ["grpc", "http"]
    assert destinations(route(models)) == {candidate: 100}


def test_shadow(models: Models) -> None:
    stable, candidate = begin(
        models, strategy="Shadow", steps=[{"weight": 10, "hold": "1s"}, {"weight": 40}], progressDeadlineSeconds=60
    )
    wait_until(lambda: mirror(route(models)) == {candidate: 10}, seconds=15, what="the first step")
    models.wait_for("Paused", "AwaitingPromotion")
    for name in ("digits", "digits.gateways"):
        found = route(models, name)
        assert destinations(found) == destinations(found, "grpc") == {stable: 100}
        assert mirror(found) == mirror(found, "grpc") == {candidate: 40}
    assert (models.rollout()["mirror"], models.status()["candidate"]["weight"]) == (40, 0)
    wait_restored(models, lambda spec: spec["http"][0].pop("mirror"))
    wait_restored(models, lambda spec: spec["http"][1]["mirrorPercentage"].update(value=90))
    promote(models)
    models.wait_settled()
    assert (destinations(route(models)), mirror(route(models))) == ({candidate: 100}, {})
