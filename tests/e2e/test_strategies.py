"""Ways for a candidate to meet traffic other than by weight, and without room for a pod more."""

import pytest
from digits.cluster import Manifest, wait_for
from digits.model_deployment import condition
from digits.traffic import PROTOCOLS, Group, Tally
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers, wait_until_alone, wait_until_kiali_is_content
from tests.support.e2e.journey import Journey
from tests.support.e2e.promql import answered_by_triton
from tests.support.e2e.rollouts import (
    RATE,
    judged,
    serve_first,
    wait_until_over,
    wait_until_paused,
    wait_until_rolled_back,
)

pytestmark = pytest.mark.usefixtures("undisturbed")

EVERYBODY = Group("everybody", {"x-group": "a", "cookie": "session=1; group=a"})
WITH_HEADER = Group("header", {"x-group": "b"})
WITH_COOKIE = Group("cookie", {"cookie": "session=1; group=b"})
# Any counters will do; these tell which requests a version refuses, which an A/B test does not judge by itself.
REQUESTS = (
    'istio_requests_total{reporter="source",destination_service_namespace="{{namespace}}",'
    'destination_service_name="{{workload}}"'
)
DECIDED_BY_REFUSALS = judged(
    strategy="ABTest",
    abTest={"headers": [{"name": "x-group", "exact": "b"}], "hold": "10s"},
    analysis={
        "provider": "Prometheus",
        "queries": [{"name": "refused", "bad": f'{REQUESTS},response_code=~"4.."}}', "total": f"{REQUESTS}}}"}],
    },
)


def test_blue_green_previews_then_switches_then_keeps(case: Case) -> None:
    blue_green = {"previewHosts": [case.preview_host()], "keep": "45s"}
    rollout = judged(strategy="BlueGreen", blueGreen=blue_green)
    served = serve_first(case, rollout)
    old = served.revision("stable")
    with case.traffic() as client, case.preview() as preview:
        assert preview.burst(20).by_version() == {"1": 20}
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        wait_until_paused(served, "AwaitingPromotion")
        mark = client.tally()
        assert preview.burst(100).by_version() == {"2": 100}
        wait_until_kiali_is_content(case, "while the candidate is previewed")
        assert set(client.tally().since(mark).by_version()) == {"1"}

        served.promote()
        status = served.wait_until_split(100)
        assert status["stable"]["revision"] == old
        assert status["stable"]["readyReplicas"] == 1
        assert_only_version_answers(case, "2")
        wait_until_kiali_is_content(case, "while the old version is kept")
        status = served.wait_until_ready()
        assert status["stable"]["version"].startswith("2-")
        wait_until_over(served)
        assert preview.burst(20).by_version() == {"2": 20}
        total = client.stop()
    assert total.failed == 0, total.failures()
    wait_until_alone(served, served.revision("stable"))


@pytest.mark.long
def test_blue_green_that_goes_bad_after_the_switch_goes_back(case: Case) -> None:
    rollout = judged(strategy="BlueGreen", blueGreen={"previewHold": "5s", "keep": "2m"})
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(model=case.faulty("fails"), rollout=rollout)
        status = wait_until_rolled_back(served)
        client.stop()
    assert status["rollout"]["failed"]["reason"] == "GuardExceeded"
    assert_only_version_answers(case, "1")


@pytest.mark.parametrize(
    ("match", "chosen"),
    [
        ({"headers": [{"name": "x-group", "exact": "b"}]}, {"header"}),
        pytest.param({"cookie": {"name": "group", "value": "b"}}, {"cookie"}, marks=pytest.mark.long),
        pytest.param(
            {"headers": [{"name": "x-group", "regex": "b|c"}], "cookie": {"name": "group", "value": "b"}},
            {"header", "cookie"},
            marks=pytest.mark.long,
        ),
    ],
    ids=["header", "cookie", "either"],
)
def test_ab_test_gives_the_candidate_whom_the_match_picks(
    case: Case, match: dict[str, object], chosen: set[str]
) -> None:
    rollout = judged(strategy="ABTest", abTest=match)
    served = serve_first(case, rollout)
    groups = (EVERYBODY, WITH_HEADER, WITH_COOKIE)
    with case.traffic(groups=groups) as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        wait_until_paused(served, "AwaitingPromotion")
        # The pause is told when the route is written; the proxies have it a moment later, and keep it.
        wait_for("the proxies have the match", lambda: misled(client.burst(60), groups, chosen) == [], seconds=30)
        assert misled(client.burst(300), groups, chosen) == []
        wait_until_kiali_is_content(case, "during the A/B test")
        served.promote()
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


def misled(tally: Tally, groups: tuple[Group, ...], chosen: set[str]) -> list[tuple[str, str, set[str]]]:
    """Return which groups, by which protocol, were not answered by their version alone, but by which."""
    found = [
        (protocol, one.name, set(tally.by_version(protocol, one.name))) for one in groups for protocol in PROTOCOLS
    ]
    return [(protocol, group, by) for protocol, group, by in found if by != {"2" if group in chosen else "1"}]


def test_ab_test_takes_back_a_version_that_a_metric_of_the_users_own_shows_to_be_worse(case: Case) -> None:
    served = serve_first(case, DECIDED_BY_REFUSALS)
    with case.traffic(groups=(EVERYBODY, WITH_HEADER)) as client:
        client.start(RATE)
        case.apply(model=case.faulty("rejects"), rollout=DECIDED_BY_REFUSALS)
        status = wait_until_rolled_back(served)
        client.stop()
    failed = status["rollout"]["failed"]
    assert failed["reason"] == "AnalysisFailed"
    assert "refused is worse than stable's" in failed["message"]
    assert refusals(status)["comparison"] == "Worse"
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_ab_test_gives_everything_to_a_version_that_a_metric_of_the_users_own_shows_to_be_better(case: Case) -> None:
    served = case.apply(model=case.faulty("rejects"), rollout=DECIDED_BY_REFUSALS)
    served.wait_until_ready()
    with case.traffic(groups=(EVERYBODY, WITH_HEADER)) as client:
        client.start(RATE)
        case.apply(version="2", rollout=DECIDED_BY_REFUSALS)
        status = served.wait_until_ready()
        client.stop()
    assert status["stable"]["version"].startswith("2-")
    refused = refusals(status)
    assert refused["comparison"] == "Better"
    assert refused["stable"]["percent"] > refused["candidate"]["high"]
    assert_only_version_answers(case, "2")


def refusals(status: Manifest) -> Manifest:
    """Return what status shows of the user's own metric."""
    metrics: list[Manifest] = status["rollout"]["analysis"]["metrics"]
    return next(metric for metric in metrics if metric["name"] == "refused")


@pytest.mark.long
def test_shadow_is_seen_by_nobody_and_then_promoted(case: Case) -> None:
    rollout = judged(strategy="Shadow", steps=[{"weight": 50, "hold": "10s"}, {"weight": 100}])
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        status = wait_until_paused(served, "AwaitingPromotion")
        shadowed = client.tally()
        assert status["candidate"]["weight"] == 0
        assert status["rollout"]["mirror"] == 100
        errors = next(metric for metric in status["rollout"]["analysis"]["metrics"] if metric["name"] == "errors")
        assert errors["candidate"]["requests"] > 100
        assert errors["candidate"]["bad"] == 0
        assert answered_by_triton(case.cluster, case.namespace, served.revision("candidate")) > 100
        wait_until_kiali_is_content(case, "while the candidate is mirrored to")
        served.promote()
        served.wait_until_ready()
        total = client.stop()
    assert shadowed.by_version() == {"1": shadowed.sent}
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


@pytest.mark.long
def test_shadow_that_fails_is_rolled_back_without_a_client_noticing(case: Case) -> None:
    rollout = judged(strategy="Shadow", steps=[{"weight": 100, "hold": "10s"}])
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(model=case.faulty("fails"), rollout=rollout)
        status = wait_until_rolled_back(served)
        total = client.stop()
    assert status["rollout"]["failed"]["reason"] in ("GuardExceeded", "AnalysisFailed")
    assert total.by_version() == {"1": total.sent}


@pytest.mark.long
def test_copies_come_before_answers_in_one_list_and_a_gate_stands_between(case: Case) -> None:
    steps = [{"mirror": 50, "hold": "5s"}, {"mirror": 100}, {"weight": 20, "hold": "10s"}, {"weight": 50, "hold": "5s"}]
    rollout = judged(steps=steps)
    served = serve_first(case, rollout)
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        status = wait_until_paused(served, "AwaitingPromotion")
        copied = client.tally()
        assert (status["rollout"]["mirror"], status["candidate"]["weight"]) == (100, 0)
        served.promote_to_next_step()
        served.wait_until_split(20)
        served.wait_until_ready()
        total = client.stop()
    assert copied.by_version() == {"1": copied.sent}
    assert journey.weights == [0, 20, 50, 100, 0]
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


def test_direct_replaces_as_soon_as_the_candidate_is_ready(case: Case) -> None:
    rollout = judged(strategy="Direct")
    served = serve_first(case, rollout)
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        served.wait_until_ready()
        total = client.stop()
    assert journey.weights == [0, 100, 0]
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


@pytest.mark.long
def test_without_surge_there_is_never_a_pod_more_and_nothing_is_lost(case: Case) -> None:
    rollout = judged(surge=0, steps=[{"weight": 50, "hold": "10s"}])
    served = serve_first(case, rollout, scaling={"minReplicas": 2})
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(version="2", rollout=rollout, scaling={"minReplicas": 2})
        status = served.wait_until_ready()
        total = client.stop()
    assert status["stable"]["version"].startswith("2-")
    assert status["stable"]["readyReplicas"] == 2
    assert journey.most_pods == 2
    assert total.failed == 0, total.failures()


@pytest.mark.long
def test_without_surge_a_failed_candidate_gives_its_place_back(case: Case) -> None:
    rollout = judged(surge=0, steps=[{"weight": 50, "hold": "10s"}])
    served = serve_first(case, rollout, scaling={"minReplicas": 2})
    with case.traffic() as client:
        client.start(RATE)
        case.apply(model=case.faulty("fails"), rollout=rollout, scaling={"minReplicas": 2})
        wait_until_rolled_back(served)
        status = served.wait_for("stable has both pods again", lambda seen: seen["stable"]["readyReplicas"] == 2)
        client.stop()
    assert condition(status, "Ready")["status"] == "False"
    assert_only_version_answers(case, "1")
