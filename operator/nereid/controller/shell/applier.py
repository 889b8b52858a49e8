"""Applies what was ordered and built: children, Jobs that contact the model's source, and events, concurrently."""

import asyncio
from collections.abc import Sequence

from nereid.api.identity import Owner
from nereid.controller.build.build import Built
from nereid.controller.build.metadata import Manifest
from nereid.controller.decide.decide import Orders
from nereid.controller.decide.rollout.state import Event
from nereid.controller.shell.cluster.children import Children
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.converge import Applied, converge, converge_model_jobs
from nereid.controller.shell.events import Events
from nereid.controller.shell.outcome import Outcome


class Applier:
    """Applies what was built for one ModelDeployment at a time."""

    def __init__(self, client: Client, children: Children, events: Events) -> None:
        self._client = client
        self._children = children
        self._events = events

    async def apply(self, owner: Owner, orders: Orders, built: Built, news: Sequence[Event]) -> Outcome:
        """Return the outcome; `news` are events beside those that were ordered."""
        children, jobs, _ = await asyncio.gather(
            converge(
                self._client,
                self._children,
                owner,
                built.waves,
                keep=[served.revision for served in orders.decision.live],
                keep_records=[served.revision for served in orders.decision.state.history],
            ),
            self.apply_source_jobs(owner, built.jobs),
            self._events.emit(owner, (*news, *orders.decision.events)),
        )
        return Outcome(children, jobs)

    async def apply_source_jobs(self, owner: Owner, jobs: Sequence[Manifest]) -> Applied:
        """Create the Jobs that contact the model's source, and delete all others of their kind."""
        return await converge_model_jobs(self._client, self._children, owner, jobs)
