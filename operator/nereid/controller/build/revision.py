"""What exists once for each revision: its record, its Deployment, its Service."""

from typing import Any, Final

from nereid.api import names
from nereid.api.identity import Owner
from nereid.controller.build.metadata import Manifest, annotated, child, mesh_labels, selector_labels
from nereid.controller.build.pod import PRE_STOP_SECONDS, pod_template
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.observed.facts import RevisionRecord
from nereid.controller.plan.plan import Specified

HTTP: Final = {"name": "http", "port": names.PORT_HTTP, "targetPort": "http", "appProtocol": "http"}
GRPC: Final = {"name": "grpc", "port": names.PORT_GRPC, "targetPort": "grpc", "appProtocol": "grpc"}
# Shorter than the pod's preStop, so that Triton does not have to wait for idle connections.
IDLE_TIMEOUT_SECONDS: Final = PRE_STOP_SECONDS - 5
METRICS: Final = {
    "name": "http-metrics",
    "port": names.PORT_METRICS,
    "targetPort": "http-metrics",
    "appProtocol": "http",
}


def new_record(plan: Specified) -> RevisionRecord:
    """Return a new record of the plan's revision."""
    version = names.version_label(plan.model.version, plan.revision)
    return RevisionRecord(
        revision=plan.revision,
        number=plan.owner.generation,
        version=version,
        model_uri=plan.model_uri,
        template_json=names.canonical_json(pod_template(plan, version)),
        model_name=plan.model_name,
    )


def controller_revision(owner: Owner, record: RevisionRecord) -> Manifest:
    """Return the ControllerRevision that keeps a record."""
    return revision_child(
        "apps/v1", "ControllerRevision", owner, record, {"revision": record.number, "data": record.data()}
    )


def deployment(owner: Owner, record: RevisionRecord, live: LiveRevision, min_ready_seconds: int) -> Manifest:
    """Return a revision's Deployment; its number of pods is left out once a scaler sets it."""
    is_scaled = live.scale is not None and live.scale.in_charge
    spec = {
        **({} if is_scaled else {"replicas": live.replicas}),
        "minReadySeconds": min_ready_seconds,
        "selector": {"matchLabels": selector_labels(owner.name, record.revision)},
        "template": record.template,
    }
    model = {names.ANNOTATION_MODEL_NAME: record.model_name, names.ANNOTATION_MODEL_URI: record.model_uri}
    manifest = revision_child("apps/v1", "Deployment", owner, record, {"spec": spec})
    return annotated(manifest, {name: value for name, value in model.items() if value})


def service(owner: Owner, record: RevisionRecord) -> Manifest:
    """Return the Service of one revision, which routes name as their destination."""
    return revision_child("v1", "Service", owner, record, {"spec": service_spec(owner, record.revision, METRICS)})


def destination_rule(owner: Owner, record: RevisionRecord, cluster_domain: str) -> Manifest:
    """Return the DestinationRule by which proxies close idle connections to a revision, on both sides.

    A terminating Triton waits for its open connections, so that without this a pod stays for its whole grace period.
    """
    host = revision_host(owner, record.revision, cluster_domain)
    idle = {"connectionPool": {"http": {"idleTimeout": f"{IDLE_TIMEOUT_SECONDS}s"}}}
    return revision_child(
        "networking.istio.io/v1", "DestinationRule", owner, record, {"spec": {"host": host, "trafficPolicy": idle}}
    )


def revision_host(owner: Owner, revision: str, cluster_domain: str) -> str:
    """Return the full name of a revision's Service."""
    return service_host(owner, names.revision_child_name(owner.name, revision), cluster_domain)


def service_host(owner: Owner, service: str, cluster_domain: str) -> str:
    """Return the full name of a Service, which means the same in every namespace."""
    return f"{service}.{owner.namespace}.svc.{cluster_domain}"


def service_spec(owner: Owner, revision: str, *more_ports: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of a Service in front of a revision's pods."""
    ports = [{**port, "protocol": "TCP"} for port in (HTTP, GRPC, *more_ports)]
    return {"type": "ClusterIP", "selector": selector_labels(owner.name, revision), "ports": ports}


def revision_child(api_version: str, kind: str, owner: Owner, record: RevisionRecord, body: dict[str, Any]) -> Manifest:
    """Return a child of which each revision has one, with the usual name and labels."""
    labels = {names.LABEL_REVISION: record.revision, **mesh_labels(owner.name, record.version)}
    return child(api_version, kind, names.revision_child_name(owner.name, record.revision), owner, labels, body)
