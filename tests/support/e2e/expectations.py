"""What more than one case expects of traffic and of what is left in the cluster."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
from digits import kiali
from digits.cluster import wait_for
from digits.model_deployment import ModelDeployment
from digits.traffic import PROTOCOLS, Endpoint, predict
from digits.train import Trained
from tests.support.e2e.case import Case


def assert_answers_as_scikit_learn(case: Case, endpoint: Endpoint, trained: Trained) -> None:
    """Send every held-out image over REST and gRPC and compare with scikit-learn's own answers."""
    for protocol in PROTOCOLS:
        answers = predict(endpoint, case.digits.images, protocol)
        assert np.array_equal(answers.labels, trained.labels), protocol
        assert np.allclose(answers.probabilities, trained.probabilities, rtol=0, atol=1e-4), protocol


def is_a_fifth(count: int, of: int) -> bool:
    """Tell whether a count is within five standard deviations of what 20% would give."""
    return abs(count - 0.2 * of) <= 5 * math.sqrt(of * 0.2 * 0.8)


def assert_only_version_answers(case: Case, version: str, requests: int = 200) -> None:
    """Send requests through the gateway: each is answered, and by this version alone once the proxy has the new route.

    A status may be a moment ahead of the mesh, longer on a busy machine.
    """
    with case.traffic() as client:
        wait_for(
            f"only version {version} answers", lambda: set(client.burst(100).by_version()) == {version}, seconds=30
        )
        tally = client.burst(requests)
        errors = client.tally().errors
    assert errors == ()
    assert tally.by_version() == {version: requests}


def wait_until_alone(served: ModelDeployment, revision: str) -> None:
    """Wait until the other revisions' Deployments are gone."""

    def alone() -> bool:
        found = served.cluster.list("Deployment", served.namespace, f"nereid.dev/model-deployment={served.name}")
        return {deployment["metadata"]["labels"]["nereid.dev/revision"] for deployment in found} == {revision}

    wait_for(f"revision {revision} is the only one", alone, seconds=180, seen=served.describe)


def wait_until_kiali_is_content(case: Case, moment: str, kinds: Mapping[str, int] | None = None) -> None:
    """Wait until Kiali, which may be a little behind, has nothing to complain about in the case's namespace.

    It must have seen so many objects of each of the kinds, or else any VirtualService.
    """

    def look() -> kiali.Validation:
        return kiali.validate(case.cluster.kiali_url, case.namespace)

    def content() -> bool:
        validation = look()
        found = Counter(name.split()[0] for name in validation.objects)
        return not validation.problems and (found == kinds if kinds else "virtualservice" in found)

    wait_for(f"Kiali is content {moment}", content, seconds=45, seen=look)
