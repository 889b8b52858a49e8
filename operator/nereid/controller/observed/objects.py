"""Facts of the objects that the operator creates or reads, except pods, which have modules of their own."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from nereid.api import names
from nereid.contract.sentence import as_sentence
from nereid.controller.observed.check_jobs import checks_facts, checks_job_facts
from nereid.controller.observed.facts import (
    DeploymentFacts,
    EndpointFacts,
    Facts,
    GatewayFacts,
    Problem,
    RevisionRecord,
    Route,
    RouteFacts,
    ServiceFacts,
    Shares,
)
from nereid.controller.observed.model_job_pods import model_job_facts, model_job_pod_facts
from nereid.controller.observed.pods import pod_facts
from nereid.controller.observed.scalers import autoscaler_facts, scaled_object_facts

_ALL: Final = 100


def facts_of(kind: str, raw: Mapping[str, Any]) -> Facts:
    """Return the facts of a raw child object; None for kinds of which only the existence matters."""
    match kind:
        case "Deployment":
            return deployment_facts(raw)
        case "Pod":
            return _pod_facts(raw)
        case "Job":
            return model_job_facts(raw) if names.LABEL_MODEL_JOB in _labels(raw) else checks_job_facts(raw)
        case "Service":
            return ServiceFacts()
        case "EndpointSlice":
            return endpoint_facts(raw)
        case "VirtualService":
            return route_facts(raw)
        case "HorizontalPodAutoscaler":
            return autoscaler_facts(raw)
        case "ScaledObject":
            return scaled_object_facts(raw)
        case "ControllerRevision":
            return revision_record(raw)
        case _:
            return None


def _pod_facts(raw: Mapping[str, Any]) -> Facts:
    labels = _labels(raw)
    if names.LABEL_CHECKS in labels:
        return checks_facts(raw)
    return model_job_pod_facts(raw) if names.LABEL_MODEL_JOB in labels else pod_facts(raw)


def deployment_facts(raw: Mapping[str, Any]) -> DeploymentFacts:
    """Return the facts of a Deployment."""
    status = raw.get("status", {})
    failures = [
        condition
        for condition in status.get("conditions", [])
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    return DeploymentFacts(
        replicas=raw["spec"].get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        problem=Problem("ReplicaFailure", as_sentence(failures[0].get("message", ""))) if failures else None,
    )


def endpoint_facts(raw: Mapping[str, Any]) -> EndpointFacts:
    """Return the facts of an EndpointSlice. Readiness that is not told counts as ready, as its API has it."""
    endpoints = raw.get("endpoints") or []
    ready = sum((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in endpoints)
    return EndpointFacts(raw.get("addressType", ""), ready)


def revision_record(raw: Mapping[str, Any]) -> RevisionRecord | None:
    """Return the record that a ControllerRevision keeps; None if somebody has damaged it."""
    data = raw.get("data") or {}
    if not data.keys() >= {"version", "modelUri", "template"}:
        return None
    return RevisionRecord(
        revision=_revision_label(raw),
        number=raw.get("revision", 0),
        version=data["version"],
        model_uri=data["modelUri"],
        template_json=names.canonical_json(data["template"]),
        model_name=data.get("modelName"),
        provenance_labels=_provenance_labels(raw),
    )


def recovered_record(deployment: Mapping[str, Any], model_uri: str) -> RevisionRecord:
    """Return the record of a revision whose ControllerRevision was lost, from its raw Deployment.

    What the template does not show of the model is in annotations; `model_uri` is used if an older operator wrote none.
    The template then holds the API server's defaults too; applying it again changes nothing and restarts no pods.
    """
    template = deployment["spec"]["template"]
    annotations = deployment["metadata"].get("annotations") or {}
    return RevisionRecord(
        revision=_revision_label(deployment),
        number=1,
        version=template["metadata"]["labels"]["version"],
        model_uri=annotations.get(names.ANNOTATION_MODEL_URI, model_uri),
        template_json=names.canonical_json(template),
        model_name=annotations.get(names.ANNOTATION_MODEL_NAME),
        provenance_labels=_provenance_labels(deployment),
    )


def route_facts(raw: Mapping[str, Any]) -> RouteFacts | None:
    """Return the facts of a VirtualService; None for that of previews, which does not carry the model's traffic."""
    if raw["metadata"].get("labels", {}).get(names.LABEL_ROUTE) == names.ROUTE_PREVIEW:
        return None
    return RouteFacts(tuple(_route(route) for route in raw.get("spec", {}).get("http") or []))


def _route(raw: Mapping[str, Any]) -> Route:
    """Read a route: a single destination, or a mirror, without a percentage gets all requests."""
    destinations = [(entry.get("destination"), entry.get("weight", _ALL)) for entry in raw.get("route") or []]
    mirrors = [(entry.get("destination"), _percentage(entry.get("percentage"))) for entry in raw.get("mirrors") or []]
    if "mirror" in raw:
        mirrors.append((raw["mirror"], _percentage(raw.get("mirrorPercentage"))))
    target = raw.get("headers", {}).get("request", {}).get("set", {}).get(names.HEADER_TARGET, "")
    return Route(raw.get("name", ""), _shares(destinations), _shares(mirrors), target)


def _shares(destinations: Iterable[tuple[Mapping[str, Any] | None, int]]) -> Shares:
    return frozenset(((destination or {}).get("host", ""), percent) for destination, percent in destinations)


def _percentage(raw: Mapping[str, Any] | None) -> int:
    percent: int = (raw or {}).get("value", _ALL)
    return percent


def gateway_facts(raw: Mapping[str, Any]) -> GatewayFacts:
    """Return the facts of an Istio Gateway; a server's hosts may name the namespaces that may use them."""
    spec, namespace = raw.get("spec", {}), raw["metadata"].get("namespace", "")
    servers = spec.get("servers", [])
    hosts = [host for server in servers for host in server.get("hosts", [])]
    tls_hosts = [host for server in servers if "mode" in server.get("tls", {}) for host in server.get("hosts", [])]
    ports = [server.get("port", {}).get("number") for server in servers]
    return GatewayFacts(
        tuple(host.rpartition("/")[2] for host in tls_hosts),
        tuple(_by_namespace(host, namespace) for host in hosts),
        frozenset(port for port in ports if port is not None),
        frozenset(spec.get("selector", {}).items()),
    )


def _by_namespace(host: str, own: str) -> str:
    """Return an entry of a Gateway's hosts as NAMESPACE/PATTERN; `.` is the Gateway's own namespace."""
    namespace, _, pattern = host.rpartition("/")
    return f"{own if namespace == '.' else namespace or '*'}/{pattern}"


def _revision_label(raw: Mapping[str, Any]) -> str:
    return str(_labels(raw).get(names.LABEL_REVISION, ""))


def _labels(raw: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = raw["metadata"].get("labels", {})
    return labels


def _provenance_labels(raw: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    labels = _labels(raw)
    return tuple((name, labels[name]) for name in names.PROVENANCE_LABELS if name in labels)
