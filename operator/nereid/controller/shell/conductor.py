"""One pass over one ModelDeployment: gather, plan, decide, build, report, apply, report.

It only defines the order of the steps; each of them is a module of its own.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.controller.build.build import Built, build
from nereid.controller.build.model_job import model_job
from nereid.controller.decide.decide import LookUps, Orders, as_routed, decide, decide_on_source, sooner
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import Event
from nereid.controller.observed.facts import Observed
from nereid.controller.observed.model_deployment import Key, ModelDeployment
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.planning import Invalid, Unresolved, plan
from nereid.controller.plan.settings import Settings
from nereid.controller.report.conditions import ReportInput, expected, with_apply_problems
from nereid.controller.report.events import created_events, problem_event
from nereid.controller.report.memory import standing
from nereid.controller.report.status import invalid, report, unresolved
from nereid.controller.shell.applier import Applier
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import NotFound
from nereid.controller.shell.events import Events
from nereid.controller.shell.gather import Gatherer, Stores
from nereid.controller.shell.log_object import set_logged_object
from nereid.controller.shell.outcome import Outcome, problems, retry, retry_of_jobs
from nereid.controller.shell.proofs import Proofs
from nereid.controller.shell.reporter import Reported, Reporter

_AT_ONCE: Final = 0.0
# How long routes that do not read back as they were applied stay without another look.
UNROUTED_SECONDS: Final = 60.0


class Reconciler:
    """Makes the cluster match one ModelDeployment at a time; may be called concurrently for different keys."""

    def __init__(
        self,
        gatherer: Gatherer,
        client: Client,
        stores: Stores,
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        count_event: Callable[[str, str], None],
    ) -> None:
        """`count_event` is called with type and reason of each event, whether or not the API server accepts it."""
        self._gatherer = gatherer
        self._stores = stores
        self._settings = settings
        self._clock = clock
        self._events = Events(client, count_event)
        self._reporter = Reporter(client, stores.model_deployments, self._events)
        self._applier = Applier(client, stores.children, self._events)
        self._proofs = Proofs(client, stores.children, settings.cluster_domain)

    async def __call__(self, key: Key) -> float | None:
        """Work on the ModelDeployment `key` (namespace, name) once.

        Returns the seconds after which to be called again, None when only an event can change anything. Raises
        Conflict if somebody else wrote in between, and Unavailable if the API server did not answer: the pass is then
        to be repeated.
        """
        set_logged_object(key)
        subject = self._stores.model_deployments.get(key)
        if subject is None or subject.deleting:
            self._gatherer.forget(key)
            return None
        try:
            return await self._pass(subject)
        except NotFound:
            if not await self._gatherer.is_deleted(subject):
                raise
            self._forget(subject)
            return None

    async def _pass(self, subject: ModelDeployment) -> float | None:
        situation = await self._gatherer.gather(subject)
        now = self._clock()
        planned = plan(situation, self._settings, now)
        if isinstance(planned, (Invalid, Unresolved)):
            unproven = await self._proofs.renew(subject.owner, situation.activator_key)
            return sooner(unproven, await self._go_on(planned, situation, now))
        orders = decide(planned, situation, now)
        if orders.look_ups.are_needed:
            return await self._look_up(situation, orders.look_ups)
        self._gatherer.measure(orders.measurements)
        self._gatherer.call(subject.key, orders.calls)
        built = build(planned, orders, situation)
        report_input = expected(planned, orders, situation)
        reported = Reported(subject, situation.status)
        if orders.is_news:
            reported = await self._report(reported, report_input, built)
        news = created_events(report_input, orders.before.candidate)
        outcome = await self._applier.apply(planned.owner, orders, built, news)
        observed = await self._gatherer.observe(planned.owner)
        decision = as_routed(orders, observed, now, self._clock())
        report_input = replace(
            report_input, decision=decision, observed=observed, problems=problems(outcome.children), is_applied=True
        )
        report_input = with_apply_problems(replace(report_input, resolution=orders.resolution), problems(outcome.jobs))
        await self._report_outcome(reported, orders, report_input, built)
        outcome.children.raise_failures()
        # The watches do not report our own writes.
        return (
            _AT_ONCE
            if orders.is_news or observed != situation.observed
            else sooner(planned.hosts_after, _wait(situation, orders, outcome, observed))
        )

    async def _go_on(self, planned: Invalid | Unresolved, situation: Situation, now: datetime) -> float | None:
        """Report why there is nothing to plan for, and do what can be done about it; what runs is kept as it is."""
        if isinstance(planned, Unresolved):
            return await self._wait_for_model(planned, situation, now)
        await self._reject(planned, situation, now)
        return None

    async def _reject(self, rejected: Invalid, situation: Situation, now: datetime) -> None:
        """Report why a spec is rejected."""
        generation = situation.subject.generation
        status = invalid(rejected.message, generation, situation.status, now, rejected.reason)
        await self._reporter.write(Reported(situation.subject, situation.status), status)

    async def _wait_for_model(self, unresolved_plan: Unresolved, situation: Situation, now: datetime) -> float | None:
        """Resolve the URI of the first model; until then there is nothing else to do."""
        orders = decide_on_source(unresolved_plan.request, situation, now)
        if orders.look_ups.are_needed:
            return await self._look_up(situation, orders.look_ups)
        owner, resolution = unresolved_plan.source.owner, orders.resolution
        before = standing(situation.status, "SourceJobs")
        reported = Reported(situation.subject, situation.status)
        status = unresolved(replace(resolution, apply_problem=before), owner.generation, reported.status, now)
        reported = await self._reporter.write(reported, status)
        jobs = [model_job(unresolved_plan.source, job) for job in orders.source_jobs]
        applied = await self._applier.apply_source_jobs(owner, jobs)
        apply_problems = problems(applied)
        resolution = replace(resolution, apply_problem=next(iter(apply_problems), None))
        status = unresolved(resolution, owner.generation, reported.status, self._clock())
        await self._reporter.write(reported, status)
        applied.raise_failures()
        return sooner(resolution.requeue_after, retry(apply_problems, before))

    async def _look_up(self, situation: Situation, look_ups: LookUps) -> float | None:
        """Read from the API server, for the next pass, what the watches do not show."""
        if await self._gatherer.look_up(situation, look_ups):
            return _AT_ONCE
        self._forget(situation.subject)
        return None

    def _forget(self, deleted: ModelDeployment) -> None:
        """Forget an object whose deletion the watch missed; its children are deleted with it."""
        self._stores.model_deployments.forget(deleted)
        self._gatherer.forget(deleted.key)

    async def _report(self, reported: Reported, report_input: ReportInput, built: Built) -> Reported:
        status = report(report_input, built.records, built.url, reported.status, self._clock())
        return await self._reporter.write(reported, status)

    async def _report_outcome(
        self, reported: Reported, orders: Orders, report_input: ReportInput, built: Built
    ) -> None:
        """Report the outcome of the orders, unless it is already reported or the pass that follows reports it."""
        problem = problem_event(report_input, reported.status)
        is_as_decided = report_input.decision is orders.decision and not report_input.first_problem
        if not (orders.is_news and is_as_decided):
            await self._report(reported, report_input, built)
        if problem:
            event = Event("Warning", problem.reason, problem.message)
            await self._events.emit(report_input.plan.owner, (event,))


def _wait(situation: Situation, orders: Orders, outcome: Outcome, observed: Observed) -> float | None:
    # Whoever changes the routes on their way to the API server may stop, and no event tells of that.
    unrouted = None if observed.is_routed(routing_of(orders.decision.state)) else UNROUTED_SECONDS
    again = retry(problems(outcome.children), standing(situation.status, "Children"))
    return sooner(orders.requeue_after, again, unrouted, retry_of_jobs(outcome.jobs))
