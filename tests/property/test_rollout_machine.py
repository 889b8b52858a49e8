"""A rollout under everything that users, the cluster, the clock and crashes do to it, in any order."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.scenario import Scenario, rollout

from nereid.api.status import ModelDeploymentStatus
from nereid.plan import Command, Step
from nereid.report.conditions import Picture
from nereid.report.status import report, to_json
from nereid.rollout.decide import decide, weights_of
from nereid.rollout.state import Decision, RolloutState

REVISIONS = st.sampled_from("abcd")
ROLES = st.sampled_from(["stable", "candidate"])
FAR_AHEAD = timedelta(days=400)
WEIGHTS = st.just([]) | st.sets(st.integers(1, 99), min_size=1, max_size=4).map(sorted)
HOLDS = st.sampled_from([0, 1, 60, 300])


@st.composite
def steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """Draw what the CRD lets pass: rising weights, only the last one perhaps without a hold; none is Direct."""
    weights = draw(WEIGHTS)
    waits_at_the_end = draw(st.booleans())
    holds = [draw(HOLDS) for _ in weights]
    return tuple(
        Step(weight, None if waits_at_the_end and weight == weights[-1] else hold)
        for weight, hold in zip(weights, holds, strict=True)
    )


def through_status(world: Scenario, decision: Decision, now: datetime) -> RolloutState:
    """Return the state as a new operator finds it: written to status, and read back."""
    status = report(Picture(world.plan, decision, world.observed, ()), {}, "http://x", ModelDeploymentStatus(), now)
    return RolloutState.from_status(ModelDeploymentStatus.model_validate(json.loads(json.dumps(to_json(status)))))


def names_attempt(command: Command | None, state: RolloutState) -> bool:
    return command == Command(state.candidate or "", state.attempt)


# What may be done at any time is done mostly while it matters.
ROLLING = precondition(lambda self: self.world.state.candidate)
BUSY = precondition(lambda self: self.world.state.candidate or self.world.state.retiring or self.world.state.failed)


class RolloutMachine(RuleBasedStateMachine):
    """Drives decide as the operator does: facts change, passes follow, each from the state of the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.world = rollout()
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
        # When each revision without traffic lost it, and with how many pods, by the clock of the passes.
        self.retired: dict[str, tuple[datetime, int]] = {}
        self.condemned: Command | None = None
        # When the candidate's weight was raised, and whether the steps have been edited since: that may cut it short.
        self.raised = self.now
        self.edited = False
        self.applies = True

    @initialize(
        revision=REVISIONS,
        replicas=st.integers(1, 7),
        plan=steps(),
        propagation=st.sampled_from([0, 10]),
        drain=st.sampled_from([0, 30, 1000]),
        serves=st.integers(0, 7).map(bool),
    )
    def apply(
        self, revision: str, replicas: int, plan: tuple[Step, ...], propagation: int, drain: int, *, serves: bool
    ) -> None:
        asked = replace(self.world.rollout, steps=plan, propagation=propagation, drain=drain)
        self.world = replace(self.world.wanting(revision).scaled(replicas), rollout=asked)
        self.reconcile()
        if serves:
            self.pods_become_available(at_once=True)

    # The user.
    @precondition(lambda self: self.world.state.candidate is None)
    @rule(revision=REVISIONS, plan=steps(), at_once=st.booleans())
    def roll_out(self, revision: str, plan: tuple[Step, ...], *, at_once: bool) -> None:
        self.world = self.world.wanting(revision)
        self.edit_steps(plan, at_once=at_once)

    @ROLLING
    @rule(revision=REVISIONS, at_once=st.booleans())
    def overtake(self, revision: str, *, at_once: bool) -> None:
        self.world = self.world.wanting(revision)
        self._pass_if(at_once)

    @precondition(lambda self: self.world.state.stable and self.world.state.candidate)
    @rule(at_once=st.booleans())
    def change_back_to_stable(self, *, at_once: bool) -> None:
        self.world = self.world.wanting(self.world.state.stable)
        self._pass_if(at_once)

    @ROLLING
    @rule(plan=steps(), at_once=st.booleans())
    def edit_steps(self, plan: tuple[Step, ...], *, at_once: bool) -> None:
        self.world = replace(self.world, rollout=replace(self.world.rollout, steps=plan))
        self.edited = True
        self._pass_if(at_once)

    @ROLLING
    @rule(paused=st.booleans(), at_once=st.booleans())
    def pause_or_resume(self, *, paused: bool, at_once: bool) -> None:
        self.world = replace(self.world, rollout=replace(self.world.rollout, paused=paused))
        self._pass_if(at_once)

    @ROLLING
    @rule(replicas=st.integers(1, 7), at_once=st.booleans())
    def scale(self, replicas: int, *, at_once: bool) -> None:
        self.world = self.world.scaled(replicas)
        self._pass_if(at_once)

    @rule(
        command=st.sampled_from(["promote", "abort", "retry"]),
        revision=REVISIONS,
        attempt=st.integers(1, 3),
        at_once=st.booleans(),
    )
    def annotate(self, command: str, revision: str, attempt: int, *, at_once: bool) -> None:
        self.world = getattr(self.world, command)(revision, attempt)
        self._pass_if(at_once)

    @precondition(lambda self: self.world.state.candidate or self.world.state.failed)
    @rule(command=st.sampled_from(["promote", "abort", "retry"]), stale=st.booleans(), at_once=st.booleans())
    def annotate_as_told(self, command: str, *, stale: bool, at_once: bool) -> None:
        state = self.world.state
        subject = Command(state.failed.revision, state.failed.attempt) if state.failed else None
        subject = subject or Command(state.candidate, state.attempt)
        self.world = getattr(self.world, command)(subject.revision, max(1, subject.attempt - stale))
        self._pass_if(at_once)

    # The cluster.
    @ROLLING
    @rule(at_once=st.booleans())
    def pods_become_available(self, *, at_once: bool) -> None:
        for one in self._decision().live:
            self.world = self.world.ready(one.revision, one.replicas)
        self.world = replace(self.world, troubles={})
        self._pass_if(at_once)

    @ROLLING
    @rule(role=ROLES, pods=st.integers(0, 7), at_once=st.booleans())
    def availability_changes(self, role: str, pods: int, *, at_once: bool) -> None:
        if revision := getattr(self.world.state, role):
            self.world = self.world.ready(revision, pods)
        self._pass_if(at_once)

    @ROLLING
    @rule(role=ROLES, at_once=st.booleans())
    def pods_fall_ill(self, role: str, *, at_once: bool) -> None:
        if revision := getattr(self.world.state, role):
            self.world = self.world.ready(revision, 0).trouble(revision, "ContainerCrashed")
        self._pass_if(at_once)

    @precondition(lambda self: self.world.state.stable and self.world.state.weight)
    @rule(waits=st.integers(0, 2))
    def canary_dies(self, waits: int) -> None:
        """Nobody adds pods, so that it also happens while a canary waits for those of its next step."""
        for _ in range(waits):
            self.sleep_until_woken()
        if revision := self.world.state.candidate:
            self.world = self.world.ready(revision, 0)
        self.reconcile()

    # The clock.
    @BUSY
    @rule(seconds=st.sampled_from([0.25, 1, 10, 59.5, 60, 300, 700]), at_once=st.booleans())
    def time_passes(self, seconds: float, *, at_once: bool) -> None:
        self.now += timedelta(seconds=seconds)
        self._pass_if(at_once)

    @BUSY
    @rule()
    def sleep_until_woken(self) -> None:
        self.settle()
        if (wait := self._decision().requeue_after) is not None:
            self.now += timedelta(seconds=wait)
            self.reconcile()

    @ROLLING
    @rule(passes=st.integers(1, 5))
    def all_goes_well(self, passes: int) -> None:
        """Pods come and time passes, so that what the other rules do hits rollouts at every stage."""
        for _ in range(passes):
            self.pods_become_available(at_once=True)
            self.now += timedelta(seconds=self._decision().requeue_after or 0)

    @BUSY
    @rule(seconds=st.sampled_from([1, 45.5, 4000]))
    def clock_is_set_back(self, seconds: float) -> None:
        back = timedelta(seconds=seconds)
        self.now -= back
        # What the machine remembers is how long ago things truly were, whatever the clock says.
        self.raised -= back
        self.retired = {revision: (since - back, pods) for revision, (since, pods) in self.retired.items()}
        self.reconcile()

    @BUSY
    @rule(applies=st.booleans())
    def routes_can_be_applied(self, *, applies: bool) -> None:
        """Let the API server refuse routes, or take them again."""
        self.applies = applies

    @BUSY
    @rule()
    def routes_are_edited(self) -> None:
        self.world = self.world.unrouted()

    # The operator.
    @BUSY
    @rule()
    def reconcile(self) -> None:
        """Make one pass, from the state that the pass before left in status, and check what it did."""
        before, decision = self.world, self._decision()
        self._check_transition(before.state, decision)
        routed = before.is_routed and weights_of(decision.state) == weights_of(before.state)
        self.world = replace(before, state=through_status(before, decision, self.now), is_routed=self.applies or routed)
        assert self.world.state == decision.state, "a new operator finds another state than this one has"
        assert decide(before.plan, self.world.observed, self.world.state, self.now) == decide(
            before.plan, self.world.observed, decision.state, self.now
        )
        self._remember(before.state, decision)

    @BUSY
    @rule()
    def settle(self) -> None:
        """Make passes at one instant until they change nothing: a few suffice, as every wait is for time or facts."""
        for _ in range(4 * len(self.world.rollout.steps) + 12):
            before = self.world.state
            self.reconcile()
            if self.world.state == before:
                return
        raise AssertionError(f"no fixpoint: {self.world}")

    @invariant()
    def decides_the_same_twice(self) -> None:
        assert self._decision() == self._decision()

    @invariant()
    def live_revisions_share_the_traffic(self) -> None:
        decision = self._decision()
        live, state = decision.live, decision.state
        assert sum(one.weight for one in live) == 100
        assert all(one.weight >= 0 and one.replicas >= 1 for one in live)
        assert {one.revision for one in live if one.weight} <= {state.stable, state.candidate}
        assert len({one.revision for one in live}) == len(live)
        assert live[0].revision == (state.stable or state.candidate)

    @invariant()
    def holds_still_while_paused(self) -> None:
        state = self._decision().state
        settled = state == self.world.state and state.stable and state.candidate
        if settled and self.world.rollout.paused and not names_attempt(self.world.rollout.promote, state):
            assert state.reason == "PausedBySpec" or state.phase in {"Propagating", "Promoting"} or self._is_promoted()

    @invariant()
    def wakes_exactly_when_time_changes_something(self) -> None:
        decision = self._decision()
        wait, settled = decision.requeue_after, decision.state == self.world.state
        assert wait is None or wait >= 0
        if not settled:
            return
        if wait is None:
            assert self._decision(FAR_AHEAD).state == self.world.state, "time alone moves it on, and nobody wakes it"
        else:
            woken = timedelta(seconds=wait)
            assert wait > 0, "woken again and again, for nothing"
            assert self._decision(woken).state != self.world.state, "woken for nothing"
            assert self._decision(woken - timedelta(microseconds=1)).state == self.world.state, "woken too late"

    def teardown(self) -> None:
        self.ends_under_fair_conditions()

    @ROLLING
    @rule()
    def ends_under_fair_conditions(self) -> None:
        """Give it what it waits for: it ends with the wanted revision stable, or with that one failed."""
        holds = tuple(Step(step.weight, step.hold or 0) for step in self.world.rollout.steps)
        asked = replace(self.world.rollout, steps=holds, paused=False, promote=None, abort=None, retry=None)
        world, now = replace(self.world, rollout=asked, troubles={}), self.now
        for _ in range(3 * len(holds) + 12):
            decision = decide(world.plan, world.observed, world.state, now)
            world = replace(
                world,
                state=decision.state,
                available={one.revision: one.replicas for one in decision.live},
                is_routed=True,
            )
            if decision.requeue_after is not None:
                now += timedelta(seconds=decision.requeue_after)
        state = world.state
        if state.failed:
            assert (state.failed.revision, state.phase) == (world.wanted, "Failed")
        else:
            assert (state.stable, state.candidate) == (world.wanted, None), world
            assert state.phase in {"Completed", "Idle"}

    def _decision(self, later: timedelta = timedelta()) -> Decision:
        return decide(self.world.plan, self.world.observed, self.world.state, self.now + later)

    def _is_promoted(self) -> bool:
        return self.world.state.reason == "Promoted"

    def _pass_if(self, at_once: bool) -> None:  # noqa: FBT001 - it is what the rule drew
        if at_once:
            self.reconcile()

    def _check_transition(self, before: RolloutState, decision: Decision) -> None:
        self._check_weight(before, decision.state)
        self._check_commands(before, decision.state)
        self._check_pods(before, decision)
        if before.stable and before.stable == self.world.wanted:
            assert decision.state.candidate is None, "the spec asks for stable, and the candidate still has traffic"
        if before.stable and before.weight and not self.world.available.get(before.candidate):
            assert decision.state.candidate != before.candidate, "traffic goes to a revision without a ready pod"

    def _check_weight(self, before: RolloutState, after: RolloutState) -> None:
        kept = (self.now - self.raised).total_seconds()
        if before.stable not in {None, after.stable}:
            assert before.weight == 100
            assert self.world.is_routed, "stable before the routes lead there"
            assert kept >= self.world.rollout.propagation, "stable before the proxies know"
        if before.stable is None or after.candidate is None:
            return
        if after.candidate != before.candidate:
            assert after.weight == 0, "a new candidate begins with traffic"
        elif after.weight > before.weight:
            ready = self.world.available.get(after.candidate, 0)
            assert ready * 100 >= self.world.replicas * after.weight, "more traffic than the ready pods can carry"
            promoted = before.reason == "Promoted"
            assert promoted or not self.world.rollout.paused
            by_plan = before.weight and not promoted and not self.edited
            assert not by_plan or kept >= self.world.rollout.propagation

    def _check_commands(self, before: RolloutState, after: RolloutState) -> None:
        asked = self.world.rollout
        if after.candidate and (after.candidate, after.attempt) != (before.candidate, before.attempt):
            given = [asked.promote, asked.abort, asked.retry]
            assert not any(names_attempt(one, after) for one in given), "an old command decides about a new rollout"
        condemned = self.condemned
        if condemned and condemned.revision == self.world.wanted and after.candidate == condemned.revision:
            assert asked.retry == condemned, "a failed revision is tried again, and nobody asked for it"
            assert after.attempt > condemned.attempt
        if before.stable and before.candidate == self.world.wanted and names_attempt(asked.abort, before):
            assert (after.candidate, after.failed.reason) == (None, "Aborted")
        if before.stable and before.candidate == after.candidate and names_attempt(asked.promote, before):
            assert after.step >= len(asked.steps)
            assert after.phase == "Promoting" or after.reason == "Promoted"
        if after.failed and after.failed.reason == "Aborted" and not before.failed:
            assert names_attempt(asked.abort, before)

    def _check_pods(self, before: RolloutState, decision: Decision) -> None:
        after, asked = decision.state, self.world.rollout
        pods = {one.revision: one.replicas for one in decision.live}
        weights = {one.revision: one.weight for one in decision.live}
        if after.stable:
            assert pods[after.stable] >= self.world.replicas, "stable has fewer pods than the spec asks for"
        for one in after.retiring:
            assert weights[one.revision] == 0
            assert one.revision not in {after.stable, after.candidate}
        had_pods = {before.stable, before.candidate} - {None}
        assert had_pods <= pods.keys(), "a revision that had traffic loses its pods without draining"
        for revision, (since, replicas) in self.retired.items():
            if revision in {after.stable, after.candidate}:
                continue
            if revision in pods:
                assert pods[revision] == replicas
            else:
                assert self.world.is_routed, "pods go while the routes may still lead to them"
                kept = (self.now - since).total_seconds()
                assert kept >= asked.propagation + asked.drain, f"{revision} is gone {kept} s after its traffic"

    def _remember(self, before: RolloutState, decision: Decision) -> None:
        state = decision.state
        pods = {one.revision: one.replicas for one in decision.live}
        if state.weight > before.weight:
            self.raised, self.edited = self.now, False
        kept = {one.revision for one in state.retiring}
        self.retired = {one: self.retired.get(one, (self.now, pods[one])) for one in kept}
        if state.failed and state.failed != before.failed:
            self.condemned = Command(state.failed.revision, state.failed.attempt)
        elif self.condemned and (self.world.wanted != self.condemned.revision or state.candidate):
            self.condemned = None


TestRollout = RolloutMachine.TestCase
