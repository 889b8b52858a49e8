"""Two rollouts for a picture: version 2 takes over, a third version that fails now and then is rolled back.

Prints `NAMESPACE NAME FROM TO`, the times in seconds since 1970, and leaves no namespace behind: what there is to see
stays in Prometheus.
"""

import io
import sys
import time
import zipfile
from typing import Final

from digits.cluster import Cluster, Manifest
from digits.model_deployment import ModelDeployment
from digits.traffic import Endpoint, TrafficClient
from digits.train import Digits, train
from digits.volume import upload
from tests.support.e2e.faulty_models import archive_name, archives

NAMESPACE: Final = "nereid-picture"
NAME: Final = "digits"
HOST: Final = "digits.picture.example.com"
RATE: Final = 50
# The tests' faulty version fails three requests of ten, which the guard sees at once. Three of a hundred, and none
# of the first few, take the judge.
CHANGES: Final = {b"FAILING_SHARE = 0.3": b"FAILING_SHARE = 0.03", b"random.Random(1)": b"random.Random(2)"}
ROLLOUT: Final[Manifest] = {
    "steps": [{"weight": 20, "hold": "40s"}, {"weight": 50, "hold": "40s"}],
    "drain": "5s",
    "analysis": {"interval": "5s"},
}
QUIET_SECONDS: Final = 45


def main() -> None:
    """Do it, and say where and when."""
    cluster, digits = Cluster.from_environment(), train(("1", "2", "3"))
    cluster.create_namespace(NAMESPACE, {"istio-injection": "enabled"})
    try:
        upload(cluster, NAMESPACE, "models", _files(digits))
        served = ModelDeployment(cluster, NAMESPACE, NAME)
        _apply(served, "1", "pvc://models/1/model.onnx")
        served.wait_until_ready()
        with TrafficClient(Endpoint(cluster.gateway, HOST, NAME), digits) as traffic:
            traffic.start(RATE)
            began = time.time()
            _act(served)
            print(NAMESPACE, NAME, int(began), int(time.time()))
            total = traffic.stop()
            _tell(f"{total.sent} requests, {total.failed} of them failed")
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def _act(served: ModelDeployment) -> None:
    _rest()
    _apply(served, "2", "pvc://models/2/model.onnx")
    served.wait_until_ready()
    _rest()
    _apply(served, "3", "pvc://models/bad")
    failed = served.wait_for("the third version is rolled back", lambda seen: seen["rollout"]["state"] == "Failed")
    _tell(failed["rollout"]["failed"]["message"])
    _rest()


def _rest() -> None:
    _tell(f"{QUIET_SECONDS} s of steady traffic")
    time.sleep(QUIET_SECONDS)  # not for a condition: the picture is to show how it is at rest


def _files(digits: Digits) -> dict[str, bytes]:
    files = {f"{version}/model.onnx": digits.versions[version].onnx for version in ("1", "2")}
    with zipfile.ZipFile(io.BytesIO(archives(digits)[archive_name("fails")])) as bad:
        for name in bad.namelist():
            content = bad.read(name)
            if name.endswith("model.py"):
                content = _changed(content)
            files[f"bad/{name}"] = content
    return files


def _changed(source: bytes) -> bytes:
    for old, new in CHANGES.items():
        if old not in source:
            raise LookupError(f"the tests' faulty model no longer contains {old.decode()}: correct CHANGES")
        source = source.replace(old, new)
    return source


def _apply(served: ModelDeployment, version: str, uri: str) -> None:
    _tell(f"version {version} is asked for")
    spec = {
        "model": {"uri": uri, "version": version},
        "traffic": {"hosts": [HOST], "gateways": ["istio-ingress/nereid"]},
        "rollout": ROLLOUT,
        "monitoring": {"objectives": {"latencyMilliseconds": 250}},
    }
    manifest = {
        "apiVersion": "nereid.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": NAME},
        "spec": spec,
    }
    served.cluster.apply(manifest, namespace=NAMESPACE)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
