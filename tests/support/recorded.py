"""One pass over what was recorded of a cluster, on your own machine: plan, decide, build, and nothing is applied.

`python -m tests.support.recorded FILE` prints what the operator would do with the ModelDeployment in FILE and why: the
state before and after, the pods that each revision gets, events, when it looks again, and every manifest. FILE is what
`kubectl get --output yaml` printed of the object and of its children, as CONTRIBUTING.md says. What a pass asks of
others than the API server, measurements and crash logs, is not in such a file: it counts as not there yet.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from nereid.api import names
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.build.manifests import manifests
from nereid.controller.build.revision import new_record
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.observed.facts import Observed, observe
from nereid.controller.plan.plan import InvalidSpecError, Plan, plan
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster.children import Child, child_of

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over a recording comes to."""

    plan: Plan
    before: RolloutState
    observed: Observed
    decision: Decision

    @property
    def manifests(self) -> list[Object]:
        """What would be applied, in order; a revision of which nothing was recorded has none."""
        records = {live.revision: self.observed.of(live.revision).record for live in self.decision.live}
        if self.plan.revision in records:
            records[self.plan.revision] = records[self.plan.revision] or new_record(self.plan)
        recorded = {revision: record for revision, record in records.items() if record}
        live = [revision for revision in self.decision.live if revision.revision in recorded]
        waves = manifests(self.plan, live, recorded, self.decision.check_run)
        return [manifest for wave in waves for manifest in wave]


def run_pass(recording: Iterable[Object], settings: Settings, now: datetime) -> Pass:
    """Return the pass over a recording at a moment; raises InvalidSpecError where the spec is not valid."""
    recorded = list(recording)
    subject = next(thing for thing in recorded if thing["kind"] == names.KIND)
    wanted = plan(subject["metadata"], subject["spec"], settings)
    children = [child_of(thing["kind"], thing) for thing in recorded if thing["kind"] != names.KIND]
    observed = observe([(child.revision, child.facts) for child in children if _belongs(child, wanted)])
    state = RolloutState.from_status(ModelDeploymentStatus.model_validate(subject.get("status") or {}))
    return Pass(wanted, state, observed, decide(wanted, observed, state, now))


def objects(text: str) -> Iterator[Object]:
    """Return the objects of YAML documents as kubectl prints them, those of lists one by one."""
    for document in yaml.safe_load_all(text):
        if document and document.get("kind", "").endswith("List"):
            yield from document["items"]
        elif document:
            yield document


def explained(done: Pass) -> Iterator[str]:
    """Return in lines what a pass does, the manifests left out."""
    yield f"revision of the spec: {done.plan.revision}"
    for field in fields(RolloutState):
        old, new = getattr(done.before, field.name), getattr(done.decision.state, field.name)
        yield f"state.{field.name}: {old}" if old == new else f"state.{field.name}: {old} -> {new}"
    for live in done.decision.live:
        yield f"pods of {live.revision}: {live.replicas}, {live.exposure}"
    for event in done.decision.events:
        yield f"event: {event.type} {event.reason}: {event.message}"
    yield f"next look in {done.decision.requeue_after} s" if done.decision.requeue_after else "next look: at an event"


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


def _belongs(child: Child, wanted: Plan) -> bool:
    return child.kind == "Pod" or child.belongs_to(wanted.owner)


if __name__ == "__main__":
    main()
