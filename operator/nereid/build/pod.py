"""The pod template of a revision: Triton, and before it the container that fetches the model.

It is built once, when the revision is made, and kept in the revision's record: what follows here shapes new revisions
only.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from nereid import names
from nereid.build.metadata import common_labels, mesh_labels
from nereid.build.security import RESTRICTED_CONTAINER, RESTRICTED_POD
from nereid.plan import Plan

MODELS_PATH: Final = "/models"
CLAIM_PATH: Final = "/mnt/model"
CA_BUNDLE_PATH: Final = "/etc/nereid/ca.crt"

IN_FLIGHT_STATS: Final = rf"http\.inbound_.*_({names.PORT_HTTP}|{names.PORT_GRPC});?\.downstream_rq_active"

DEFAULT_GRACE_SECONDS: Final = 90
# A pod that is to end is still sent requests until every proxy has heard of it; Triton goes on serving meanwhile.
PRE_STOP_SECONDS: Final = 15
# Triton's own: one of a thousand.
DEFAULT_SAMPLE_PERCENT: Final = 0.1
_PERCENT: Final = 100
# What is left for unloading the model and for the sidecar after Triton's own exit timeout.
EXIT_MARGIN_SECONDS: Final = 10


def pod_template(plan: Plan, version: str) -> dict[str, Any]:
    """Return the pod template of the plan's revision, with every default resolved."""
    return {
        "metadata": {
            "labels": {
                **common_labels(plan.owner),
                names.LABEL_REVISION: plan.revision,
                **mesh_labels(plan.owner.name, version),
                "sidecar.istio.io/inject": "true",
            },
            "annotations": {
                "kubectl.kubernetes.io/default-container": names.CONTAINER_TRITON,
                # The sidecar must run before the model is fetched, and after Triton has finished its last request.
                "sidecar.istio.io/nativeSidecar": "true",
                # Istio merges these metrics into the sidecar's, which can be scraped under STRICT mTLS.
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(names.PORT_METRICS),
                "prometheus.io/path": "/metrics",
                "kiali.io/dashboards": "triton,envoy",
                # The sidecar shows how many requests are in flight, so that pods go only when none is.
                "sidecar.istio.io/statsInclusionRegexps": IN_FLIGHT_STATS,
            },
        },
        "spec": _pod_spec(plan),
    }


def _pod_spec(plan: Plan) -> dict[str, Any]:
    runtime = plan.runtime.pod_fields()
    spec: dict[str, Any] = {
        "initContainers": [_fetch_container(plan)],
        "containers": [_triton_container(plan, runtime)],
        "volumes": _volumes(plan),
        "securityContext": RESTRICTED_POD,
        "terminationGracePeriodSeconds": _grace_seconds(plan),
        "enableServiceLinks": False,
        **{key: runtime[key] for key in ("nodeSelector", "tolerations", "imagePullSecrets") if key in runtime},
    }
    if "serviceAccountName" in runtime:
        return {**spec, "serviceAccountName": runtime["serviceAccountName"]}
    return {**spec, "automountServiceAccountToken": False}


def _triton_container(plan: Plan, runtime: dict[str, Any]) -> dict[str, Any]:
    container = {
        "name": names.CONTAINER_TRITON,
        "image": runtime.get("image", plan.settings.triton_image),
        "imagePullPolicy": runtime.get("imagePullPolicy", plan.settings.image_pull_policy),
        "args": [
            "tritonserver",
            f"--model-repository={MODELS_PATH}",
            f"--exit-timeout-secs={_grace_seconds(plan) - PRE_STOP_SECONDS - EXIT_MARGIN_SECONDS}",
            *_tracing(plan),
            *runtime.get("args", []),
        ],
        "ports": [
            {"name": "http", "containerPort": names.PORT_HTTP, "protocol": "TCP"},
            {"name": "grpc", "containerPort": names.PORT_GRPC, "protocol": "TCP"},
            {"name": "http-metrics", "containerPort": names.PORT_METRICS, "protocol": "TCP"},
        ],
        # Loading may take long, being alive must not: an hour for the first, a minute for the second.
        "startupProbe": _probe("/v2/health/ready", period=2, failures=1800),
        "readinessProbe": _probe("/v2/health/ready", period=5, failures=3),
        "livenessProbe": _probe("/v2/health/live", period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        # The end of Triton's log says why a model did not load; the operator reads it from the pod's status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "models", "mountPath": MODELS_PATH, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount of its own, not a shared folder
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - likewise
            *_claim_mounts(plan),
        ],
    }
    return {**container, **{key: runtime[key] for key in ("env", "resources") if key in runtime}}


def _tracing(plan: Plan) -> list[str]:
    """Return the arguments by which Triton sends its spans (Triton, docs/user_guide/trace.md, OpenTelemetry)."""
    tracing = plan.runtime.tracing
    if tracing is None:
        return []
    every = max(1, round(_PERCENT / (tracing.sample_percent or DEFAULT_SAMPLE_PERCENT)))
    settings = (
        "mode=opentelemetry",
        "level=TIMESTAMPS",
        f"rate={every}",
        f"opentelemetry,url={tracing.url}",
        f"opentelemetry,resource=service.name={plan.owner.name}",
        f"opentelemetry,resource=service.namespace={plan.owner.namespace}",
        f"opentelemetry,resource=service.version={names.version_label(plan.model.version, plan.revision)}",
    )
    return [f"--trace-config={setting}" for setting in settings]


def _fetch_container(plan: Plan) -> dict[str, Any]:
    model = plan.model
    mounts = [{"name": "models", "mountPath": MODELS_PATH}, *_claim_mounts(plan)]
    arguments = [
        "fetch",
        f"--uri={model.uri}",
        f"--format={model.resolved_format()}",
        f"--model-name={plan.model_name}",
        f"--destination={MODELS_PATH}",
    ]
    if model.digest:
        arguments.append(f"--digest={model.digest}")
    if model.ca_bundle:
        arguments.append(f"--ca-bundle={CA_BUNDLE_PATH}")
        mounts.append({"name": "ca-bundle", "mountPath": "/etc/nereid", "readOnly": True})
    return {
        "name": names.CONTAINER_FETCH,
        "image": plan.settings.fetch_image,
        "imagePullPolicy": plan.settings.image_pull_policy,
        "args": arguments,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        # It says why it failed; should it end before it can, the end of its log does.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": mounts,
    }


def _volumes(plan: Plan) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "models", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
    ]
    if claim := _claim(plan):
        volumes.append({"name": "claim", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}})
    if bundle := plan.model.ca_bundle:
        # Optional, so that the fetch container can say that it is missing; the kubelet would wait in silence.
        source = {"name": bundle.name, "optional": True, "items": [{"key": bundle.key, "path": "ca.crt"}]}
        volumes.append({"name": "ca-bundle", "configMap": source})
    return volumes


def _claim(plan: Plan) -> str | None:
    uri = urlsplit(plan.model.uri)
    return uri.netloc if uri.scheme == "pvc" else None


def _claim_mounts(plan: Plan) -> list[dict[str, Any]]:
    return [{"name": "claim", "mountPath": CLAIM_PATH, "readOnly": True}] if _claim(plan) else []


def _grace_seconds(plan: Plan) -> int:
    return plan.runtime.termination_grace_period_seconds or DEFAULT_GRACE_SECONDS


def _probe(path: str, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
