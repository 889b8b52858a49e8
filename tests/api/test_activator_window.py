"""For how long the activator takes requests by routes that its key has not made: the chart looks at the cluster."""

import os
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.api.control_plane import ADMIN_TOKEN, ROOT, ControlPlane
from tests.support.api.kubernetes import Kubernetes
from tests.support.api.models import Models
from tests.support.api.workloads import Workloads

HELM = Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid") / "bin" / "helm"
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
PAST = (datetime.now(UTC) - timedelta(hours=1)).strftime(FORMAT)
SOON = (datetime.now(UTC) + timedelta(minutes=3)).strftime(FORMAT)

Data = dict[str, str]
Render = Callable[..., Data]


@pytest.fixture
def render(control_plane: ControlPlane, namespace: str) -> Render:
    """Return the data of the key's Secret, as an installation or an upgrade would have it."""

    def data(*arguments: str) -> Data:
        access = (
            f"--kube-apiserver={control_plane.url}",
            f"--kube-ca-file={control_plane.certificate}",
            f"--kube-token={ADMIN_TOKEN}",
        )
        options = (
            f"--namespace={namespace}",
            f"--set=watchNamespaces={{{namespace}}}",
            "--set=admissionPolicy.enabled=false,crds.install=false,activator.authorizationPolicy.enabled=false",
            "--dry-run=server",
            "--show-only=templates/activator-proof.yaml",
        )
        command: list[str | Path] = [
            HELM,
            "template",
            "nereid",
            ROOT / "charts" / "nereid",
            *access,
            *options,
            *arguments,
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stderr
        (secret,) = [one for one in yaml.safe_load_all(result.stdout) if one]
        encoded = {name: b64decode(value).decode() for name, value in secret.get("data", {}).items()}
        return {**encoded, **secret.get("stringData", {})}

    return data


@pytest.fixture
def put(kubernetes: Kubernetes, workloads: Workloads, namespace: str) -> Callable[[str | None, bool, bool], None]:
    """Make the key's Secret with its moment, and the operator's Deployment, which makes proofs and runs, or not."""

    def make(until: str | None, makes_proofs: bool, runs: bool) -> None:  # noqa: FBT001
        workloads.held_back.add(namespace)
        data = {"keys": "k" * 48, **({"accept-unproven-until": until} if until else {})}
        encoded = {name: b64encode(value.encode()).decode() for name, value in data.items()}
        secret = {"metadata": {"name": "nereid-activator-proof"}, "data": encoded}
        kubernetes.create(f"/api/v1/namespaces/{namespace}/secrets", secret)
        folder = {"name": "NEREID_ACTIVATOR_PROOF_FOLDER", "value": "/etc/nereid/proof"}
        container = {"name": "operator", "image": "nereid", "env": [folder] if makes_proofs else []}
        labels = {"app": "the-operator"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        body = {"metadata": {"name": "nereid"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
        kubernetes.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
        if runs:
            status = {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}
            kubernetes.patch("Deployment", namespace, "nereid", {"status": status}, "status")

    return make


def is_new(data: dict[str, Any]) -> bool:
    """Whether the window is open for ten minutes from now on."""
    moment = datetime.strptime(data.get("accept-unproven-until", PAST), FORMAT).replace(tzinfo=UTC)
    return timedelta(minutes=8) < moment - datetime.now(UTC) <= timedelta(minutes=10)


def test_an_installation_beside_models_that_were_kept_has_one(render: Render, models: Models) -> None:
    assert "accept-unproven-until" not in render()
    models.create()
    assert is_new(render())


def test_so_has_an_upgrade_that_brings_the_key(render: Render) -> None:
    assert is_new(render("--is-upgrade"))


@pytest.mark.parametrize(
    ("operator_before", "until", "opened"),
    [
        ((True, True), PAST, False),
        ((True, False), PAST, True),
        ((True, False), SOON, False),
        ((True, False), None, False),
        ((False, True), PAST, True),
        ((False, True), None, True),
    ],
    ids=["finished", "never ran", "still open", "never had one", "taken back", "taken back, without one"],
)
def test_later_upgrade(render, operator_before, put, until, opened):
    """It has another one only if the last upgrade did not finish."""
    put(until, *operator_before)
    data = render("--is-upgrade")
    assert data["keys"] == "k" * 48
    assert is_new(data) == opened
    if not opened:
        assert data.get("accept-unproven-until") == until
