"""One pass over what was recorded of a cluster, on your own machine: plan, decide, build, and nothing is applied.

`python -m tests.support.recorded FILE` prints what the operator would do with the ModelDeployment in FILE and why: the
state before and after, the pods that each revision gets, events, when it looks again, and every manifest. FILE is what
`kubectl get --output yaml` printed of the object and of its children, as CONTRIBUTING.md says: it stands in for the
watches and for the API server. What a pass asks of others, measurements and crash logs, is not in such a file: it
counts as not there yet. Gateways and other ModelDeployments count as not looked at.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from tests.support.memory_cluster import MemoryApiServer, MemorySampler

from nereid.api import names
from nereid.controller.build.build import Built, build
from nereid.controller.build.metadata import Manifest
from nereid.controller.build.model_job import model_job
from nereid.controller.decide.decide import Orders, SourceOrders, decide, decide_on_source
from nereid.controller.decide.rollout.state import Event, RolloutState
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.plan import Held, Specified
from nereid.controller.plan.planning import Invalid, Unresolved, plan
from nereid.controller.plan.reading import InvalidSpecError
from nereid.controller.plan.settings import Settings
from nereid.controller.report.conditions import expected
from nereid.controller.report.events import created_events
from nereid.controller.shell.cluster.children import Children
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.gather import Gatherer, Stores

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over a recording comes to."""

    plan: Specified | Held
    situation: Situation
    orders: Orders
    built: Built

    @property
    def manifests(self) -> Sequence[Manifest]:
        """What would be applied, in order; a revision of which nothing was recorded has none."""
        return [manifest for wave in (*self.built.waves, self.built.jobs) for manifest in wave]

    @property
    def events(self) -> Sequence[Event]:
        """What would be told of what was decided; what may come of it is not known."""
        report_input = expected(self.plan, self.orders, self.situation)
        return [*self.orders.decision.events, *created_events(report_input, self.orders.before.candidate)]


@dataclass(frozen=True, slots=True)
class SourcePass:
    """What a pass comes to while it is not known where the URI of a first model leads."""

    plan: Unresolved
    orders: SourceOrders

    @property
    def manifests(self) -> Sequence[Manifest]:
        """The Job that would be applied, if it is time to look."""
        return [model_job(self.plan.source, job) for job in self.orders.source_jobs]


def run_pass(recording: Iterable[Object], settings: Settings, now: datetime) -> Pass | SourcePass:
    """Return the pass over a recording at a moment; raises InvalidSpecError where nothing of the spec can be.

    A look-up that the pass orders is answered from the recording, and the pass that follows is the one returned.
    """
    return asyncio.run(_run_pass(_Recording(recording), settings, now))


def objects(text: str) -> Iterator[Object]:
    """Return the objects of YAML documents as kubectl prints them, those of lists one by one."""
    for document in yaml.safe_load_all(text):
        if document and document.get("kind", "").endswith("List"):
            yield from document["items"]
        elif document:
            yield document


def explained(done: Pass | SourcePass) -> Iterator[str]:
    """Return in lines what a pass does, the manifests left out."""
    if isinstance(done, SourcePass):
        yield f"it is not known yet where {done.plan.source.model.uri} leads"
        yield _next_look(done.orders.resolution.requeue_after)
        return
    decision = done.orders.decision
    yield _wanted(done.plan)
    for field in fields(RolloutState):
        old, new = getattr(done.orders.before, field.name), getattr(decision.state, field.name)
        yield f"state.{field.name}: {old}" if old == new else f"state.{field.name}: {old} -> {new}"
    for live in decision.live:
        yield f"pods of {live.revision}: {live.replicas}, {live.exposure}"
    for event in done.events:
        yield f"event: {event.type} {event.reason}: {event.message}"
    yield _next_look(done.orders.requeue_after)


def main() -> None:
    """Print the pass over the file that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.recorded", description="Replay one pass.")
    parser.add_argument("file", type=Path, help="what kubectl printed of a ModelDeployment and its children")
    parser.add_argument("--at", help="when the pass is, such as 2026-11-20T12:00:00Z; by default the file's own time")
    options = parser.parse_args()
    written = datetime.fromtimestamp(options.file.stat().st_mtime, UTC)
    now = datetime.fromisoformat(options.at) if options.at else written
    try:
        done = run_pass(objects(options.file.read_text()), Settings(), now)
    except InvalidSpecError as error:
        sys.exit(f"the spec is not valid: {error}")
    sys.stdout.writelines(f"{line}\n" for line in explained(done))
    sys.stdout.write(yaml.safe_dump_all(done.manifests, sort_keys=False, explicit_start=True, width=120))


class _Recording:
    """The stores and the API server that a recording stands in for, and the gatherer of a pass over them."""

    def __init__(self, recording: Iterable[Object]) -> None:
        server, children, model_deployments = MemoryApiServer(), Children(lambda _: None), ModelDeployments()
        for recorded in recording:
            kind, raw = recorded["kind"], dict(recorded)
            server.objects[kind, raw["metadata"]["name"]] = raw
            if kind == names.KIND:
                model_deployments.put(raw)
            else:
                children.observe(kind, raw)
        self.subject = next(iter(model_deployments.all()))
        self.gatherer = Gatherer(server, Stores(model_deployments, children, None), MemorySampler())


async def _run_pass(recording: _Recording, settings: Settings, now: datetime) -> Pass | SourcePass:
    situation = await recording.gatherer.gather(recording.subject)
    wanted = plan(situation, settings, now)
    if isinstance(wanted, Invalid):
        raise InvalidSpecError(wanted.message)
    if isinstance(wanted, Unresolved):
        source_orders = decide_on_source(wanted.request, situation, now)
        if not source_orders.look_ups.are_needed:
            return SourcePass(wanted, source_orders)
        look_ups = source_orders.look_ups
    else:
        orders = decide(wanted, situation, now)
        if not orders.look_ups.are_needed:
            return Pass(wanted, situation, orders, build(wanted, orders, situation))
        look_ups = orders.look_ups
    await recording.gatherer.look_up(situation, look_ups)
    return await _run_pass(recording, settings, now)


def _wanted(plan: Specified | Held) -> str:
    if isinstance(plan, Specified):
        return f"revision of the spec: {plan.revision}"
    cause = plan.rejection or f"it is not known yet where {plan.source.model.uri} leads"
    return f"revision that goes on in place of the spec's: {plan.revision}, as {cause}"


def _next_look(seconds: float | None) -> str:
    return f"next look in {seconds} s" if seconds else "next look: at an event"


if __name__ == "__main__":
    main()
