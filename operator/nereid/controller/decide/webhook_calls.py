"""Calls of webhooks, which the shell carries out: an order with all that is sent, and what came of it. Pure values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """POST `body` to `url`, for the webhook of this name of a ModelDeployment (`key`: namespace and name).

    id: that of the question or notification, the same each time it is sent. number: how often it was sent before; it
    makes each further time a new call. timeout: in seconds.
    """

    key: tuple[str, str]
    webhook: str
    url: str
    id: str
    number: int
    body: str
    content_type: str
    timeout: int
