"""Whatever is in status, a pass is made: what cannot have been written by the operator begins anew."""

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.scenario import NOW, Scenario, place, rollout
from tests.support.webhooks import DOWN, NOT_YET, Walk, approval, notification

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.decide.rollout.adoption import known_revisions
from nereid.controller.decide.rollout.consistency import consistent
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.judged_metrics import judged_metrics
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import ACTIVATOR
from nereid.controller.observed.last_status import LONGEST_TEXT, MOST_ITEMS, last_status
from nereid.controller.report.conditions import ReportInput
from nereid.controller.report.status import report, to_json

CANARY = rollout().judged().stable("a").candidate("b", weight=20).analyzing(600)
JUDGED = CANARY.after(((300, 1), (1200, 4))).counted((300, 1), (1200, 4)).retiring("c", 20, looked=(5, 7))
SCENARIOS = [
    JUDGED,
    rollout().stable("a").candidate("b", weight=100, step=2).promoting(3),
    rollout().autoscaled(may_sleep=True).stable("a").sleep("FallingAsleep", 20, looked=(5, 7)),
    rollout().stable("a").failed("b").served("a", "d").pinned("a", "b"),
    rollout().stable("a").candidate("b", step=1).preparing(30).has_passed(step=1),
    Walk(rollout().calling(approval(), notification()).stable("a").candidate("b", ready=4).paused())
    .rest()
    .rest({"board": NOT_YET, "chat": DOWN})
    .scenario,
]
BIGGEST = 1_500_000

NUMBERS = st.sampled_from(
    [-1, 0, 1, 3, 101, 2**31, 2**53 + 1, 2**63, -(2**63), 10**400, 0.5, -1e308, 1e308, float("nan"), float("inf")]
)
TEXTS = st.text(max_size=5) | st.sampled_from(
    ["", "x" * (2 * LONGEST_TEXT), "a", "b", "Pass", "Preparing", "Analyzing", "Promoting", "Idle", "StepPaused", "A_b"]
)
TIMES = st.sampled_from(
    ["2026-11-20T12:00:00Z", "2026-11-20T12:00:00", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00+23:59", "2026-99-99"]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS | TIMES
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
) | st.sampled_from([[{}] * 2000, ["x"] * 2000, {str(number): number for number in range(2000)}])


def written(scenario: Scenario) -> Any:
    """Return what is in status after a pass."""
    return json.loads(json.dumps(to_json(scenario.report())))


def paths(document: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [path for key, item in items for path in ((*above, key), *paths(item, (*above, key)))]


def _has(holder: Any, part: Any) -> bool:
    return part in holder if isinstance(holder, dict) else isinstance(holder, list) and part in range(len(holder))


@st.composite
def forged(draw: st.DrawFn) -> tuple[Scenario, Any]:
    """Draw a rollout, and a status of it in which somebody has put junk in some places."""
    scenario = draw(st.sampled_from(SCENARIOS))
    document = written(scenario)
    for path in draw(st.lists(st.sampled_from(paths(document)), min_size=1, max_size=4, unique=True)):
        junk = copy.deepcopy(draw(JUNK))
        holder: Any = document
        for part in path[:-1]:
            holder = holder[part] if _has(holder, part) else {}
        if isinstance(holder, dict) or _has(holder, path[-1]):
            holder[path[-1]] = junk
    return scenario, document


def passes(scenario: Scenario, document: object) -> Mapping[str, Any]:
    """Make some passes from a stored status, each from what the one before has written; return the last status."""
    for _ in range(2):
        read, unreadable = last_status(document)
        state = RolloutState.from_status(read, unreadable)
        # Of revisions that are only in status, the API server has nothing: the operator has looked it up.
        made_up = known_revisions(consistent(state)) - scenario.observed.revisions.keys() - {None}
        observed = replace(scenario.observed, gone=frozenset(one for one in made_up if one))
        decision = decide(scenario.plan, observed, state, NOW)
        weights = dict(routing_of(decision.state).weights)
        assert sum(weights.values()) == 100
        assert weights.keys() <= {*observed.revisions, scenario.plan.revision, ACTIVATOR}, "a route to nowhere"
        told = report(ReportInput(scenario.plan, decision, observed, ()), {}, "http://digits", read, NOW)
        text = json.dumps(to_json(told), allow_nan=False)
        assert len(text) < BIGGEST
        document = json.loads(text)
    return dict(document)  # type: ignore[call-overload]


@settings(max_examples=150)
@given(forged())
def test_a_pass_is_made_from_a_forged_status(case: tuple[Scenario, Any]) -> None:
    scenario, document = case
    after = passes(scenario, document)
    assert last_status(after)[1] == ()


@settings(max_examples=50)
@given(JUNK | st.fixed_dictionaries({"rollout": JUNK, "stable": JUNK, "candidate": JUNK, "history": JUNK}))
def test_a_pass_is_made_from_any_json_at_all(document: object) -> None:
    for scenario in SCENARIOS[:2]:
        passes(scenario, document)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_the_operator_writes_is_read_back_whole(scenario: Scenario) -> None:
    document = written(scenario)
    assert last_status(document) == (ModelDeploymentStatus.model_validate(document), ())


@settings(max_examples=50)
@given(JUNK)
def test_what_is_read_is_bounded(junk: object) -> None:
    status, _ = last_status({"history": [{"revision": "a", "version": "1", "modelUri": junk}] * 5000})
    assert len(status.history) <= MOST_ITEMS


@pytest.mark.parametrize(
    "process",
    [
        {"intervals": 0, "log_sums": [0.0] * 6},
        {"intervals": -3, "log_sums": [0.0] * 6},
        {"intervals": 3, "log_sums": ["x"] * 6},
        {"intervals": 3, "log_sums": [1e308] * 6},
        {"intervals": 3, "log_sums": [float("nan")] * 6},
        {"intervals": "x", "log_sums": []},
        {"intervals": 0, "log_sums": [], "log_start": 5.0},
        {"intervals": 3, "log_sums": [0.0] * 6, "log_start": float("nan")},
        {"intervals": 3, "log_sums": [0.0] * 6, "log_start": "x"},
    ],
)
def test_evidence_with_impossible_values_begins_anew_and_that_is_told_once(process: Mapping[str, Any]) -> None:
    document = written(JUDGED)
    metric = next(metric for metric in document["rollout"]["analysis"]["metrics"] if metric["name"] == "errors")
    metric["evidence"]["failing"] = process
    state = RolloutState.from_status(*last_status(document))
    told = decide(JUDGED.plan, JUDGED.observed, state, NOW)
    assert [event.reason for event in told.events] == ["StatusNotReadable"]
    assert "rollout.analysis.metrics.errors.evidence" in told.events[0].message
    assert place(told) == ("Analyzing", 0, 20)
    assert told.state.analysis is not None
    assert told.state.analysis.evidence["errors"] == Evidence(
        judged_metrics(JUDGED.plan.rollout.analysis)["errors"].margins
    )
    assert told.state.analysis.evidence["rejections"].candidate.requests == 600
    assert decide(JUDGED.plan, JUDGED.observed, told.state, NOW).events == ()
