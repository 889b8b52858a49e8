"""Every query of every dashboard is asked of the live Prometheus, and Kiali draws Triton's figures of each version."""

import json
from urllib.error import HTTPError

import pytest
from digits.cluster import wait_for
from tests.support.e2e import dashboards
from tests.support.e2e.case import Case
from tests.support.e2e.rollouts import RATE, judged, serve_first, wait_until_analyzed

pytestmark = pytest.mark.usefixtures("undisturbed")

# Longer than it takes until each query has data, so that the candidate is judged meanwhile.
STEPS = [{"weight": 20, "hold": "10m"}]
# What panels wait for that this model has, or does. The others wait for a GPU, a failure, an alert or a check.
TRUE_HERE = {
    "while a candidate is judged",
    "while a rollout is in progress",
    "while there is a candidate",
    "if the model is autoscaled",
}
SECONDS_TO_DATA = 120


def test_every_query_has_data_while_a_candidate_is_judged(case: Case) -> None:
    rollout, scaling = judged(steps=STEPS), {"minReplicas": 1, "maxReplicas": 2}
    served = serve_first(case, rollout, scaling=scaling)
    values = {"namespace": case.namespace, "name": served.name}
    questions = list(dashboards.questions(values))
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout, scaling=scaling)
        wait_until_analyzed(served, 20)

        def without_data() -> list[str]:
            empty = [one for one in questions if not dashboards.has_data(case.cluster, one.query)]
            return [str(one) for one in empty if not one.only or one.only in TRUE_HERE]

        wait_for(
            "every query has data",
            lambda: not without_data(),
            seconds=SECONDS_TO_DATA,
            seen=lambda: "\n".join(["Without data:", *without_data()]),
        )
        for name, found in dashboards.choices(case.cluster, values):
            assert values[name] in found, name


def test_kiali_draws_tritons_figures_of_a_version(case: Case) -> None:
    case.cluster.kubectl(
        "annotate", "namespace", case.namespace, f"dashboards.kiali.io/templates={dashboards.kiali_dashboard()}"
    )
    served = serve_first(case, judged())
    version = served.status["stable"]["version"]

    def drawn() -> dict[str, bool]:
        try:
            return dashboards.kiali_charts(case.cluster, case.namespace, served.name, version)
        except HTTPError as error:
            # Kiali has not seen the namespace and its annotation yet.
            return {json.dumps(error.read().decode()): False}

    def empty() -> list[str]:
        return [name for name, has_figures in drawn().items() if not has_figures and "(with GPUs)" not in name]

    with case.traffic() as client:
        client.start(RATE)
        wait_for("Kiali draws every chart", lambda: not empty(), seconds=SECONDS_TO_DATA, seen=empty)
        tabs = dashboards.kiali_tabs(case.cluster, case.namespace, f"{served.name}-{served.revision('stable')}")
        assert "triton" in tabs
