"""What scales a revision: a HorizontalPodAutoscaler, or KEDA's ScaledObject if that is not sufficient.

Sources: Kubernetes autoscaling/v2; KEDA 2, `ScaledObject` and the scalers `prometheus`, `cpu`, `memory` and
`external-push`; Triton's metrics (docs/user_guide/metrics.md).
"""

from collections.abc import Sequence
from typing import Any, Final

from nereid.api import names
from nereid.api.scaling import ScalingMetric
from nereid.contract.proof import trigger_proof
from nereid.controller.build.metadata import Manifest, annotated
from nereid.controller.build.revision import revision_child, revision_host
from nereid.controller.decide.orders import LiveRevision, Scale
from nereid.controller.observed.facts import RevisionRecord
from nereid.controller.plan.autoscaling import RESOURCES, Autoscaling
from nereid.controller.plan.placeholders import filled, placeholder_values
from nereid.controller.plan.plan import Plan

TRIGGER_REQUESTS: Final = "Requests"
TRIGGER_ACTIVATOR: Final = "Activator"
ACTIVATOR_SCALER_PORT: Final = 9090
# How long after its last trigger was active KEDA removes the last pod; the operator has already waited.
_COOLDOWN_SECONDS: Final = 5
# KEDA's webhook rejects a ScaledObject beside a HorizontalPodAutoscaler, which is deleted after its successor exists.
_MAY_BE_FOLLOWED: Final = "validations.keda.sh/hpa-ownership"
_LONGEST_BASE: Final = 58
# A target that is never reached: requests decide between no pod and one, not about more.
_NEVER: Final = "1000000000"


def scaler(plan: Plan, record: RevisionRecord, live: LiveRevision) -> tuple[Manifest, ...]:
    """Return the object that scales a live revision, if one does."""
    if plan.autoscaling is None or live.scale is None:
        return ()
    build = _scaled_object if plan.autoscaling.needs_keda else _horizontal_pod_autoscaler
    return (build(plan, plan.autoscaling, record, live, live.scale),)


def _horizontal_pod_autoscaler(
    plan: Plan, autoscaling: Autoscaling, record: RevisionRecord, live: LiveRevision, scale: Scale
) -> Manifest:
    name = names.revision_child_name(plan.owner.name, record.revision)
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": live.replicas,
        "maxReplicas": max(scale.maximum, live.replicas),
        "metrics": [_resource_metric(metric) for metric in autoscaling.metrics],
    }
    if autoscaling.behavior:
        spec["behavior"] = autoscaling.behavior
    manifest = revision_child("autoscaling/v2", "HorizontalPodAutoscaler", plan.owner, record, {"spec": spec})
    return annotated(manifest, {_MAY_BE_FOLLOWED: "false"})


def _resource_metric(metric: ScalingMetric) -> dict[str, Any]:
    # Of Triton's container only: the requests of its sidecar and of the fetching container are not load.
    target = {"type": "Utilization", "averageUtilization": _percent(metric)}
    source = {"name": RESOURCES[metric.type], "container": names.CONTAINER_TRITON, "target": target}
    return {"type": "ContainerResource", "containerResource": source}


def _percent(metric: ScalingMetric) -> int:
    """Return a target in the autoscaler's form: a whole number, at least 1."""
    return max(1, round(metric.target))


def _scaled_object(
    plan: Plan, autoscaling: Autoscaling, record: RevisionRecord, live: LiveRevision, scale: Scale
) -> Manifest:
    spec: dict[str, Any] = {
        "scaleTargetRef": {"name": names.revision_child_name(plan.owner.name, record.revision)},
        "pollingInterval": plan.settings.scaling_polling_seconds,
        "cooldownPeriod": _COOLDOWN_SECONDS,
        "minReplicaCount": live.replicas,
        "maxReplicaCount": max(scale.maximum, live.replicas, 1),
        "triggers": _triggers(plan, autoscaling, record, live, scale),
    }
    if autoscaling.behavior:
        spec["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": autoscaling.behavior}}
    return revision_child("keda.sh/v1alpha1", "ScaledObject", plan.owner, record, {"spec": spec})


def _triggers(
    plan: Plan, autoscaling: Autoscaling, record: RevisionRecord, live: LiveRevision, scale: Scale
) -> list[dict[str, Any]]:
    if scale.sleeps:
        # Without pods there is nothing to measure, which must not look like a failure.
        return _activator(plan, record)
    triggers = [_trigger(plan, metric, record, name) for name, metric in _with_names(autoscaling.metrics)]
    if not autoscaling.may_sleep:
        # The activator forwards only to revisions that KEDA has queried it about: also to one that wakes up for good.
        return [*triggers, *(_activator(plan, record) if live.is_gated else ())]
    # Only requests keep a model awake, not the metrics that its number of pods follows.
    return [*map(_never_active, triggers), _requests(plan, autoscaling, record), *_activator(plan, record)]


def _never_active(trigger: dict[str, Any]) -> dict[str, Any]:
    """Return a trigger that keeps nothing awake; those of resources never do."""
    if trigger["type"] != "prometheus":
        return trigger
    return {**trigger, "metadata": {**trigger["metadata"], "activationThreshold": _NEVER}}


def _with_names(metrics: Sequence[ScalingMetric]) -> list[tuple[str, ScalingMetric]]:
    """Return the metrics with unique names for their triggers: Query, Query1, Query2."""
    before = [sum(earlier.type == metric.type for earlier in metrics[:index]) for index, metric in enumerate(metrics)]
    return [(f"{metric.type}{count or ''}", metric) for count, metric in zip(before, metrics, strict=True)]


def _trigger(plan: Plan, metric: ScalingMetric, record: RevisionRecord, name: str) -> dict[str, Any]:
    if metric.type in RESOURCES:
        metadata = {"value": str(_percent(metric)), "containerName": names.CONTAINER_TRITON}
        return {"type": RESOURCES[metric.type], "name": name, "metricType": "Utilization", "metadata": metadata}
    query, is_per_pod = _query(plan, metric, record)
    return _prometheus(plan, name, query, f"{metric.target:.12g}", is_per_pod=is_per_pod)


def _requests(plan: Plan, autoscaling: Autoscaling, record: RevisionRecord) -> dict[str, Any]:
    """Return the trigger that is active if there were requests within the time after which a model sleeps."""
    pods = _pods(plan, record)
    query = _answered("increase", pods, f"{autoscaling.sleep_after}s")
    return _prometheus(plan, TRIGGER_REQUESTS, query, _NEVER, is_per_pod=True)


def _activator(plan: Plan, record: RevisionRecord) -> list[dict[str, Any]]:
    if not plan.settings.activator_service:
        return []
    target = revision_host(plan.owner, record.revision, plan.settings.cluster_domain)
    address = f"{plan.settings.activator_host}:{ACTIVATOR_SCALER_PORT}"
    metadata = {"scalerAddress": address, "target": target}
    if plan.activator_key:
        metadata[names.TRIGGER_PROOF] = trigger_proof(plan.activator_key, target)
    return [{"type": "external-push", "name": TRIGGER_ACTIVATOR, "metadata": metadata}]


def _prometheus(plan: Plan, name: str, query: str, threshold: str, *, is_per_pod: bool) -> dict[str, Any]:
    settings = plan.settings
    trigger: dict[str, Any] = {
        "type": "prometheus",
        "name": name,
        "metricType": "AverageValue" if is_per_pod else "Value",
        "metadata": {
            "serverAddress": settings.scaling_prometheus_url or settings.prometheus_url,
            "query": query,
            "threshold": threshold,
            # By default KEDA treats a missing value as zero, and would remove pods of a model that cannot be measured.
            "ignoreNullValues": "false",
        },
    }
    if settings.scaling_authentication:
        trigger["metadata"]["authModes"] = "bearer"
        trigger["authenticationRef"] = {
            "name": settings.scaling_authentication,
            "kind": "ClusterTriggerAuthentication",
        }
    return trigger


def _query(plan: Plan, metric: ScalingMetric, record: RevisionRecord) -> tuple[str, bool]:
    """Return the PromQL of a metric, and whether its target is per pod."""
    pods, window = _pods(plan, record), plan.settings.scaling_window

    def rate(counter: str) -> str:
        return _summed(f"rate(nv_inference_{counter}{{{pods}}}[{window}])")

    answered = f"({_answered('rate', pods, window)})"
    match metric.type:
        case "QueueRatio":
            return f"{rate('queue_duration_us')} / clamp_min({rate('compute_infer_duration_us')}, 1)", False
        case "QueueTime":
            return f"{rate('queue_duration_us')} / clamp_min({answered}, 1e-9) / 1000", False
        case "PendingRequests":
            return _summed(f"nv_inference_pending_request_count{{{pods}}}"), True
        case "Concurrency":
            return f"{rate('request_duration_us')} / 1e6", True
        case "RequestRate":
            return _answered("rate", pods, window), True
        case "GPUUtilization":
            return f"100 * avg(nv_gpu_utilization{{{pods}}})", False
        case _:
            known = placeholder_values(plan.owner.namespace, plan.owner.name, record.revision)
            return filled(metric.query or "", known), metric.per_pod is not False


def _summed(series: str) -> str:
    """Return the PromQL that sums over pods, each counted once however many jobs scrape it."""
    return f"sum(max by (pod) (sum by (pod, job) ({series})))"


def _answered(function: str, pods: str, window: str) -> str:
    """Return the PromQL of all answered requests, failed ones included; counters of failures may not exist yet."""
    succeeded, failed = (
        _summed(f"{function}(nv_inference_request_{outcome}{{{pods}}}[{window}])") for outcome in ("success", "failure")
    )
    return f"{succeeded} + ({failed} or vector(0))"


def _pods(plan: Plan, record: RevisionRecord) -> str:
    """Return the matchers of a revision's pods, by labels that every usual scrape configuration sets."""
    workload = names.revision_child_name(plan.owner.name, record.revision)
    # Kubernetes truncates the prefix of generated names (apiserver, names/generate.go).
    begin = f"{workload}-"[:_LONGEST_BASE]
    return f'namespace="{plan.owner.namespace}",pod=~"{begin}.*"'
