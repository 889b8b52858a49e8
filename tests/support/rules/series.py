"""The series of a model named digits in namespace shop, as operator, mesh and Triton tell them."""

from tests.support.rules.case import Series

REVISION = "bcdfghjk"
OTHER = "vvvvvvvv"
MODEL = 'namespace="shop", name="digits"'
# As a value of a series: for longer than any case lasts.
ALWAYS = "1x6000"


def operator(metric: str, values: str = ALWAYS, **labels: str) -> Series:
    """Return a series that the operator tells of the model."""
    text = "".join(f', {label}="{value}"' for label, value in labels.items())
    return {f"{metric}{{{MODEL}{text}}}": values}


def condition(kind: str, status: str, values: str = ALWAYS) -> Series:
    return operator("nereid_model_deployment_condition", values, type=kind, status=status)


def revision(role: str, values: str = ALWAYS, revision: str = REVISION) -> Series:
    return operator("nereid_revision_info", values, revision=revision, version=f"1-{revision}", role=role)


def ready(pods: str, role: str = "stable") -> Series:
    return operator("nereid_revision_ready_replicas", pods, revision=REVISION, role=role)


def objective(values: str = "0.995x400") -> Series:
    return operator("nereid_model_deployment_objective", values, objective="availability")


def latency_objective(bound: str = "250", percent: str = "0.99x400") -> Series:
    share = operator("nereid_model_deployment_objective", percent, objective="latency")
    return share | operator("nereid_model_deployment_latency_bound", bound=bound)


def answers(values: str, source: str = "shop-front", revision: str = REVISION, **labels: str) -> Series:
    """Return Istio's counter of one kind of answers, 200 unless told otherwise, as a caller in shop has it."""
    told = {"namespace": "shop", "response_code": "200", "response_flags": "-", "grpc_response_status": ""} | labels
    text = ", ".join(f'{label}="{value}"' for label, value in told.items())
    return {f"istio_requests_total{{{_seen(source, revision)}, {text}}}": values}


def answered(values: str, caller: str, namespace: str = "shop", **labels: str) -> Series:
    """Return the same of the requests of a namespace, as a pod of the revision in namespace shop has it."""
    told = {
        "reporter": "destination",
        "namespace": namespace,
        "source_workload_namespace": caller,
        "source_canonical_service": "front",
        "destination_workload": f"digits-{REVISION}",
        "destination_workload_namespace": "shop",
        "response_code": "200",
        "response_flags": "-",
        "grpc_response_status": "",
    }
    text = ", ".join(f'{label}="{value}"' for label, value in (told | labels).items())
    return {f"istio_requests_total{{{text}}}": values}


def bucket(bound: str, values: str, source: str = "shop-front") -> Series:
    seen = _seen(source, REVISION)
    return {f'istio_request_duration_milliseconds_bucket{{namespace="shop", {seen}, le="{bound}"}}': values}


def requests(values: str, outcome: str = "ok") -> Series:
    """Return requests per second, as they are recorded."""
    return operator("nereid:revision_requests:rate1m", values, revision=REVISION, role="stable", outcome=outcome)


def timed(values: str, le: str = "+Inf") -> Series:
    """Return requests per second that were no slower than `le`, as they are recorded."""
    return operator("nereid:revision_latency_bucket:rate1m", values, revision=REVISION, role="stable", le=le)


def triton(metric: str, values: str, pod: str = "a", **labels: str) -> Series:
    """Return a series of a pod of the model, with the labels that the PodMonitor gives it."""
    told = {"namespace": "shop", "pod": f"digits-{REVISION}-{pod}", "model_deployment": "digits", "revision": REVISION}
    text = ", ".join(f'{label}="{value}"' for label, value in (told | labels).items())
    return {f"{metric}{{{text}}}": values}


def _seen(source: str, revision: str) -> str:
    return (
        'reporter="source", destination_service_namespace="shop", '
        f'destination_service_name="digits-{revision}", source_canonical_service="{source}"'
    )
