"""`spec.rollout.webhooks`: whom the operator asks for approval, and whom it tells what a rollout does."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import SET, ApiModel, DnsLabel, Duration, matching, rule, rules

WebhookType = Literal["Approval", "Notification"]
ApprovalTime = Literal["BeforeTraffic", "EachStep", "BeforePromotion"]
WebhookEvent = Literal["Started", "WeightChanged", "Paused", "RolledBack", "Completed"]
WebhookFormat = Literal["CloudEvents", "Slack"]

# A host, perhaps a port, and a path: nothing in it can be read as another host.
_URL: Final = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?][!-\x22$-~]*)?$"


class Webhook(ApiModel):
    """An HTTP endpoint that the operator calls: for an approval that the rollout waits for, or to notify it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.type == 'Approval' || (!has(self.when) && !has(self.interval))",
                "when and interval are of an approval: remove them, or set type: Approval",
            ),
            rule(
                "self.type == 'Notification' || (!has(self.events) && !has(self.format))",
                "events and format are of a notification: remove them, or set type: Notification",
            ),
            rule(
                "!has(self.interval) || (duration(self.interval) >= duration('5s') && "
                "duration(self.interval) <= duration('1h'))",
                "the interval of an approval must be between 5s and 1h",
            ),
        )
    )

    name: DnsLabel = Field(description="Name of the webhook, by which status and messages refer to it.")
    url: Annotated[
        str,
        Field(
            min_length=8,
            max_length=1024,
            json_schema_extra=matching(
                _URL, "must be an http or https URL without user, password and fragment, for instance https://a.b/c"
            ),
        ),
    ] = Field(
        description=(
            "URL that is called with POST. The operator's chart must allow its host (webhooks.allowedHosts). Whoever "
            "may read the ModelDeployment can read it."
        )
    )
    type: WebhookType = Field(
        description=(
            "Approval: the rollout waits until the endpoint approves. Notification: the endpoint is told, and the "
            "rollout never waits for it."
        )
    )
    when: ApprovalTime | None = Field(
        default=None,
        description=(
            "When an approval is asked for, once pods are ready and checks have passed: BeforeTraffic, that is, before "
            "the candidate gets any; EachStep, before it gets more traffic, the last move included; or "
            "BeforePromotion, before it gets all traffic. Default: BeforeTraffic."
        ),
    )
    interval: Duration | None = Field(
        default=None,
        description="How long after an answer that does not approve it is asked again. Default: 30s.",
    )
    events: Annotated[list[WebhookEvent], Field(min_length=1, max_length=5, json_schema_extra=SET)] | None = Field(
        default=None, description="Of what a notification tells. Default: everything."
    )
    format: WebhookFormat | None = Field(
        default=None,
        description=(
            'Body of a notification. CloudEvents: a CloudEvent 1.0 in JSON. Slack: {"text": …}, which the incoming '
            "webhooks of Slack take, and others that are compatible with them. Default: CloudEvents."
        ),
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=30)] | None = Field(
        default=None, description="How long the endpoint may take to answer. Default: 10."
    )
