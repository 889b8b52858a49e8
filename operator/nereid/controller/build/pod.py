"""The pod template of a revision: Triton, and the init container that fetches the model.

It is built once, when the revision is created, and kept in the revision's record: changes here affect new revisions
only.
"""

from pathlib import PurePosixPath
from typing import Any, Final

from nereid.api import names
from nereid.api.model import Format
from nereid.api.quantity import as_size, parse_bytes
from nereid.contract.fetch_job import CACHE, CLAIM, ENV_WORK, IMAGE, MODELS, FetchWork, ForestBackend
from nereid.contract.source import OciSource, claim_of, source_of
from nereid.controller.build import hardware, source_access
from nereid.controller.build.cloud_identity import only_for_fetching
from nereid.controller.build.metadata import common_labels, mesh_labels, selector_labels
from nereid.controller.build.pull_secrets import pull_secrets
from nereid.controller.plan.plan import Specified
from nereid.controller.plan.pod_patch import merged
from nereid.controller.plan.pod_policy import ISTIO_ANNOTATIONS, ISTIO_LABELS
from nereid.controller.plan.pod_security import RESTRICTED_CONTAINER, RESTRICTED_POD, completed

# What a client must not do: load another model, run its code, write traces, or map the server's memory.
CLOSED_APIS: Final = "model-repository,trace,logging,shared-memory"

_FORESTS: Final = (Format.XGBOOST, Format.LIGHTGBM)

DEFAULT_GRACE_SECONDS: Final = 90
# A terminating pod still gets requests until every proxy has removed it; Triton keeps serving meanwhile.
PRE_STOP_SECONDS: Final = 15
# Triton's own default: one request of a thousand.
DEFAULT_SAMPLE_PERCENT: Final = 0.1
_PERCENT: Final = 100
# For what a directory and the rest of a file's last block take of the disk, beside the bytes of up to 100,000 files.
_MODELS_MARGIN: Final = 1 << 30
# The container that fetches the model writes nothing there, but a library might.
_FETCH_TMP_SIZE: Final = "1Gi"
# The time that is left for unloading the model and for the sidecar after Triton's own exit timeout.
EXIT_MARGIN_SECONDS: Final = 10


def pod_template(plan: Specified, version: str) -> dict[str, Any]:
    """Return the pod template of the plan's revision, with every default resolved, and the user's patch over it."""
    patched = merged(_template(plan, version), plan.runtime.pod_template or {})
    return only_for_fetching(completed(patched, plan.settings.pod_security))


def _template(plan: Specified, version: str) -> dict[str, Any]:
    return {
        "metadata": {
            "labels": {
                **common_labels(plan.owner),
                names.LABEL_REVISION: plan.revision,
                **mesh_labels(plan.owner.name, version),
                **ISTIO_LABELS,
            },
            "annotations": {
                "kubectl.kubernetes.io/default-container": names.CONTAINER_TRITON,
                **ISTIO_ANNOTATIONS,
                # Istio merges these metrics into the sidecar's, which can be scraped under STRICT mTLS.
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(names.PORT_METRICS),
                "prometheus.io/path": "/metrics",
                "kiali.io/dashboards": "triton,envoy",
            },
        },
        "spec": _pod_spec(plan),
    }


def _pod_spec(plan: Specified) -> dict[str, Any]:
    runtime = plan.runtime.pod_fields()
    return {
        "initContainers": [_fetch_container(plan)],
        "containers": [_triton_container(plan, runtime)],
        "volumes": _volumes(plan),
        "securityContext": _security(plan),
        "terminationGracePeriodSeconds": _grace_seconds(plan),
        "enableServiceLinks": False,
        "topologySpreadConstraints": hardware.topology_spread(
            plan.runtime, selector_labels(plan.owner.name, plan.revision)
        ),
        **{key: runtime[key] for key in ("nodeSelector", "priorityClassName") if key in runtime},
        **hardware.placement(plan.runtime),
        **source_access.identity(plan.runtime),
        **pull_secrets(plan.runtime, *_image_volume_secrets(plan)),
    }


def _security(plan: Specified) -> dict[str, Any]:
    if plan.model.cache is None:
        return dict(RESTRICTED_POD)
    # All pods write to the cache, whoever created its volume.
    return {**RESTRICTED_POD, "fsGroup": RESTRICTED_POD["runAsGroup"], "fsGroupChangePolicy": "OnRootMismatch"}


def _triton_container(plan: Specified, runtime: dict[str, Any]) -> dict[str, Any]:
    container = {
        "name": names.CONTAINER_TRITON,
        "image": runtime.get("image", plan.settings.triton_image),
        "imagePullPolicy": runtime.get("imagePullPolicy", plan.settings.image_pull_policy),
        "args": [
            "tritonserver",
            f"--model-repository={MODELS}",
            f"--exit-timeout-secs={_grace_seconds(plan) - PRE_STOP_SECONDS - EXIT_MARGIN_SECONDS}",
            *_closed_apis(runtime.get("args", [])),
            *hardware.memory_pools(plan.runtime),
            *_tracing(plan),
            *runtime.get("args", []),
        ],
        "env": [
            {"name": names.ENV_POD_UID, "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            *runtime.get("env", []),
        ],
        "ports": [
            {"name": "http", "containerPort": names.PORT_HTTP, "protocol": "TCP"},
            {"name": "grpc", "containerPort": names.PORT_GRPC, "protocol": "TCP"},
            {"name": "http-metrics", "containerPort": names.PORT_METRICS, "protocol": "TCP"},
        ],
        # A model may take an hour to load; after that, a minute without a sign of life restarts Triton.
        "startupProbe": _probe("/v2/health/ready", period=2, failures=1800),
        "readinessProbe": _probe("/v2/health/ready", period=5, failures=3),
        "livenessProbe": _probe("/v2/health/live", period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        # The end of Triton's log shows why a model did not load; the operator reads it from the pod's status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "models", "mountPath": str(MODELS), "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount of its own, not a shared folder
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - a mount of its own too
            *_mounted_model(plan),
        ],
    }
    resources = hardware.resources(plan.runtime)
    return {**container, **({"resources": resources} if resources else {})}


def _closed_apis(arguments: list[str]) -> list[str]:
    """Return the arguments that close Triton's administrative interfaces, unless the user sets them otherwise.

    Triton opens them to clients that send a value in a header (docs/customization_guide/inference_protocols.md); that
    value is the pod's uid, which no client knows.
    """
    flags = {
        "--http-restricted-api": f"{CLOSED_APIS}:nereid=$({names.ENV_POD_UID})",
        "--grpc-restricted-protocol": f"{CLOSED_APIS}:nereid=$({names.ENV_POD_UID})",
    }
    own = {argument.partition("=")[0] for argument in arguments}
    return [f"{flag}={value}" for flag, value in flags.items() if flag not in own]


def _tracing(plan: Specified) -> list[str]:
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


def _fetch_container(plan: Specified) -> dict[str, Any]:
    return {
        "name": names.CONTAINER_FETCH,
        "image": plan.settings.models_image,
        "imagePullPolicy": plan.settings.image_pull_policy,
        "args": ["fetch"],
        "env": [source_access.variable(ENV_WORK, _fetch_work(plan))],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        # It writes the cause of a failure as the termination message; if it ends before, the end of its log shows it.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "models", "mountPath": str(MODELS)},
            {"name": "fetch-tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount of its own, not a shared folder
            *_mounted_model(plan),
            *source_access.mounts(plan.model),
            *([{"name": "model-cache", "mountPath": str(CACHE)}] if plan.model.cache else []),
        ],
    }


def _fetch_work(plan: Specified) -> FetchWork:
    model = plan.model
    request = source_access.request(model, plan.model_uri, plan.settings)
    model_format = model.resolved_format()
    backend = ForestBackend(plan.settings.forest_backend) if model_format in _FORESTS else ForestBackend.FIL
    return FetchWork(
        plan.model_uri,
        path=PurePosixPath(model.path) if model.path else None,
        endpoint=request.endpoint,
        credentials=request.credentials,
        ca_bundle=request.ca_bundle,
        digest=model.digest,
        cache=CACHE if model.cache else None,
        cache_limit=parse_bytes(model.cache.limit) if model.cache else None,
        format=model_format,
        model_name=plan.model_name,
        mounted=IMAGE if _is_image_volume(plan) else None,
        config=model.config or {},
        forest_backend=backend,
        max_bytes=_max_bytes(plan),
    )


def _max_bytes(plan: Specified) -> int:
    """Return how many bytes may be downloaded, and how many unpacked."""
    return parse_bytes(plan.model.max_size or plan.settings.max_model_size)


def _volumes(plan: Specified) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        # An archive is there beside what is unpacked from it.
        {"name": "models", "emptyDir": {"sizeLimit": as_size(2 * _max_bytes(plan) + _MODELS_MARGIN)}},
        # Triton's Python backend unpacks a model's own environment there.
        {"name": "tmp", "emptyDir": {"sizeLimit": as_size(_max_bytes(plan))}},
        {"name": "fetch-tmp", "emptyDir": {"sizeLimit": _FETCH_TMP_SIZE}},
        {"name": "shared-memory", "emptyDir": hardware.shared_memory(plan.runtime)},
        *source_access.volumes(plan.model),
    ]
    if claim := claim_of(plan.model.uri):
        volumes.append({"name": "claim", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}})
    if _is_image_volume(plan):
        reference = plan.model_uri.partition("://")[2]
        # Always: a registry is asked with this namespace's credentials, whoever else had the node pull the image.
        volumes.append({"name": "model-image", "image": {"reference": reference, "pullPolicy": "Always"}})
    if cache := plan.model.cache:
        volumes.append({"name": "model-cache", "persistentVolumeClaim": {"claimName": cache.claim}})
    return volumes


def _is_image_volume(plan: Specified) -> bool:
    image_volume = plan.model.image_volume
    return isinstance(source_of(plan.model_uri), OciSource) and (
        plan.settings.image_volumes if image_volume is None else image_volume
    )


def _image_volume_secrets(plan: Specified) -> list[str]:
    """Return the Secret with which the kubelet pulls the model as an image volume, if it does."""
    credentials = plan.model.credentials
    return [credentials.secret_name] if credentials and _is_image_volume(plan) else []


def _mounted_model(plan: Specified) -> list[dict[str, Any]]:
    if claim_of(plan.model.uri):
        return [{"name": "claim", "mountPath": str(CLAIM), "readOnly": True}]
    if _is_image_volume(plan):
        return [{"name": "model-image", "mountPath": str(IMAGE), "readOnly": True}]
    return []


def _grace_seconds(plan: Specified) -> int:
    return plan.runtime.termination_grace_period_seconds or DEFAULT_GRACE_SECONDS


def _probe(path: str, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
