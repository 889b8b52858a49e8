"""Whether revisions can be scaled as the spec asks, and what the scaler of each is told."""

from nereid.controller.decide.orders import Scale
from nereid.controller.decide.rollout.settling import is_at_rest
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import Observed, Problem
from nereid.controller.plan.plan import Plan


def scaling_problem(plan: Plan, observed: Observed) -> Problem | None:
    """Return why no scaler can be made, if that is so; the pods that there are stay then."""
    wanted, settings = plan.autoscaling, plan.settings
    if wanted is None:
        return None
    if wanted.needs_keda and not observed.has_keda:
        return Problem(
            "KedaNotInstalled",
            "KEDA is not installed: install it, or scale by CPU or Memory, with minReplicas above 0",
        )
    if wanted.needs_keda and not (settings.scaling_prometheus_url or settings.prometheus_url):
        return Problem(
            "PrometheusNotConfigured",
            "no Prometheus is configured to scale by: set the Helm value prometheus.url, or scale by CPU or Memory",
        )
    return None


def lacks_activator(plan: Plan) -> bool:
    """Whether the model may sleep by its spec, but nobody could wake it."""
    return plan.autoscaling is not None and plan.autoscaling.may_sleep and not plan.settings.activator_service


def scale_of(plan: Plan, observed: Observed, state: RolloutState, revision: str) -> Scale | None:
    """Return how a live revision is scaled; None where it has just the pods that it is given.

    Without surge, places change hands one by one while a rollout runs: no scaler may take any. What has no pods and
    does not sleep gets its first one whatever the scaler does: neither KEDA nor a HorizontalPodAutoscaler raises what
    it cannot measure, as it has none.
    """
    if (
        plan.autoscaling is None
        or scaling_problem(plan, observed)
        or (not plan.rollout.surge and not is_at_rest(state))
    ):
        return None
    phase = state.sleep.state if state.sleep and revision == state.stable else "Awake"
    seen, sleeps = observed.of(revision), phase == "Asleep"
    has_pods = seen.deployment is not None and (seen.deployment.replicas > 0 or sleeps)
    in_charge = seen.scaler is not None and has_pods and phase != "Waking"
    return Scale(plan.autoscaling.maximum, sleeps, in_charge)


def scaled_pods(plan: Plan, observed: Observed, revision: str | None) -> int:
    """Return how many pods a revision has that scaling, not the spec, has given it; 0 where nothing is scaled."""
    seen = observed.of(revision)
    if plan.autoscaling is None or seen.deployment is None:
        return 0
    return min(seen.deployment.replicas, plan.autoscaling.maximum)
