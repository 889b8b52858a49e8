"""What is told of PromQL in a spec that the operator may not run. Pure."""

from typing import Final

from nereid.controller.plan.plan import Plan
from nereid.controller.report.verdict import Verdict

# A condition that exists only while it is true, and its reason.
QUERIES_NOT_ALLOWED: Final = "QueriesNotAllowed"


def queries_not_allowed(plan: Plan) -> Verdict | None:
    """Return which queries of the spec are not run, what that means, and what to change; None if all may be."""
    analysis, scaling = plan.rollout.analysis, plan.autoscaling
    sentences = []
    if analysis.has_queries and not analysis.may_query and analysis.provider != "None":
        names = ", ".join([*(one.name for one in analysis.queries), *(one.name for one in analysis.business)])
        sentences.append(
            f"spec.rollout.analysis.queries ({names}) are not run: they have no data, so that no candidate passes"
        )
    if scaling and scaling.lacks_queries:
        types = ", ".join(metric.type for metric in scaling.metrics)
        sentences.append(f"spec.scaling.metrics of type Query do not count: the number of pods follows {types}")
    if not sentences:
        return None
    message = (
        f"{'; '.join(sentences)}. Users' PromQL is off on this operator: remove it from the spec, or have the "
        "administrator set prometheus.allowQueries of Nereid's chart"
    )
    return Verdict("True", QUERIES_NOT_ALLOWED, message)
