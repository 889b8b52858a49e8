"""`spec.scaling` of a predictor: its own fields, KServe's annotations and Knative's, which may overlap."""

from collections.abc import Mapping
from typing import Any, Final

from nereid.cli.convert.annotations import Annotations
from nereid.cli.convert.findings import Findings
from nereid.cli.convert.part import Part

_KNATIVE: Final = "autoscaling.knative.dev"
_KSERVE: Final = "serving.kserve.io"
_TYPES: Final[Mapping[str, str]] = {
    "cpu": "CPU",
    "memory": "Memory",
    "concurrency": "Concurrency",
    "rps": "RequestRate",
}
# The targets of KServe and Knative if no target is given.
_TARGETS: Final[Mapping[str, float]] = {"CPU": 80, "Memory": 80, "Concurrency": 100, "RequestRate": 200}
# What KServe has containers ask for if they name no resources (its ConfigMap inferenceservice-config).
_DEFAULT_REQUESTS: Final[Mapping[str, str]] = {"cpu": "1", "memory": "2Gi"}
_NO_LIMIT: Final = "nothing is scaled without an upper limit: set spec.scaling.maxReplicas, and metrics to"
_NO_METRIC: Final = "no metric is named: Nereid's default decides, QueueRatio 0.5, where KServe's is CPU or requests"
_UTILIZATION: Final = "Utilization"
# Within which Prometheus has to scrape twice.
_LEAST_RETENTION: Final = 10
_HUNDRED: Final = 100


def scaling_fields(predictor: Part, annotations: Annotations, findings: Findings) -> dict[str, Any]:
    """Return `spec.scaling` for a predictor."""
    least, most = _bounds(predictor, annotations)
    scaler = annotations.take(f"{_KSERVE}/autoscalerClass")
    annotations.take(f"{_KNATIVE}/class")
    if scaler in {"external", "none"}:
        return _fixed(predictor, least, most, scaler, findings)
    metrics = _metrics(predictor, annotations, findings)
    if most is None and least == 0:
        most = 1
        findings.note(predictor.path_of("minReplicas"), "0 needs an upper limit: spec.scaling.maxReplicas is set to 1")
    if most is None or most <= (1 if least is None else least):
        if metrics and most is None:
            findings.add_lost(predictor.path_of("maxReplicas"), f"{_NO_LIMIT} {_summary(metrics)}")
        return {} if least is None else {"minReplicas": least}
    if not metrics:
        findings.note(predictor.path_of("maxReplicas"), _NO_METRIC)
    fields = {"minReplicas": least, "maxReplicas": most, "metrics": metrics, **_pace(predictor, annotations, least)}
    return {key: value for key, value in fields.items() if value not in (None, [], {})}


def requests_for(scaling: Mapping[str, Any], runtime: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Return the resources that pods need so that they can be scaled by a percentage of them."""
    resources = runtime.get("resources") or {}
    requested = set(resources.get("requests") or {}) | set(resources.get("limits") or {})
    needed = {metric["type"].lower() for metric in scaling.get("metrics", ())} & set(_DEFAULT_REQUESTS)
    missing = {name: _DEFAULT_REQUESTS[name] for name in sorted(needed - requested)}
    if not missing:
        return {}
    findings.note(
        "spec.predictor",
        f"scaling needs requests of {', '.join(missing)}: they are set to KServe's defaults, correct them if needed",
    )
    return {"resources": {**resources, "requests": {**(resources.get("requests") or {}), **missing}}}


def _bounds(predictor: Part, annotations: Annotations) -> tuple[int | None, int | None]:
    """Return the fewest and the most pods; KServe's 0 for the most stands for no limit."""
    least, most = predictor.take("minReplicas"), predictor.take("maxReplicas")
    lower = annotations.take_number(f"{_KNATIVE}/min-scale", f"{_KNATIVE}/minScale")
    upper = annotations.take_number(f"{_KNATIVE}/max-scale", f"{_KNATIVE}/maxScale")
    least = least if least is not None or lower is None else int(lower)
    most = most if most is not None or upper is None else int(upper)
    return least, most or None


def _fixed(predictor: Part, least: int | None, most: int | None, scaler: str, findings: Findings) -> dict[str, Any]:
    if scaler == "external":
        findings.note(
            predictor.path_of("maxReplicas"),
            "let your own scaler have the ModelDeployment's scale as its target",
        )
    elif most is not None and most != (least or 1):
        findings.add_lost(predictor.path_of("maxReplicas"), "autoscalerClass none asks for a fixed number of pods")
    return {"minReplicas": max(least, 1)} if least is not None else {}


def _metrics(predictor: Part, annotations: Annotations, findings: Findings) -> list[dict[str, Any]]:
    """Return what KServe scales by: of the ways to say it, the most detailed one that is used."""
    simple = _simple(predictor, annotations, findings)
    if "autoScaling" not in predictor:
        return simple
    parts = predictor.part("autoScaling").parts("metrics")
    return [metric for part in parts if (metric := _listed(part, findings))] or simple


def _summary(metrics: list[dict[str, Any]]) -> str:
    return ", ".join(f"{metric['type']} {metric['target']}" for metric in metrics)


def _simple(predictor: Part, annotations: Annotations, findings: Findings) -> list[dict[str, Any]]:
    target = predictor.take("scaleTarget")
    metric = predictor.take("scaleMetric") or annotations.take(f"{_KSERVE}/metric", f"{_KNATIVE}/metric")
    percentage = annotations.take_number(f"{_KSERVE}/targetUtilizationPercentage")
    aimed = annotations.take_number(f"{_KNATIVE}/target")
    share = annotations.take_number(
        f"{_KNATIVE}/target-utilization-percentage", f"{_KNATIVE}/targetUtilizationPercentage"
    )
    limit = predictor.take("containerConcurrency")
    if limit:
        findings.add_lost(predictor.path_of("containerConcurrency"), "Triton queues requests without such a limit")
    target = next((number for number in (target, percentage, aimed, limit) if number), None)
    if target is None and metric is None:
        return []
    # Without a metric, a percentage is one of the CPU, and any other target one of requests at a time.
    kind = _TYPES.get(metric or ("cpu" if percentage else "concurrency"))
    if kind is None or predictor.take("scaleMetricType") not in {None, _UTILIZATION, "AverageValue"}:
        findings.add_lost(predictor.path_of("scaleMetric"), f"Nereid does not scale by {metric}")
        return []
    if kind in {"CPU", "Memory"} and predictor.take("scaleMetricType") == "AverageValue":
        findings.add_lost(
            predictor.path_of("scaleTarget"), f"{kind} is scaled only by percentages, and {target} is not one"
        )
        return []
    aim = target or _TARGETS[kind]
    return [{"type": kind, "target": aim * share / _HUNDRED if share else aim}]


def _listed(metric: Part, findings: Findings) -> dict[str, Any] | None:
    """Return one of `autoScaling.metrics`, or None for one that has no counterpart."""
    match metric.take("type"):
        case "Resource" if "resource" in metric:
            resource = metric.part("resource")
            target = resource.part("target")
            kind, percent = _TYPES.get(str(resource.take("name"))), target.take("averageUtilization")
            if kind and target.take("type") == _UTILIZATION:
                return {"type": kind, "target": percent or _TARGETS[kind]}
        case "External" if "external" in metric:
            if query := _query(metric.part("external"), findings):
                return query
    findings.add_lost(
        metric.report_as_a_whole(),
        "pods follow percentages of CPU and memory, Triton's own figures, or PromQL with a plain number as its target",
    )
    return None


def _query(external: Part, findings: Findings) -> dict[str, Any] | None:
    metric, target = external.part("metric"), external.part("target")
    query, value = metric.take("query"), target.take("value") or target.take("averageValue")
    target.take("type")
    try:
        aim = float(value)
    except (TypeError, ValueError):
        return None
    if metric.take("backend") != "prometheus" or not query:
        return None
    if metric.take("serverAddress"):
        findings.note(
            metric.path_of("serverAddress"), "the query goes to the Prometheus that the operator is configured with"
        )
    return {"type": "Query", "query": query, "target": aim}


def _pace(predictor: Part, annotations: Annotations, least: int | None) -> dict[str, Any]:
    """Return how fast pods come and go."""
    behavior = predictor.part("autoScaling").take("behavior") or {} if "autoScaling" in predictor else {}
    rules = {direction: rule for direction, rule in behavior.items() if rule}
    delay = annotations.take(f"{_KNATIVE}/scale-down-delay")
    if delay and "scaleDown" not in rules:
        rules["scaleDown"] = {"stabilizationWindowSeconds": annotations.seconds(delay)}
    fields: dict[str, Any] = {"behavior": rules}
    retention = annotations.take(f"{_KNATIVE}/scale-to-zero-pod-retention-period")
    if retention and least == 0:
        fields["scaleToZeroAfter"] = f"{max(_LEAST_RETENTION, annotations.seconds(retention))}s"
    return fields
