"""The demo: two versions of a real model, from `kubectl apply` to predictions through the mesh, while clients watch.

It needs a cluster with Istio and an installed operator, which `make demo` sets up before. It prints what it does with
the figures that it measured, and ends with status 1 when any of them is not as it should be.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from tritonclient.utils import InferenceServerException

from digits import kiali
from digits.cluster import Cluster, CommandError, WaitError, wait_for
from digits.model_deployment import ModelDeployment
from digits.traffic import PROTOCOLS, Endpoint, Tally, TrafficClient, predict
from digits.train import HELD_OUT_IMAGES, TRAINING_IMAGES, Digits, train
from digits.volume import upload

NAMESPACE: Final = "nereid-demo"
CLAIM: Final = "models"
HOST: Final = "digits.example.com"
RATE: Final = 50
WEIGHT: Final = 20
OBSERVE_SECONDS: Final = 30
AFTER_SECONDS: Final = 10
_HERE: Final = Path(__file__).parent
# Far more than two ways to compute in single precision differ, far less than two versions do.
_SAME: Final = 1e-4
# Five standard deviations of a share that is counted over the requests sent: a wrong weight shows, chance does not.
_DEVIATIONS: Final = 5


class DemoError(RuntimeError):
    """A figure is not as it should be."""


class Story:
    """Prints numbered chapters with the time since the beginning, and lines of figures beneath them."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        print(f"\n{self._chapter}. {title}  [{time.monotonic() - self._start:.0f} s]", flush=True)

    def tell(self, line: str) -> None:
        """Print a line of the chapter."""
        print(f"   {line}", flush=True)

    def show(self, text: str) -> None:
        """Print a command's output as it is."""
        for line in text.rstrip().splitlines():
            self.tell(f"| {line}")


def main() -> int:
    """Run the demo and return the exit status."""
    cluster = Cluster.from_environment()
    served = ModelDeployment(cluster, NAMESPACE)
    story = Story()
    try:
        _run(cluster, served, story)
    except (DemoError, CommandError, WaitError, InferenceServerException) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        with _whatever_can_be_said():
            print(served.describe(), file=sys.stderr)
        return 1
    return 0


def _run(cluster: Cluster, served: ModelDeployment, story: Story) -> None:
    digits = _train(story)
    _upload(cluster, digits, story)
    _serve_first(served, story)
    endpoint = Endpoint(cluster.gateway, HOST)
    with TrafficClient(endpoint, digits) as traffic:
        traffic.start(RATE)
        _check_answers(endpoint, digits, story)
        _share_traffic(served, traffic, story)
        _promote(served, traffic, story)
        total = traffic.stop()
    _sum_up(cluster, total, story)


def _train(story: Story) -> Digits:
    story.chapter(f"Train two classifiers on {TRAINING_IMAGES:,} handwritten digits, hold {HELD_OUT_IMAGES} back")
    digits = train()
    for version, trained in digits.versions.items():
        story.tell(
            f"version {version}: {digits.accuracy(trained.labels):6.1%} right by scikit-learn, "
            f"{len(trained.onnx):>6,} bytes of ONNX"
        )
    return digits


def _upload(cluster: Cluster, digits: Digits, story: Story) -> None:
    story.chapter(f"Put both on the volume `{CLAIM}` in namespace {NAMESPACE}")
    if cluster.get("Namespace", NAMESPACE):
        story.tell("first removing what an earlier run left there")
        cluster.kubectl("delete", "namespace", NAMESPACE)
    cluster.create_namespace(NAMESPACE, {"istio-injection": "enabled"})
    files = {f"digits/{version}/model.onnx": trained.onnx for version, trained in digits.versions.items()}
    upload(cluster, NAMESPACE, CLAIM, files)
    for path in files:
        story.tell(f"pvc://{CLAIM}/{path}")


def _serve_first(served: ModelDeployment, story: Story) -> None:
    story.chapter("kubectl apply -f v1.yaml: serve version 1")
    _require_free_host(served.cluster)
    began = time.monotonic()
    _apply(served, "v1.yaml")
    served.wait_until_ready()
    story.tell(f"Ready after {time.monotonic() - began:.0f} s")
    _show_columns(served, story)


def _require_free_host(cluster: Cluster) -> None:
    """Two ModelDeployments with one host would answer for each other."""
    for other in cluster.list("ModelDeployment"):
        metadata = other["metadata"]
        taken = HOST in (other["spec"].get("traffic") or {}).get("hosts", [])
        _require(
            not taken or metadata["namespace"] == NAMESPACE,
            f"host {HOST} is that of {metadata['namespace']}/{metadata['name']} already: delete that one first",
        )


def _check_answers(endpoint: Endpoint, digits: Digits, story: Story) -> None:
    story.chapter(f"Send the {HELD_OUT_IMAGES} held-out images through the gateway with tritonclient")
    first = digits.versions["1"]
    for protocol in PROTOCOLS:
        answers = predict(endpoint, digits.images, protocol)
        same = int(np.sum(answers.labels == first.labels))
        apart = float(np.max(np.abs(answers.probabilities - first.probabilities)))
        story.tell(
            f"{protocol}: {digits.accuracy(answers.labels):.1%} right; {same} of {HELD_OUT_IMAGES} labels as "
            f"scikit-learn's, probabilities at most {apart:.0e} apart"
        )
        _require(same == HELD_OUT_IMAGES and apart < _SAME, f"{protocol} answers are not those of scikit-learn")


def _share_traffic(served: ModelDeployment, traffic: TrafficClient, story: Story) -> None:
    story.chapter(
        f"kubectl apply -f v2.yaml: version 2 gets {WEIGHT}% of {RATE} requests/s, over REST and gRPC in turn"
    )
    _apply(served, "v2.yaml")
    served.wait_until_split(WEIGHT)
    _show_columns(served, story)
    before = traffic.tally()
    drawn = _observe_in_kiali(served)
    counted = traffic.tally().since(before)
    share = 100 * counted.by_version()["2"] / counted.sent
    story.tell(f"{'':24}{'version 1':>12}{'version 2':>12}")
    story.tell(f"{'routed':24}{100 - WEIGHT:>11}%{WEIGHT:>11}%")
    story.tell(f"{'counted by the client':24}{100 - share:>11.1f}%{share:>11.1f}%   of {counted.sent:,} requests")
    story.tell(f"{'drawn by Kiali':24}{drawn['1']:>11.1f}%{drawn['2']:>11.1f}%")
    _require_share(counted)
    _require(abs(drawn["2"] - WEIGHT) < 2 * WEIGHT / 5, "Kiali does not draw the split")


def _observe_in_kiali(served: ModelDeployment) -> dict[str, float]:
    """Let the split run until Kiali's graph can have seen nothing else, and return the shares that it draws."""
    status = served.status
    time.sleep(OBSERVE_SECONDS)  # not for a condition: the graph is of the requests of a length of time

    def drawn() -> dict[str, float] | None:
        shares = kiali.traffic_by_version(
            served.cluster.kiali_url, served.namespace, served.name, seconds=OBSERVE_SECONDS
        )
        named = {"1": shares.get(status["stable"]["version"]), "2": shares.get(status["candidate"]["version"])}
        return (
            {version: share for version, share in named.items() if share is not None} if all(named.values()) else None
        )

    return wait_for("Kiali draws both versions", drawn, seconds=30)


def _promote(served: ModelDeployment, traffic: TrafficClient, story: Story) -> None:
    story.chapter(f"kubectl annotate mdep digits nereid.dev/promote={served.revision('candidate')}: all of it")
    served.promote()
    served.wait_until_ready()
    _show_columns(served, story)
    before = traffic.tally()
    time.sleep(AFTER_SECONDS)  # not for a condition: to see who answers afterwards
    after = traffic.tally().since(before)
    versions = after.by_version()
    story.tell(
        f"of {after.sent:,} requests since then, version 1 answered {versions['1']}, version 2 {versions['2']:,}"
    )
    # What was sent a moment before the tally was taken may have been in flight; nothing else is left for version 1.
    _require(versions["1"] == 0 and versions["2"] > 0, "version 1 still answers after the promotion")


def _sum_up(cluster: Cluster, total: Tally, story: Story) -> None:
    story.chapter("The steady client's count over the whole run")
    for protocol in PROTOCOLS:
        versions = total.by_version(protocol)
        story.tell(f"{protocol}: version 1 answered {versions['1']:,}, version 2 {versions['2']:,}")
    story.tell(f"sent: {total.sent:,}   failed: {total.failed}")
    for error in total.errors[:5]:
        story.tell(str(error))
    _require(total.failed == 0, f"{total.failed} requests failed")
    print(
        f"\nLook around:  kubectl get mdep -n {NAMESPACE}    kubectl describe mdep digits -n {NAMESPACE}\n"
        f"              export KUBECONFIG={cluster.kubeconfig}\n"
        f"              Kiali {cluster.kiali_url} (locally its API alone)    Prometheus {cluster.prometheus_url}\n"
        "Clean up:     make down"
    )


def _apply(served: ModelDeployment, manifest: str) -> None:
    served.cluster.kubectl("apply", "--filename", str(_HERE / manifest), namespace=served.namespace)


def _show_columns(served: ModelDeployment, story: Story) -> None:
    story.show(served.cluster.kubectl("get", "mdep", served.name, namespace=served.namespace))


def _require_share(counted: Tally) -> None:
    share = WEIGHT / 100
    allowed = _DEVIATIONS * (counted.sent * share * (1 - share)) ** 0.5
    answered = counted.by_version()["2"]
    _require(
        abs(answered - share * counted.sent) <= allowed,
        f"version 2 answered {answered} of {counted.sent} requests, which is not {WEIGHT}%",
    )


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
    if not holds:
        raise DemoError(otherwise)


@contextmanager
def _whatever_can_be_said() -> Iterator[None]:
    """Keep a failure's own message the last word when the cluster does not even answer questions about it."""
    try:
        yield
    except CommandError as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
