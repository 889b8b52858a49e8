"""What is told of the pod of a failed revision that is kept for its log: where, until when, what to type. Pure."""

from nereid.api import names
from nereid.api.status import rfc3339
from nereid.contract.fetch_errors import Reason
from nereid.controller.decide.rollout import kept_pod
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.plan.plan import Plan


def kept_log(plan: Plan, state: RolloutState) -> str:
    """Return a sentence about it, without a full stop; empty if none is kept."""
    for retiring in state.retiring:
        if until := kept_pod.ends(plan.rollout, retiring):
            workload = names.revision_child_name(plan.owner.name, retiring.revision)
            return (
                f"One pod of Deployment {workload} is kept without traffic until {rfc3339(until)} for its log: "
                f"kubectl logs --namespace {plan.owner.namespace} deployment/{workload}{_container(state)}"
            )
    return ""


def _container(state: RolloutState) -> str:
    """Return the option that names the container, where it is not the one whose log kubectl shows by itself."""
    has_not_fetched = state.failed is not None and state.failed.reason in set(Reason)
    return f" --container {names.CONTAINER_FETCH}" if has_not_fetched else ""
