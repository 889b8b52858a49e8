"""Writes status: only if it differs, and only to the version of the object that it was computed from."""

from dataclasses import dataclass

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.observed.model_deployment import ModelDeployment
from nereid.controller.report.events import condition_events
from nereid.controller.report.status import to_json
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.cluster.resources import MODEL_DEPLOYMENT
from nereid.controller.shell.events import Events


@dataclass(frozen=True, slots=True)
class Reported:
    """A ModelDeployment as it was last read or written, and its status."""

    subject: ModelDeployment
    status: ModelDeploymentStatus


class Reporter:
    """Writes the status of ModelDeployments, and emits the events of its conditions about source and traffic."""

    def __init__(self, client: Client, model_deployments: ModelDeployments, events: Events) -> None:
        self._client = client
        self._model_deployments = model_deployments
        self._events = events

    async def write(self, before: Reported, status: ModelDeploymentStatus) -> Reported:
        """Return the ModelDeployment with a status, which is sent if it differs.

        Raises Conflict if somebody else has written to the object since `before`.
        """
        subject, content = before.subject, to_json(status)
        if content != subject.status:
            raw = await self._client.apply_status(
                MODEL_DEPLOYMENT, subject.namespace, subject.name, content, subject.resource_version
            )
            self._model_deployments.put(raw)
            subject = ModelDeployment.from_raw(raw)
        await self._events.emit(subject.owner, condition_events(before.status, status))
        return Reported(subject, status)
