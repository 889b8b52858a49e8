"""What must hold from one pass to the next, whatever happened between: the rules of docs/rollouts.md.

A Ledger remembers what a single state does not tell: when routes led where, what was looked at, what has failed.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support.property.rollout_specs import is_without_data

from nereid.api.rollout_stage import Stage
from nereid.api.status import SleepPhase
from nereid.controller.decide.orders import exposure_id
from nereid.controller.decide.rollout.capacity import exposure_at
from nereid.controller.decide.rollout.draining import LONGEST_SECONDS, QUIET_SECONDS, draining, stable_falling_asleep
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import Decision, Retiring, RolloutState
from nereid.controller.decide.rollout.timing import LATE_SECONDS
from nereid.controller.observed.facts import ACTIVATOR, Observed
from nereid.controller.observed.sample import Activity, Sample, SampleFailure
from nereid.controller.plan.plan import Command, Held, Plan, Step
from nereid.controller.plan.windows import is_open

JUDGED = {"AnalysisFailed", "GuardExceeded", "QueryFailed"}


@dataclass(frozen=True)
class Pass:
    """One pass of the operator: what it saw, from which state it came, and what it decided."""

    plan: Plan
    observed: Observed
    before: RolloutState
    decision: Decision
    now: datetime
    is_routed: bool

    @property
    def after(self) -> RolloutState:
        return self.decision.state

    @property
    def wanted(self) -> str:
        """The revision that is wanted in truth: a rollback by hand holds for as long as the spec asks for the same."""
        pinned = self.before.pinned
        return pinned.revision if pinned and pinned.instead_of == self.plan.revision else self.plan.revision

    @property
    def is_command(self) -> bool:
        """Whether the pass did no more than to note a rollback by hand, or its end."""
        return self.before.pinned != self.after.pinned or self.before.rollbacks != self.after.rollbacks

    @property
    def sleep(self) -> tuple[SleepPhase | None, SleepPhase | None]:
        """Whether stable slept before the pass, and after."""
        before, after = self.before.sleep, self.after.sleep
        return before.state if before else None, after.state if after else None

    @property
    def pods(self) -> dict[str, int]:
        """The pods that each revision has at least: all that it has, where nothing scales it."""
        return {one.revision: one.replicas for one in self.decision.live}

    def ready(self, revision: str | None) -> int:
        return self.observed.of(revision).available

    def is_commanded(self, command: Command | None) -> bool:
        """Whether a command means the candidate, as it was before, at this attempt."""
        return command == Command(self.before.candidate or "", self.before.attempt)


@dataclass
class Ledger:
    """Checks passes one after another. Times are by the clock of the passes, which may be set back."""

    pods: dict[str, int] = field(default_factory=dict)
    # Revisions that routes may lead to, and when they last did.
    routes: set[str] = field(default_factory=set)
    led: dict[str, datetime] = field(default_factory=dict)
    retired: dict[str, datetime] = field(default_factory=dict)
    looks: dict[str, list[tuple[datetime, Activity]]] = field(default_factory=dict)
    condemned: Command | None = None
    raised: datetime | None = None
    # How many later passes have seen the routes as decided.
    seen: int = 0
    woken: datetime | None = None

    def set_back(self, by: timedelta) -> None:
        """What happened so long ago did so whatever the clock says now."""
        self.led = {revision: moment - by for revision, moment in self.led.items()}
        self.retired = {revision: moment - by for revision, moment in self.retired.items()}
        self.looks = {one: [(moment - by, seen) for moment, seen in looks] for one, looks in self.looks.items()}
        self.raised = self.raised and self.raised - by
        self.woken = self.woken and self.woken - by

    def check(self, one: Pass) -> None:
        check_roles(one)
        check_commands(one)
        check_failures(one)
        check_progress(one)
        check_capacity(one)
        check_return(one)
        check_checks(one)
        self._check_promotion(one)
        self._check_stable(one)
        self._check_drained(one)
        self._check_condemned(one)
        self._check_sleep(one)

    def learn(self, one: Pass, *, applied: bool) -> None:
        """Remember a pass whose routes were applied, or not."""
        if one.after.exposure.order > one.before.exposure.order or one.before.candidate != one.after.candidate:
            self.raised, self.seen = one.now, 0
        self.seen += one.is_routed and self.raised is not None and one.now > self.raised
        self.led |= dict.fromkeys(self.routes, one.now)
        if applied:
            self.routes = {revision for shares in _shares(one.after) for revision in shares}
        draining = _draining(one.after)
        self.retired = {revision: self.retired.get(revision, one.now) for revision in draining}
        self.looks = {revision: self._looks(one, revision) for revision in draining}
        self.woken = (self.woken or one.now) if one.sleep[1] == "Waking" else None
        self.pods = one.pods
        if one.after.failed and one.after.failed != one.before.failed:
            self.condemned = Command(one.after.failed.revision, one.after.failed.attempt)
        elif one.after.failed is None:
            self.condemned = None

    def _looks(self, one: Pass, revision: str) -> list[tuple[datetime, Activity]]:
        if not one.is_routed or revision not in _draining(one.before):
            return []
        seen = one.observed.activity.get(revision)
        return [*self.looks.get(revision, []), *([(one.now, seen)] if seen else [])]

    def _check_promotion(self, one: Pass) -> None:
        if one.before.stable in {None, one.after.stable}:
            return
        assert one.before.weight == 100
        assert one.is_routed, "stable before the routes lead there"
        assert self.raised is not None
        kept = (one.now - self.raised).total_seconds()
        assert kept >= one.plan.rollout.propagation, "stable before the proxies know"
        in_time = kept <= one.plan.rollout.propagation + LATE_SECONDS + 1
        assert in_time or self.seen >= 1 or not one.plan.rollout.propagation, "stable because the clock jumped"
        places = max(one.plan.replicas, one.before.floor)
        needed = places if one.plan.rollout.surge else max(1, places - 1)
        assert one.ready(one.after.stable) >= needed, "stable without the pods for everything"

    def _check_stable(self, one: Pass) -> None:
        """While a rollout runs, stable keeps its pods; without surge it keeps one that may take everything back."""
        stable, rollout = one.after.stable, one.plan.rollout
        if stable is None or one.sleep[1] == "Asleep":
            return
        if rollout.surge:
            assert one.pods[stable] >= one.plan.replicas, "stable has fewer pods than the spec asks for"
        elif not (rollout.allow_downtime and one.after.candidate):
            assert one.pods[stable] >= 1, "stable loses its last pod, and nobody allowed it"
        if not rollout.surge and one.after.candidate and one.pods[stable]:
            self._check_share(one, stable)
        if one.pods[stable] == 0:
            assert max(one.plan.replicas, one.after.floor) == 1, "stable loses all its pods, and could keep one"
            assert one.after.weight in {0, 100}, "requests go where no pod is"
        runs = one.before.candidate and (one.after.candidate or one.after.phase == "RollingBack")
        if runs and one.before.stable == stable and rollout.surge:
            assert one.pods[stable] >= self.pods.get(stable, 0), "stable shrinks in the middle of a rollout"

    def _check_share(self, one: Pass, stable: str) -> None:
        """Without surge, stable gives up one place of its share at most; what it lacks beyond, others are to leave."""
        places = max(one.plan.replicas, one.after.floor)
        draining = sum(kept.replicas for kept in one.after.retiring)
        share = math.ceil(places * (100 - one.after.weight) / 100)
        bound = min(share - 1, places - draining)
        had = one.observed.of(stable).deployment
        # Its scaler may not have given it yet what it is to have at least.
        had_pods = min(self.pods.get(stable, bound), had.replicas if had else bound)
        assert one.pods[stable] >= min(bound, had_pods), "stable gives up too many places"

    def _check_drained(self, one: Pass) -> None:
        after = one.after
        had_traffic = {one.before.stable, one.before.candidate} - {None}
        assert had_traffic <= one.pods.keys(), "a revision that had traffic loses its pods without draining"
        for kept in one.before.retiring:
            revision = kept.revision
            if revision in {after.stable, after.candidate}:
                self._check_kept(one, kept)
            elif revision == one.before.candidate:
                if one.pods[revision] < kept.replicas:
                    assert not one.before.exposure.has_traffic, "a candidate loses pods as it is rolled back"
                    self._check_gone(one, revision)
            elif revision in one.pods:
                if one.pods[revision] < kept.replicas:
                    self._check_kept_for_log(one, kept)
                else:
                    assert one.pods[revision] == kept.replicas
                assert kept.replicas == self.pods[revision], "the pods of what drains change"
            else:
                self._check_gone(one, revision)

    def _check_kept(self, one: Pass, kept: Retiring) -> None:
        """What drains, and is asked for again, keeps its pods until nothing comes to them, or its share needs them."""
        if one.pods[kept.revision] < kept.replicas:
            assert kept.revision == one.after.candidate
            assert not one.before.exposure.has_traffic, "the pods of a candidate become fewer"
            self._check_gone(one, kept.revision)

    def _check_kept_for_log(self, one: Pass, kept: Retiring) -> None:
        """Of a revision that failed, and has drained, one pod stays: where there is room, and for so long."""
        rollout = one.plan.rollout
        assert one.pods[kept.revision] == 1, "more pods than one are kept for a log"
        assert kept.log_kept_from is not None, "a pod is kept of what did not fail"
        assert rollout.surge, "a pod is kept for its log where its place is needed"
        assert one.now < kept.log_kept_from + timedelta(seconds=rollout.keep_failed_pod), "it is kept for too long"
        self._check_gone(one, kept.revision)

    def _check_gone(self, one: Pass, revision: str) -> None:
        away = self._check_away(one, revision)
        self._check_quiet(one, revision, has_streams=away >= _least(one) + LONGEST_SECONDS)

    def _check_away(self, one: Pass, revision: str) -> float:
        """Check that the routes have led elsewhere for long enough; return for how long they have."""
        assert one.is_routed, "pods go while the routes may still lead to them"
        away = max(self.retired[revision], self.led.get(revision, self.retired[revision]))
        kept = (one.now - away).total_seconds()
        assert kept > _least(one) - 1, f"{revision} is gone {kept} s after its traffic: times are whole seconds"
        return kept

    def _check_quiet(self, one: Pass, revision: str, *, has_streams: bool = False) -> None:
        seen = one.observed.activity.get(revision)
        assert seen is not None, f"{revision} is gone, and nobody looked"
        if seen.requests is None:
            return
        assert self.looks[revision], f"{revision} is gone at the first look"
        moment, earlier = self.looks[revision][-1]
        assert (one.now - moment).total_seconds() >= QUIET_SECONDS - 1, "two looks at once are one"
        assert earlier.requests == seen.requests, "pods go while requests come"
        assert not seen.in_flight or has_streams, "pods go while requests are in flight"

    def _check_sleep(self, one: Pass) -> None:
        """Its pods go when nobody reaches them any more; requests go there again when there is one."""
        if one.sleep == ("FallingAsleep", "Asleep"):
            assert one.after.stable is not None
            self._check_away(one, one.after.stable)
            self._check_quiet(one, one.after.stable)
            could_look = one.observed.activity[one.after.stable].requests is not None
            assert could_look or not one.observed.of(one.after.stable).pods, "it sleeps, and nobody could look"
        elif one.sleep == ("Waking", "Awake") and not _has_pod(one, one.after.stable):
            assert self.woken is not None
            waited = (one.now - self.woken).total_seconds()
            assert waited >= one.plan.rollout.progress_deadline, "requests go where no pod is"

    def _check_condemned(self, one: Pass) -> None:
        condemned = self.condemned
        if condemned is None or one.is_command or one.after.candidate != condemned.revision:
            return
        if one.after.stable is None:
            begins_anew = one.after.attempt > condemned.attempt
            assert begins_anew or not one.after.exposure.has_traffic or one.is_commanded(one.plan.rollout.promote)
            return
        if one.before.candidate == condemned.revision:
            assert one.after.phase == "RollingBack"
            return
        if one.before.failed and one.wanted == condemned.revision:
            assert one.plan.rollout.retry == condemned, "a failed revision is tried again, and nobody asked for it"
            assert one.after.attempt > condemned.attempt


def _least(one: Pass) -> float:
    return one.plan.rollout.propagation + one.plan.rollout.drain


def _has_pod(one: Pass, revision: str | None) -> bool:
    """Whether a revision has a pod that its scaler has not just taken."""
    deployment = one.observed.of(revision).deployment
    return deployment is not None and deployment.replicas > 0 and deployment.available > 0


def _draining(state: RolloutState) -> set[str]:
    """Return the revisions that must be quiet before their pods go."""
    return {kept.revision for kept in (*draining(state), *stable_falling_asleep(state))}


def _shares(state: RolloutState) -> list[dict[str, int]]:
    routing = routing_of(state)
    return [dict(shares) for shares in (routing.weights, routing.mirror, routing.matched)]


def check_roles(one: Pass) -> None:
    live, after = one.decision.live, one.after
    unrouted = after.stable is None and not after.exposure.has_traffic
    assert sum(revision.weight for revision in live) == (0 if unrouted else 100)
    assert all(revision.weight >= 0 and revision.replicas >= 0 for revision in live)
    assert {revision.revision for revision in live if revision.exposure.has_traffic} <= {after.stable, after.candidate}
    assert len({revision.revision for revision in live}) == len(live)
    assert live[0].revision == (after.stable or after.candidate)
    assert not after.exposure.has_traffic or after.candidate
    if after.candidate is None or after.candidate != one.before.candidate:
        assert after.stable is None or not after.exposure.has_traffic, "a new candidate begins with traffic"
    if one.before.stable == one.wanted and not one.is_command and one.before.phase != "RollingBack":
        assert after.candidate is None or after.phase == "RollingBack", "the candidate stays beside what is wanted"


def check_commands(one: Pass) -> None:
    asked, before, after = one.plan.rollout, one.before, one.after
    if after.candidate and (after.candidate, after.attempt) != (before.candidate, before.attempt):
        fresh = Command(after.candidate, after.attempt)
        assert fresh not in {asked.promote, asked.abort, asked.retry}, "an old command decides about a new rollout"
    if one.is_command or before.stable is None or before.candidate != one.wanted or before.phase == "RollingBack":
        return
    if one.is_commanded(asked.abort):
        assert after.failed is not None
        assert (after.phase, after.failed.reason) == ("RollingBack", "Aborted")
    elif (
        one.is_commanded(asked.promote)
        and not isinstance(one.plan, Held)
        and after.candidate == before.candidate
        and after.phase != "RollingBack"
    ):
        has_most = after.weight == 100 or after.phase in {"Promoting", "Baking"}
        assert after.reason == "Promoted" or has_most or after.attempt != before.attempt


def check_failures(one: Pass) -> None:
    """Each failure has its cause; what is no cause for one makes none."""
    before, after, seen = one.before, one.after, one.observed
    dead = (
        before.stable
        and before.exposure.has_traffic
        and before.candidate == one.wanted
        and not one.ready(before.candidate)
    )
    if dead and not one.is_command and before.phase != "RollingBack":
        assert after.phase == "RollingBack", "traffic stays where no pod is ready"
    if after.analysis and after.analysis.verdict == "Fail" and after.candidate:
        assert after.phase == "RollingBack", "a candidate that failed goes on"
    if after.failed is None or after.failed == before.failed:
        return
    assert before.candidate == after.failed.revision
    reason = after.failed.reason
    _check_cause(one, reason)
    if reason in JUDGED:
        assert isinstance(seen.sample, Sample), "judged without a sample"
        assert not is_without_data(seen.sample), "no data is taken for a failure"
    if isinstance(seen.sample, SampleFailure):
        assert reason != "Inconclusive", "a failing provider takes a candidate back"
    if reason == "Inconclusive":
        assert one.plan.rollout.analysis.on_inconclusive == "Rollback"
    if reason == "MaxDurationExceeded":
        assert before.started is not None
        assert one.now >= before.started + timedelta(seconds=one.plan.rollout.max_duration or 0)
        assert before.weight < 100
    if reason == "NoReadyReplica":
        assert before.exposure.has_traffic
    if reason == "CheckFailed":
        assert seen.checks is not None
        assert any(not result.passed for result in seen.checks.results)


def _check_cause(one: Pass, reason: str) -> None:
    if one.before.stable is not None:
        assert (reason == "Aborted") == one.is_commanded(one.plan.rollout.abort)
        return
    assert reason in {"CheckFailed", "ChecksNotRun"}, "nothing but a check fails a first revision"
    assert not one.after.exposure.has_traffic


def check_progress(one: Pass) -> None:
    """More of the traffic is earned: by time and evidence, or given by the user."""
    before, after, asked = one.before, one.after, one.plan.rollout
    is_same = before.stable and before.candidate == after.candidate and before.attempt == after.attempt
    if not is_same or before.candidate is None:
        return
    if before.phase == "RollingBack":
        assert after.weight <= before.weight, "a candidate that is rolled back gets more"
        return
    if before.analysis and before.strategy == after.strategy and one.observed.sample is None:
        _check_evidence(one)
    if after.exposure.order > before.exposure.order:
        assert before.phase == "Preparing" or (before.phase in {"Promoting", "Baking"} and before.weight >= 80)
        returns = any(kept.may_return for kept in before.retiring if kept.revision == before.candidate)
        by_hand = before.is_fast and (before.pinned or returns)
        assert by_hand or before.pinned or not isinstance(one.plan, Held), (
            "more of the traffic, and nobody knows whether it is asked for"
        )
        by_user = before.reason == "Promoted" or by_hand
        assert by_user or not asked.paused, "a paused candidate gets more"
        by_gate = asked.promote == Command(before.candidate, before.attempt, before.step - 1)
        by_command = by_user or before.is_fast or by_gate
        assert by_command or is_open(asked.windows, one.now), "more of the traffic outside of the windows"
    moves_on = before.phase in {"Analyzing", "Holding", "Paused"} and after.phase == "Preparing"
    if moves_on and after.reason != "Promoted" and before.strategy == after.strategy and asked.steps:
        _check_move(one, asked.steps[min(before.step, len(asked.steps) - 1)])


def _check_evidence(one: Pass) -> None:
    """Without a new sample, evidence changes by an edit of the analysis, and then by no more than that takes away."""
    before, after = one.before.analysis, one.after.analysis
    assert before is not None
    assert after is not None
    is_edited = any(event.reason == "EvidenceReset" for event in one.decision.events)
    for name, known in before.evidence.items():
        if name in after.evidence or not is_edited:
            now = after.evidence[name]
            for process in ("failing", "beyond"):
                was, is_now = getattr(known, process), getattr(now, process)
                assert is_now == was or is_edited, "evidence against the candidate is forgotten"
                assert is_now.log_value <= was.log_value + 1e-9, "an edit made evidence against the candidate"
    if one.after.exposure.order > one.before.exposure.order and one.after.stage is not Stage.PROMOTING:
        assert after.verdict == "Continue", "a pass that was earned with less traffic"
        assert all(not known.passing.log_sums for known in after.evidence.values())


def _check_move(one: Pass, step: Step) -> None:
    before, after, analysis = one.before, one.after, one.plan.rollout.analysis
    assert not one.plan.rollout.paused
    if step.hold is None:
        opened = Command(before.candidate or "", before.attempt, before.step)
        assert one.plan.rollout.promote == opened, "a gate is passed, and nobody opened it"
        return
    # A time in the future, as after the clock was set back, counts as now: so a hold of 0 is over.
    waited = (one.now - min(before.since, one.now)).total_seconds()
    assert waited >= step.hold or before.reason == "Inconclusive", "a step is shorter than its hold"
    if before.phase == "Holding":
        assert analysis.provider == "None"
        return
    known = after.analysis
    assert known is not None
    assert known.errors == 0
    passed = known.verdict == "Pass" and known.sampled_at > before.since
    patience = analysis.deadline if step.deadline is None else step.deadline
    is_late = waited >= step.hold + patience
    gave_up = analysis.on_inconclusive == "Continue" and is_late and before.phase == "Analyzing"
    is_clean = analysis.on_inconclusive == "ContinueIfClean" and (is_late or before.reason == "Inconclusive")
    by_less = _is_unopposed(one) and (_is_passed_over(one) or (is_clean and _is_within_ceiling(one)))
    assert passed or gave_up or by_less or _would_sleep(one), "a step is passed without evidence"


def _is_unopposed(one: Pass) -> bool:
    known = one.after.analysis
    assert known is not None
    is_said = any(query.passed is False for query in known.queries)
    return not is_said and all(metric.failing.log_value <= 0 for metric in known.evidence.values())


def _is_passed_over(one: Pass) -> bool:
    """One of the default steps is, but for the last, once some requests came and all but nothing can come of more."""
    known, asked = one.after.analysis, one.plan.rollout
    assert known is not None
    enough = known.evidence["errors"].candidate.requests >= asked.analysis.guard.min_requests
    return asked.is_auto and one.before.step < len(asked.steps) - 1 and enough and known.verdict != "Pass"


def _is_within_ceiling(one: Pass) -> bool:
    known = one.after.analysis
    assert known is not None
    queries = all(query.passed for query in known.queries)
    return queries and known.evidence["errors"].within.log_value >= math.log(1 / one.plan.rollout.analysis.beta)


def _would_sleep(one: Pass) -> bool:
    """A model that nobody asks, and that may sleep, goes on by checks, if no request to the candidate was bad."""
    known, checks, scaling = one.after.analysis, one.after.checks, one.plan.autoscaling
    is_idle = one.observed.of(one.before.stable).is_idle and scaling is not None and scaling.may_sleep
    is_checked = checks is not None and bool(checks.results) and all(result.passed for result in checks.results)
    assert known is not None
    return is_idle and is_checked and not any(metric.candidate.errors for metric in known.evidence.values())


def check_capacity(one: Pass) -> None:
    before, after = one.before, one.after
    if after.stable is None or after.candidate is None or after.phase == "RollingBack":
        return
    if not after.exposure.has_traffic or after.exposure == before.exposure:
        return
    places = max(one.plan.replicas, after.floor)
    needed = max(1, math.ceil(places * after.exposure.share / 100))
    if not one.plan.rollout.surge:
        # The last place stays with stable, which may have to take everything back.
        needed = max(1, min(needed, places - 1))
    assert one.ready(after.candidate) >= needed, "more traffic than the ready pods can carry"


def check_return(one: Pass) -> None:
    """Traffic returns to ready pods of stable: never to none, and never to more than twice their usual load."""
    before, after = one.before, one.after
    is_same = before.stable is not None and before.stable == after.stable and before.candidate is not None
    if not is_same or not one.ready(before.candidate) or after.weight >= before.weight:
        return
    places = max(one.plan.replicas, before.floor)
    if not one.plan.rollout.surge and places == 1:
        return
    assert one.ready(after.stable), "traffic returns to where no pod is"
    if one.plan.rollout.surge:
        load = (100 - after.weight) / 100 * places
        assert load <= 2 * one.ready(after.stable) + places / 100, "traffic returns to pods that cannot carry it"


def check_checks(one: Pass) -> None:
    before, after = one.before, one.after
    run = one.decision.check_run
    if run is not None:
        # Who rolls back by hand asks for that revision whatever the spec says.
        assert not isinstance(one.plan, Held) or after.pinned, "checks of a spec that is another revision's"
        assert (run.revision, run.stable, run.attempt, run.step) == (
            after.candidate,
            after.stable or "",
            after.attempt,
            after.step,
        )
        assert (after.phase, after.reason) == ("Preparing", "RunningChecks")
    first = (
        after.candidate
        and after.exposure.has_traffic
        and not before.exposure.has_traffic
        and before.candidate == after.candidate
    )
    by_user = before.reason == "Promoted" or one.is_commanded(one.plan.rollout.promote)
    asked = one.plan.rollout.checks or one.plan.rollout.smoke is not False
    if first and asked and not by_user and not after.is_fast:
        assert after.checks is not None, "traffic before the checks"
        assert after.checks.results
        assert all(result.passed for result in after.checks.results), "traffic in spite of a failed check"
    rises = before.candidate == after.candidate and after.exposure.order > before.exposure.order
    each = any(check.when == "EachStep" for check in one.plan.rollout.checks)
    skips = before.reason == "Promoted" or after.is_fast or not one.plan.rollout.surge
    # What stable kept during the bake is a part of the last move.
    if rises and each and after.stable and not skips and before.phase != "Baking":
        checked = after.checks and after.checks.exposure
        assert checked == exposure_id(after.exposure), "more traffic than it was checked for"


def check_loss(one: Pass, read: RolloutState, usual: Decision) -> None:
    """Check a pass that read another status than the one that was written before: `read` in place of `one.before`.

    `usual` is what would have been decided without the loss.
    """
    before, after = dict(routing_of(one.before).weights), dict(routing_of(one.after).weights)
    without_loss = dict(routing_of(usual.state).weights)
    # Nothing is routed to a first revision before it has passed its checks.
    is_unchecked = one.after.stable is None and not one.after.exposure.has_traffic
    assert sum(after.values()) == (0 if is_unchecked else 100)
    assert after.keys() <= one.pods.keys() | {ACTIVATOR}
    is_first, is_wiped, own = one.before.stable is None, read == RolloutState(), one.plan.revision
    is_stable = own == one.before.stable == one.after.stable
    if not is_first and not is_stable and (is_wiped or read.unreadable):
        had = max(before.get(own, 0), 0 if is_wiped else without_loss.get(own, 0))
        if "rollout.retiring" in read.unreadable and own in _draining(one.before):
            # It waited for places that drain, and for no judge.
            had = max(had, exposure_at(one.plan.rollout, 0).weight)
        assert after.get(own, 0) <= had, "an unjudged revision gains by a lost status"
        ready = {revision for revision, seen in one.observed.revisions.items() if seen.available}
        kept = ready if is_wiped else ready & {live.revision for live in usual.live}
        assert kept <= one.pods.keys(), "pods that could be needed go"
    serve = [revision for revision in before if revision == ACTIVATOR or one.ready(revision)]
    is_believed = read.failed or not one.plan.rollout.surge or one.after.rollbacks != read.rollbacks
    if serve and not is_believed:
        known = before.keys() | {ACTIVATOR, *(without_loss if read.unreadable else ())}
        nowhere = {revision for revision in after.keys() - known if not one.ready(revision)}
        assert not nowhere, "requests go where neither traffic nor a pod was"


def begun_anew(before: Ledger, one: Pass, *, applied: bool) -> Ledger:
    """Return a ledger that knows what the status after a loss tells, and of the one before only where routes led."""
    ledger = Ledger(routes=before.routes, led=before.led)
    ledger.learn(one, applied=applied)
    if one.after.candidate:
        # When its share rose is told by the status alone; this pass has seen the routes.
        ledger.raised, ledger.seen = one.after.since, int(one.after.since < one.now)
    if one.after.sleep and one.after.sleep.state == "Waking":
        ledger.woken = one.after.sleep.since
    for kept in (*one.after.retiring, *stable_falling_asleep(one.after)):
        ledger.retired[kept.revision] = kept.since
        # An older status tells of an earlier end of its traffic, and nothing in the cluster tells of another one.
        ledger.led.pop(kept.revision, None)
        if kept.looked_at:
            ledger.looks[kept.revision] = [(kept.looked_at, Activity(kept.requests, 0))]
    return ledger
