"""Which webhooks may be called: those of hosts that the installer has named, and no URL that reads otherwise."""

from typing import Any

import pytest
from tests.support.scenario import plan_of

from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.settings import Settings
from nereid.controller.plan.webhooks import WebhookPlan, why_not_called

ALLOWED = ("approvals.example.com", "*.hooks.example.com", "local.example.com:8080")


@pytest.mark.parametrize(
    "url",
    [
        "https://approvals.example.com",
        "http://approvals.example.com/a?b=c",
        "https://APPROVALS.example.com/",
        "https://a.hooks.example.com/x",
        "https://b.a.hooks.example.com",
        "http://local.example.com:8080/x",
    ],
)
def test_allowed(url: str) -> None:
    assert why_not_called(url, ALLOWED) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://hooks.example.com",
        "https://xhooks.example.com",
        "https://approvals.example.com.evil.org",
        "https://approvals.example.com:8443",
        "https://approvals.example.com:8080",
        "http://local.example.com",
        "http://169.254.169.254/latest/meta-data",
        "https://approvals.example.com@evil.org/",
        "https://me:secret@approvals.example.com/",
        "https://evil.org/?approvals.example.com",
        "https://evil.org#approvals.example.com",
        "ftp://approvals.example.com",
        "https://",
        "approvals.example.com",
        "https://[",
    ],
)
def test_not_allowed(url: str) -> None:
    assert why_not_called(url, ALLOWED)


def test_without_a_list_they_are_off_and_the_sentence_says_what_to_set() -> None:
    assert why_not_called("https://a.b:8443/x", ()) == (
        "webhooks are switched off on this operator: to allow a.b:8443, add it to webhooks.allowedHosts of its chart"
    )


def test_a_webhook_that_may_not_be_called_rejects_no_spec() -> None:
    webhooks = [{"name": "board", "url": "https://a.b/", "type": "Approval"}]
    plan = plan_of({"model": {"uri": "pvc://m/m.onnx"}, "rollout": {"webhooks": webhooks}})
    assert plan.rollout.webhooks[0].refusal


def test_defaults() -> None:
    webhooks = [
        {"name": "board", "url": "https://a.b/", "type": "Approval"},
        {"name": "chat", "url": "https://a.b/", "type": "Notification", "format": "Slack", "timeoutSeconds": 3},
    ]
    spec = {"model": {"uri": "pvc://m/m.onnx"}, "rollout": {"webhooks": webhooks}}
    metadata = {"namespace": "models", "name": "digits", "uid": "1"}
    planned = read_plan(metadata, spec, Settings(webhook_hosts="c.d, a.b")).rollout.webhooks
    everything: Any = ("Started", "WeightChanged", "Paused", "RolledBack", "Completed")
    assert planned == (
        WebhookPlan("board", "https://a.b/", "BeforeTraffic", 30, (), "CloudEvents", 10),
        WebhookPlan("chat", "https://a.b/", None, 30, everything, "Slack", 3),
    )
