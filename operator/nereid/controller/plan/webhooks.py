"""What a spec's webhooks mean, and which of them may be called at all. Pure.

The operator calls them with its own place in the network, so only hosts that the installer has named are called. A URL
that may not be called rejects no spec: what runs goes on, and a condition says what to change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from yarl import URL

from nereid.api.schema import seconds
from nereid.api.webhooks import ApprovalTime, Webhook, WebhookEvent, WebhookFormat
from nereid.controller.plan.settings import Settings

DEFAULT_INTERVAL: Final = "30s"
DEFAULT_TIMEOUT: Final = 10
_VALUE: Final = "webhooks.allowedHosts of its chart"
_ALL_EVENTS: Final[tuple[WebhookEvent, ...]] = get_args(WebhookEvent)


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """A webhook with its defaults resolved; times in seconds.

    when: None for a notification. events: empty for an approval. refusal: why it must not be called, in a sentence for
    the user; None if it may be.
    """

    name: str
    url: str
    when: ApprovalTime | None
    interval: int
    events: tuple[WebhookEvent, ...]
    format: WebhookFormat
    timeout: int
    refusal: str | None = None


def webhook_plans(webhooks: Sequence[Webhook], settings: Settings) -> tuple[WebhookPlan, ...]:
    """Return the webhooks of a spec."""
    return tuple(_webhook_plan(webhook, settings) for webhook in webhooks)


def _webhook_plan(webhook: Webhook, settings: Settings) -> WebhookPlan:
    is_approval = webhook.type == "Approval"
    return WebhookPlan(
        name=webhook.name,
        url=webhook.url,
        when=(webhook.when or "BeforeTraffic") if is_approval else None,
        interval=seconds(webhook.interval or DEFAULT_INTERVAL),
        events=() if is_approval else tuple(webhook.events or _ALL_EVENTS),
        format=webhook.format or "CloudEvents",
        timeout=webhook.timeout_seconds or DEFAULT_TIMEOUT,
        refusal=why_not_called(webhook.url, settings.allowed_webhook_hosts),
    )


def why_not_called(address: str, allowed: Sequence[str]) -> str | None:
    """Return why a URL must not be called; None if it may be.

    `allowed` names hosts, as `a.example.com`, `*.example.com` for all below it, or either with a port. Without a port,
    only those of http and https are meant.
    """
    try:
        url = URL(address)
        host, port = (url.host or "").lower(), url.port
    except ValueError as error:
        return f"{address} is no URL: {error}"
    if url.scheme not in {"http", "https"} or not host or url.user is not None or url.password is not None:
        return f"{address} is no http or https URL without user and password"
    if any(_allows(entry.lower(), host, port, is_default=url.is_default_port()) for entry in allowed):
        return None
    place = host if url.is_default_port() else f"{host}:{port}"
    if not allowed:
        return f"webhooks are switched off on this operator: to allow {place}, add it to {_VALUE}"
    return f"{place} is not among the hosts that this operator may call: add it to {_VALUE}"


def _allows(entry: str, host: str, port: int | None, *, is_default: bool) -> bool:
    name, _, number = entry.partition(":")
    if number != str(port) if number else not is_default:
        return False
    return host.endswith(name[1:]) and host != name[2:] if name.startswith("*.") else host == name
