"""What the recording rules make of Istio's, Triton's and the operator's series."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from tests.support.rules.case import Case, Series, records
from tests.support.rules.series import (
    OTHER,
    REVISION,
    answered,
    answers,
    bucket,
    condition,
    latency_objective,
    objective,
    operator,
    ready,
    requests,
    revision,
    timed,
    triton,
)

from nereid.controller.shell.metrics.outcomes import Outcome, outcome

STABLE = revision("stable")
# One request a second.
STEADY = "0+15x400"

# Nine requests a second of which one is bad; after five minutes, one that is good.
BUSY_AT_FIRST = requests("8x20 1x400") | requests("1x20 0x400", outcome="error")
SLOW_AT_FIRST = latency_objective() | timed("9x20 1x400") | timed("8x20 1x400", le="250")

CASES = [
    records(
        "nereid:revision:info",
        "a revision has the role that was last told of it",
        revision("candidate", "1x8 _x400") | revision("stable", "_x9 1x400"),
        "3m",
        "role",
        stable=1,
    ),
    records(
        "nereid:revision:info",
        "two operators tell of it, as while one takes over",
        {
            f'{name.removesuffix("}")}, pod="{pod}"}}': values
            for pod in "ab"
            for name, values in (revision("stable") | revision("candidate", revision=OTHER)).items()
        },
        "3m",
        "role",
        stable=1,
        candidate=1,
    ),
    records("nereid:revision:info", "the operator is away", revision("stable", "1x4 stale"), "10m", "role", stable=1),
    records("nereid:revision:info", "it is away for long", revision("stable", "1x4 stale"), "11m30s", "role"),
    records("nereid:objective:last", "it is promised", objective(), "1m", "objective", availability=0.995),
    records(
        "nereid:objective:last",
        "the operator is away",
        objective("0.995x4 stale"),
        "10m",
        "objective",
        availability=0.995,
    ),
    records("nereid:objective:last", "the model is gone", objective("0.995x4 stale"), "11m30s", "objective"),
    records(
        "nereid:latency_bound:last",
        "another bound takes over at once",
        operator("nereid_model_deployment_latency_bound", "1x8 stale", bound="250")
        | operator("nereid_model_deployment_latency_bound", "_x8 1x400", bound="500"),
        "3m",
        "le",
        **{"500": 1},
    ),
    records(
        "nereid:latency_bound:last",
        "the operator is away",
        operator("nereid_model_deployment_latency_bound", "1x8 stale", bound="250"),
        "5m",
        "le",
        **{"250": 1},
    ),
    records(
        "nereid:revision_requests:rate1m",
        "callers are summed; the checks are none of them",
        STABLE
        | answers(STEADY)
        | answers(STEADY, source="basket")
        | answers(STEADY, source="digits-checks")
        | answers(STEADY, source="quality-checks"),
        "3m",
        "outcome",
        ok=3,
    ),
    records(
        "nereid:revision_requests:rate1m",
        "each revision has its own",
        STABLE | revision("candidate", revision=OTHER) | answers(STEADY) | answers("0+30x400", revision=OTHER),
        "3m",
        "role",
        stable=1,
        candidate=2,
    ),
    *(
        records(
            "nereid:revision_requests:rate1m",
            f"what another namespace prints about a model, in {namespace or 'no namespace'}, is nobody's request",
            STABLE
            | answers(STEADY)
            | answers("0+750x400", namespace=namespace, response_code="500")
            | answered("0+750x400", "basket", namespace="tenant-a", response_code="500"),
            "3m",
            "outcome",
            ok=1,
        )
        for namespace in ("tenant-a", "unknown", "")
    ),
    records(
        "nereid:revision_requests:rate1m",
        "gateways and the activator are believed, and others count as the pods have answered them, each once",
        STABLE
        | answers(STEADY)
        | answers(STEADY, namespace="istio-ingress")
        | answers(STEADY, namespace="nereid-system")
        | answers(STEADY, namespace="basket", response_code="503")
        | answered(STEADY, "shop")
        | answered(STEADY, "istio-ingress")
        | answered(STEADY, "nereid-system")
        | answered(STEADY, "unknown")
        | answered(STEADY, "basket", destination_service_name="digits")
        | answered(STEADY, "basket", destination_service_name="InboundPassthroughCluster"),
        "3m",
        "outcome",
        ok=5,
    ),
    records("nereid:revision_requests:rate1m", "another's Service", answers(STEADY), "3m", "outcome"),
    records("nereid:requests:rate1m", "all outcomes", STABLE | answers(STEADY), "3m", "name", digits=1),
    records(
        "nereid:errors:rate1m",
        "errors alone",
        STABLE | answers(STEADY) | answers("0+30x400", response_code="503"),
        "3m",
        "name",
        digits=2,
    ),
    records("nereid:errors:rate1m", "none", STABLE | answers(STEADY), "3m", "name", digits=0),
    records(
        "nereid:revision_latency_bucket:rate1m",
        "by bound",
        STABLE | bucket("250", STEADY) | bucket("+Inf", "0+30x400") | bucket("+Inf", STEADY, source="digits-checks"),
        "3m",
        "le",
        **{"250": 1, "+Inf": 2},
    ),
    records("nereid:timed:rate1m", "all", STABLE | bucket("+Inf", "0+30x400"), "3m", "name", digits=2),
    *(
        records(
            "nereid:slow:rate1m",
            f"what is beyond the bound, which is written {written}",
            STABLE | latency_objective(written) | bucket(written, STEADY) | bucket("+Inf", "0+30x400"),
            "3m",
            "name",
            digits=1,
        )
        for written in ("250", "250.0")
    ),
    records(
        "nereid:slow:rate1m",
        "no bucket has that bound",
        STABLE | latency_objective("300") | bucket("250", STEADY) | bucket("+Inf", "0+30x400"),
        "3m",
        "name",
    ),
    records(
        "nereid:revision_queue:ratio_rate1m",
        "of all pods",
        STABLE
        | triton("nv_inference_queue_duration_us", "0+3000x400")
        | triton("nv_inference_queue_duration_us", "0+1000x400", pod="b")
        | triton("nv_inference_compute_infer_duration_us", "0+1000x400")
        | triton("nv_inference_compute_infer_duration_us", "0+1000x400", pod="b"),
        "3m",
        "role",
        stable=2,
    ),
    records(
        "nereid:revision_queue:ratio_rate1m",
        "nothing is computed",
        STABLE
        | triton("nv_inference_queue_duration_us", "7x400")
        | triton("nv_inference_compute_infer_duration_us", "9x400"),
        "3m",
        "role",
    ),
    records(
        "nereid:revision_concurrency:avg1m",
        "seconds of requests per second",
        STABLE | triton("nv_inference_request_duration_us", "0+30000000x400"),
        "3m",
        "role",
        stable=2,
    ),
    records(
        "nereid:revision_pending:sum",
        "a second scrape of the same pods counts nothing",
        STABLE
        | triton("nv_inference_pending_request_count", "3x400")
        | triton("nv_inference_pending_request_count", "4x400", pod="b")
        | triton("nv_inference_pending_request_count", "4x400", pod="b", model_deployment="", job="annotated"),
        "3m",
        "role",
        stable=7,
    ),
    *(
        records(
            f"nereid:{bad}:ratio_rate{window}",
            "a share of the requests; those of a busy minute count for more",
            traffic,
            "10m",
            "name",
            # 21 samples of the busy minutes, and 20 after them; of the short window the last 20.
            digits=0 if window == "5m" else 21 / (9 * 21 + 20),
        )
        for bad, traffic in (("errors", BUSY_AT_FIRST), ("slow", SLOW_AT_FIRST))
        for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
    ),
    records(
        "nereid:errors:ratio_rate5m",
        "nobody asks",
        requests("0x40"),
        "5m",
        "name",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_records(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


def test_each_recording_rule_has_a_case(rules: dict[str, Any]) -> None:
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule}
    assert recorded == {case.rule for case in CASES}


CODES = ("200", "302", "399", "400", "404", "418", "428", "429", "430", "498", "499", "500", "503", "599", "0", "-", "")
FLAGS = ("-", "", "DC", "UH", "UF,URX", "UC,DPE", "DR,UC", "DCX")
STATUSES = ("", "-", *map(str, range(18)))
OUTCOMES = {Outcome.ERROR: "error", Outcome.REJECTION: "rejection", Outcome.OTHER: "ok"}


@pytest.mark.parametrize("code", CODES)
def test_outcomes_are_those_by_which_candidates_are_judged(code: str, check: Callable[[Case], None]) -> None:
    """Each kind of answer goes to a revision of its own, so that no two mistakes make up for each other."""
    series: Series = {}
    expected = []
    for number, (flags, status) in enumerate(product(FLAGS, STATUSES)):
        one = "".join("bcdfghjklm"[int(digit)] for digit in f"{number:08d}")
        labels = {"response_code": code, "response_flags": flags, "grpc_response_status": status}
        series |= revision("stable", "1x12", one) | answers("0+15x12", revision=one, **labels)
        expected.append((f'{{revision="{one}", outcome="{OUTCOMES[outcome(labels)]}"}}', 1))
    query = "sum by (revision, outcome) (nereid:revision_requests:rate1m)"
    check(Case(f"answers with {code}", "nereid:revision_requests:rate1m", series, "2m", query, expected))


def test_what_is_not_about_models_costs_no_rule_anything(check: Callable[[Case], None]) -> None:
    """Without the operator's series the mesh's are not recorded, and nothing fails."""
    series = condition("Available", "True") | ready("1x400") | answers(STEADY, revision=REVISION)
    check(records("nereid:requests:rate1m", "no operator", series, "3m", "name"))
