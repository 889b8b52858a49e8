"""`nereid tune` on the real cluster: what it measures can be had, and nothing of the search remains."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from digits.cluster import wait_for
from tests.support.e2e.case import Case

# A configuration is begun as long as it would be done within this, and what is made may need a while to start.
BUDGET_SECONDS: Final = 100
SECONDS: Final = 240
# What `make up` builds and imports; another cluster pulls the public one.
IMAGE: Final = "docker.io/local/k6:1.8.1"
MEMORY: Final = "512Mi"
# Loose, as other cases use the same cores.
OBJECTIVE: Final = "2s"
OPTIONS: Final = (
    f"--latency-p99={OBJECTIVE}",
    f"--resources=memory={MEMORY}",
    "--instances=1",
    "--batch-sizes=4",
    "--queue-delays=100us",
    "--price=memory=0.005",
    "--duration=2s",
    "--warm-up=1s",
    "--max-concurrency=2",
    f"--budget={BUDGET_SECONDS}s",
)
BEST: Final = re.compile(
    r"^✓ +memory=512Mi(; batches to 4(; waiting 100us)?)? +(?P<rate>[\d,.]+) +(?P<p50>[\d.]+)ms +(?P<p99>[\d.]+)ms "
    r"+[12] +(?P<cost>[\d.]+)",
    re.MULTILINE,
)


@pytest.mark.long
def test_the_best_configuration_is_found_and_applied(case: Case, tmp_path: Path) -> None:
    served = case.apply(rollout={"strategy": "Direct"})
    before = served.wait_until_ready()["stable"]["revision"]
    told = tune(case, tmp_path / "digits.yaml")
    best = BEST.search(told)
    assert best is not None, told
    assert float(best["rate"].replace(",", "")) > 1, told
    assert 0 < float(best["p50"]) <= float(best["p99"]), told
    assert served.revision("stable") == before
    assert_nothing_left(case)

    case.cluster.kubectl("apply", f"--filename={tmp_path / 'digits.yaml'}")
    stable = served.wait_until_ready()["stable"]
    assert stable["revision"] != before
    (pod,) = case.cluster.list("Pod", case.namespace, f"nereid.dev/revision={stable['revision']}")
    (triton,) = [one for one in pod["spec"]["containers"] if one["name"] == "triton"]
    assert triton["resources"]["limits"] == {"memory": MEMORY}
    with case.traffic() as client:
        assert client.burst(20).errors == ()


def tune(case: Case, output: Path) -> str:
    """Tune the ModelDeployment, writing the best one to a file, and return what is said."""
    place = ("digits", f"--namespace={case.namespace}", f"--generator-image={IMAGE}", f"--output={output}")
    command = [sys.executable, "-m", "nereid", "tune", *place, *OPTIONS]
    environment = {**os.environ, "KUBECONFIG": str(case.cluster.kubeconfig), "COLUMNS": "200"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_nothing_left(case: Case) -> None:
    """All that a search makes has a name with `tune-`, the children of its ModelDeployments too."""
    kinds = "modeldeployments,deployments,services,jobs,configmaps,pods"

    def leftovers() -> list[str]:
        found = case.cluster.kubectl("get", kinds, "--output=name", namespace=case.namespace).split()
        return [one for one in found if "/tune-" in one]

    wait_for("nothing of the search is left", lambda: not leftovers(), seconds=90, seen=leftovers)
