"""What must hold in each pass for revisions that are scaled, and for a model that sleeps: docs/scaling.md."""

from datetime import timedelta

from tests.support.property.rollout_rules import Pass

from nereid.controller.decide.orders import LiveRevision
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.settling import is_at_rest
from nereid.controller.observed.facts import ACTIVATOR

# From each state of sleep, those that may follow; it begins, and ends for good, while the model is awake.
FOLLOWING: dict[str | None, set[str | None]] = {
    None: {None, "Awake"},
    "Awake": {"Awake", "FallingAsleep", None},
    "FallingAsleep": {"FallingAsleep", "Asleep", "Awake"},
    "Asleep": {"Asleep", "Waking"},
    "Waking": {"Waking", "Awake"},
}
GATED = {"FallingAsleep", "Asleep", "Waking"}


def check_scaling(one: Pass) -> None:
    """Check one pass."""
    check_sleep_order(one)
    check_sleep_causes(one)
    check_gate(one)
    check_scales(one)
    check_pods_kept(one)


def check_sleep_order(one: Pass) -> None:
    before, after = one.sleep
    assert after in FOLLOWING[before], "sleep goes in another order"
    if told := one.after.sleep:
        assert max(told.since, told.looked_at or told.since) < one.now + timedelta(seconds=1), "it waits for too long"
    if before in GATED or after in GATED:
        rolled, still = one.before, one.after
        assert is_at_rest(still)
        assert still.candidate is None
        assert (rolled.phase, rolled.reason, rolled.stable, rolled.candidate, rolled.failed, rolled.attempt) == (
            still.phase,
            still.reason,
            still.stable,
            still.candidate,
            still.failed,
            still.attempt,
        ), "a rollout moves on beside a model that is not awake"


def check_sleep_causes(one: Pass) -> None:
    """A model sleeps, or begins to, only where its scaler knows that nobody asks, and somebody could wake it."""
    if one.sleep[1] not in {"FallingAsleep", "Asleep"} or one.is_command:
        return
    asked, settings, seen = one.plan.autoscaling, one.plan.settings, one.observed
    assert asked is not None
    assert asked.may_sleep, "it sleeps, and has a minimum"
    assert seen.has_keda, "nothing could wake it"
    assert settings.activator_service, "requests would wait nowhere"
    assert settings.prometheus_url, "nobody knows whether somebody asks"
    scaler = seen.of(one.after.stable).scaler
    assert scaler is not None, "it sleeps without a scaler"
    if one.sleep == ("Asleep", "Asleep"):
        assert scaler.is_active is not True, "it sleeps on, and somebody asks"
    else:
        assert scaler.is_active is False, "it falls asleep, and somebody may ask"
        assert scaler.works is not False, "a scaler that fails puts it to sleep"
    assert not one.after.floor, "it sleeps, and is to keep its pods after a rollout"
    assert one.wanted == one.after.stable or one.after.failed, "it sleeps, and is to be replaced"


def check_gate(one: Pass) -> None:
    """Requests wait in the activator just while there may be no pod."""
    stable, gated = one.decision.live[0], one.sleep[1] in GATED
    leads_there = routing_of(one.after).weights == {(ACTIVATOR, 100)}
    assert gated == stable.is_gated == leads_there
    assert not any(live.is_gated for live in one.decision.live[1:])
    if one.before.rollbacks != one.after.rollbacks:
        # It only notes the rollback that was asked for; what cannot sleep any more is woken in the next one, at once.
        return
    sleeps = {live.revision for live in one.decision.live if live.scale and live.scale.sleeps}
    assert sleeps == ({one.after.stable} if one.sleep[1] == "Asleep" else set())
    assert (one.sleep[1] == "Asleep") <= (one.pods[stable.revision] == 0), "it sleeps with pods"
    if gated and one.sleep[1] != "Asleep":
        assert one.pods[stable.revision] >= 1, "it wakes without a pod"


def check_scales(one: Pass) -> None:
    """A scaler is told no more than the rollout allows; there is none where it would take places."""
    roles = {one.after.stable, one.after.candidate}
    lacks_keda = not one.observed.has_keda or not one.plan.settings.prometheus_url
    for live in one.decision.live:
        asked = one.plan.autoscaling
        possible = asked is not None and not (asked.needs_keda and lacks_keda) and live.revision in roles
        allowed = one.plan.rollout.surge or is_at_rest(one.after)
        assert (live.scale is not None) == bool(possible and allowed), "a scaler too many, or too few"
        if live.scale and asked:
            assert live.scale.maximum == asked.maximum
            wakes = live.revision == one.after.stable and one.sleep[1] == "Waking"
            seen = one.observed.of(live.revision)
            has_pods = seen.deployment is not None and (seen.deployment.replicas > 0 or live.scale.sleeps)
            assert live.scale.in_charge == (seen.scaler is not None and has_pods and not wakes)
            assert live.replicas >= 1 or live.scale.sleeps, "its last pod may go, and it does not sleep"


def check_pods_kept(one: Pass) -> None:
    """Stable keeps what it has while a rollout runs, and each revision while no scaler could tell better."""
    before, after = one.before, one.after
    if after.stable is None or one.plan.autoscaling is None:
        return
    runs = after.candidate is not None or after.phase == "RollingBack"
    if runs:
        assert after.floor >= _scaled(one, after.stable), "stable may lose pods to a rollout"
        if before.stable == after.stable and before.candidate:
            assert after.floor >= before.floor
    for live in one.decision.live:
        if not one.plan.rollout.surge and runs:
            continue
        if live.revision == after.stable and runs:
            assert live.replicas >= max(after.floor, _scaled(one, live.revision)), "a rollout takes pods from stable"
        elif live.revision in {after.stable, after.candidate} and not _leaves_it_to_a_scaler(live):
            assert live.replicas >= _scaled(one, live.revision), "pods go, and no scaler says so"


def _leaves_it_to_a_scaler(live: LiveRevision) -> bool:
    return live.scale is not None and (live.scale.in_charge or live.scale.sleeps)


def _scaled(one: Pass, revision: str) -> int:
    """Return the pods that a revision's Deployment is to have, up to what the spec allows."""
    seen, asked = one.observed.of(revision).deployment, one.plan.autoscaling
    return min(seen.replicas, asked.maximum) if seen and asked else 0
