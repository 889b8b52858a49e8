"""Rollouts with webhooks, pass by pass: each from what the one before has left in status."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, get_args

from tests.support.scenario import NOW, Scenario

from nereid.api.status import ModelDeploymentStatus
from nereid.api.webhooks import WebhookEvent
from nereid.controller.decide.rollout import calling, notifications
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.webhook_answers import WebhookAnswer
from nereid.controller.plan.webhooks import WebhookPlan
from nereid.controller.report.conditions import ReportInput
from nereid.controller.report.status import report, to_json

YES = WebhookAnswer(approved=True)
NOT_YET = WebhookAnswer(message="the board meets at noon")
REFUSED = WebhookAnswer(refused=True, message="freeze")
DOWN = WebhookAnswer(failure="board.example.com did not answer within 10 s")
TAKEN = WebhookAnswer(approved=True)


def approval(name: str = "board", when: Any = "BeforeTraffic", **more: Any) -> WebhookPlan:
    return _webhook(name, when=when, **more)


def notification(name: str = "chat", *events: WebhookEvent, **more: Any) -> WebhookPlan:
    return _webhook(name, events=events or get_args(WebhookEvent), **more)


def _webhook(name: str, **fields: Any) -> WebhookPlan:
    usual: dict[str, Any] = {"when": None, "interval": 30, "events": (), "format": "CloudEvents", "timeout": 10}
    return WebhookPlan(name=name, url=f"https://{name}.example.com/nereid", **{**usual, **fields})


@dataclass(frozen=True)
class Walk:
    """A scenario on its way: what the last pass decided, and when it was."""

    scenario: Scenario
    now: datetime = NOW
    decision: Any = None

    @property
    def state(self) -> RolloutState:
        return self.scenario.state

    @property
    def calls(self) -> tuple[WebhookCall, ...]:
        """The calls that are due."""
        return calling.wanted_calls(self.scenario.plan, self.state, self.now)

    @property
    def next_call(self) -> float | None:
        return calling.next_call(self.scenario.plan, self.state, self.now)

    @property
    def status(self) -> ModelDeploymentStatus:
        """What was written last."""
        decision = self.decision or self.scenario.decide(self.now)
        return _status(self.scenario, decision, self.now)

    def condition(self, kind: str) -> Any:
        """Return reason and message of a condition; None if it is not there."""
        return next(((one.reason, one.message) for one in self.status.conditions if one.type == kind), None)

    def go(self, answers: Mapping[str, WebhookAnswer] | None = None) -> "Walk":
        """Make a pass, with the answers of these webhooks to the calls that are due."""
        plan = self.scenario.plan
        given = {call: (answers or {})[call.webhook] for call in self.calls if call.webhook in (answers or {})}
        known = calling.answered(plan, self.state, given, self.now)
        asked = replace(self.scenario, state=known)
        decision = notifications.with_news(plan, known, asked.decide(self.now), self.now)
        written = json.loads(json.dumps(to_json(_status(asked, decision, self.now))))
        state = RolloutState.from_status(ModelDeploymentStatus.model_validate(written))
        return Walk(replace(self.scenario, state=state), self.now, replace(decision, state=state))

    def rest(self, answers: Mapping[str, WebhookAnswer] | None = None) -> "Walk":
        """Make passes until nothing more happens at this moment."""
        following = self.go(answers)
        return self if following.state == self.state else following.rest(answers)

    def later(self, seconds: float) -> "Walk":
        return replace(self, now=self.now + timedelta(seconds=seconds))

    def at(self, scenario: Scenario) -> "Walk":
        """Go on from another state."""
        return replace(self, scenario=scenario)

    def with_(self, scenario: Scenario) -> "Walk":
        """Go on with other facts or wishes, and the same state."""
        return replace(self, scenario=replace(scenario, state=self.state))


def _status(scenario: Scenario, decision: Decision, now: datetime) -> ModelDeploymentStatus:
    report_input = ReportInput(scenario.plan, decision, scenario.observed, (), is_applied=True)
    return report(report_input, {}, "http://digits.example.com", ModelDeploymentStatus(), now)
