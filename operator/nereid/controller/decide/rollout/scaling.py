"""Whether revisions can be scaled as the spec asks, and how the scaler of each is configured."""

from nereid.controller.decide.orders import Scale
from nereid.controller.decide.rollout.settling import is_at_rest
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import Observed, Problem
from nereid.controller.plan.plan import Plan


def scaling_problem(plan: Plan, observed: Observed) -> Problem | None:
    """Return why no scaler can be created; None if one can. Without a scaler, existing pods are kept."""
    autoscaling, settings = plan.autoscaling, plan.settings
    if autoscaling is None:
        return None
    if autoscaling.needs_keda and not observed.has_keda:
        return Problem(
            "KedaNotInstalled",
            "KEDA is not installed: install it, or scale by CPU or Memory, with minReplicas above 0",
        )
    if autoscaling.needs_keda and not (settings.scaling_prometheus_url or settings.prometheus_url):
        return Problem(
            "PrometheusNotConfigured",
            "no Prometheus is configured to scale by: set the Helm value prometheus.url, or scale by CPU or Memory",
        )
    return None


def lacks_activator(plan: Plan) -> bool:
    """Whether the spec allows the model to sleep, but no activator is installed to wake it."""
    return plan.autoscaling is not None and plan.autoscaling.may_sleep and not plan.settings.activator_service


def scale_of(plan: Plan, observed: Observed, state: RolloutState, revision: str) -> Scale | None:
    """Return how a live revision is scaled; None if its number of pods is fixed.

    Without surge, places pass from stable to the candidate one by one during a rollout, and no scaler may interfere. A
    revision that is awake but has no pods gets its first one without the scaler: neither KEDA nor a
    HorizontalPodAutoscaler scales up a workload that has no pods to measure.
    """
    if (
        plan.autoscaling is None
        or scaling_problem(plan, observed)
        or (not plan.rollout.surge and not is_at_rest(state))
    ):
        return None
    phase = state.sleep.state if state.sleep and revision == state.stable else "Awake"
    facts, sleeps = observed.of(revision), phase == "Asleep"
    has_pods = facts.deployment is not None and (facts.deployment.replicas > 0 or sleeps)
    in_charge = facts.scaler is not None and has_pods and phase != "Waking"
    return Scale(plan.autoscaling.maximum, sleeps, in_charge)


def scaled_pods(plan: Plan, observed: Observed, revision: str | None) -> int:
    """Return to how many pods a revision has been scaled; 0 if the spec does not ask for scaling."""
    deployment = observed.of(revision).deployment
    if plan.autoscaling is None or deployment is None:
        return 0
    return min(deployment.replicas, plan.autoscaling.maximum)
