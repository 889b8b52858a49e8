"""Which valid objects of the CRD have a spec that cannot be carried out, with sentences that say what to change.

Some rules cannot be expressed in a schema, such as Triton's fields; some objects were written under an older CRD. Pure.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from nereid.api import names
from nereid.api.model import ModelSpec
from nereid.api.model_deployment import ModelDeploymentSpec
from nereid.api.quantity import parse_bytes
from nereid.api.rollout import BlueGreenSpec
from nereid.api.runtime import RuntimeSpec, TensorMemory
from nereid.api.traffic import GATEWAY_MESSAGE, GATEWAY_PATTERN, HOST_MESSAGE, HOST_PATTERN, TrafficSpec
from nereid.contract import triton_config
from nereid.contract.check_job import checks_size_problem
from nereid.controller.observed.large_spec import config_problem
from nereid.controller.plan import header_regex, pod_patch
from nereid.controller.plan.placeholders import filled, placeholder_values
from nereid.controller.plan.settings import Settings

# The schema does not limit the depth of fields with free content.
MOST_LEVELS: Final = 100

# Labels by which Nereid, the mesh and its dashboards find the pods.
POD_LABELS: Final = (
    "app",
    "version",
    "service.istio.io/canonical-name",
    "service.istio.io/canonical-revision",
    names.LABEL_MANAGED_BY,
    names.LABEL_MODEL_DEPLOYMENT,
    names.LABEL_REVISION,
    # A pod with one of these counts as the pod of a Job.
    names.LABEL_CHECKS,
    names.LABEL_MODEL_JOB,
)


def admitted(spec: Mapping[str, Any]) -> ModelDeploymentSpec:
    """Return the parsed spec.

    Raises ValueError (pydantic's ValidationError is one) with what is wrong; `rejection` checks the model and the pods.
    """
    if _is_deeper(spec, MOST_LEVELS):
        raise ValueError(f"spec is nested more than {MOST_LEVELS} levels deep: make it flatter")
    parsed = ModelDeploymentSpec.model_validate(spec)
    _check_checks(parsed)
    _check_scaling(parsed)
    _check_ab_test(parsed)
    _check_traffic(parsed)
    return parsed


def rejection(spec: ModelDeploymentSpec, settings: Settings) -> str | None:
    """Return why a spec's model or its pods cannot become a revision, in a sentence; None if they can."""
    try:
        _check_model(spec.model, settings)
        _check_runtime(spec.runtime or RuntimeSpec(), settings)
    except ValueError as error:
        return str(error)
    return None


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(levels == 0 or _is_deeper(item, levels - 1) for item in inner)


def _check_model(model: ModelSpec, settings: Settings) -> None:
    _check_uri(model.uri)
    if model.max_size is not None:
        _check_max_size(model.max_size, settings.max_model_size)
    if model.cache:
        _check_size_of_memory("spec.model.cache.limit", model.cache.limit)
    if problem := config_problem(model.config):
        raise ValueError(problem)
    if problem := triton_config.problem(model.config, model.resolved_format()):
        raise ValueError(problem)
    if model.path and ".." in model.path.split("/"):
        raise ValueError("spec.model.path leads out of its source: write it without '..'")


def _check_runtime(runtime: RuntimeSpec, settings: Settings) -> None:
    _check_env([variable.name for variable in runtime.env or ()])
    memory = runtime.tensor_memory or TensorMemory()
    for field, size in (("shared", memory.shared), ("pinned", memory.pinned), ("cuda", memory.cuda)):
        if size is not None:
            _check_size_of_memory(f"spec.runtime.tensorMemory.{field}", size)
    if runtime.pod_template and not settings.allow_pod_template:
        raise ValueError(
            "spec.runtime.podTemplate is disabled on this operator (Helm value models.allowPodTemplate): remove it"
        )
    if problem := pod_patch.problem(runtime.pod_template or {}, POD_LABELS):
        raise ValueError(f"spec.runtime.podTemplate: {problem}")


def _check_env(variables: Sequence[str]) -> None:
    if names.ENV_POD_UID in variables:
        raise ValueError(f"spec.runtime.env: {names.ENV_POD_UID} is set by the operator: choose another name")
    for name, times in Counter(variables).items():
        if times > 1:
            raise ValueError(f"spec.runtime.env: {name} is set {times} times: keep one of them")


def _check_size_of_memory(field: str, size: str) -> None:
    try:
        parse_bytes(size)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error


def _check_max_size(size: str, most: str) -> None:
    _check_size_of_memory("spec.model.maxSize", size)
    if parse_bytes(size) > parse_bytes(most):
        raise ValueError(
            f"spec.model.maxSize is {size}, and this operator allows {most} (Helm value models.maxSize): lower it, or "
            "have the operator's value raised"
        )


def _check_uri(uri: str) -> None:
    try:
        urlsplit(uri)
    except ValueError as error:
        raise ValueError(f"spec.model.uri: {uri} is not a valid URI ({error})") from error


def _check_checks(spec: ModelDeploymentSpec) -> None:
    checks = spec.rollout.checks if spec.rollout else None
    items = (checks and checks.items) or ()
    if problem := checks_size_problem(items):
        raise ValueError(problem)
    for check in items:
        path = check.dataset.path if check.dataset else None
        if path and ".." in path.split("/"):
            raise ValueError(
                f"spec.rollout.checks: dataset.path of {check.name} leads out of its source: write it without '..'"
            )


def _check_ab_test(spec: ModelDeploymentSpec) -> None:
    ab_test = spec.rollout.ab_test if spec.rollout else None
    headers = (ab_test and ab_test.headers) or ()
    if problem := header_regex.problem([(header.name, header.regex) for header in headers if header.regex]):
        raise ValueError(f"spec.rollout.abTest: {problem}")


def _check_traffic(spec: ModelDeploymentSpec) -> None:
    """Check what keeps hosts at their Gateways: without one, a VirtualService takes its hosts in the whole mesh."""
    traffic = spec.traffic or TrafficSpec()
    blue_green = (spec.rollout and spec.rollout.blue_green) or BlueGreenSpec()
    fields = {"spec.traffic.hosts": traffic.hosts, "spec.rollout.blueGreen.previewHosts": blue_green.preview_hosts}
    for name, hosts in fields.items():
        if hosts and not traffic.gateways:
            raise ValueError(
                f"{name} needs spec.traffic.gateways, the Istio Gateways that receive its requests: set them"
            )
        for host in hosts or ():
            if not re.fullmatch(HOST_PATTERN, host):
                raise ValueError(f"{name}: {host} {HOST_MESSAGE}")
    for gateway in traffic.gateways or ():
        if not re.fullmatch(GATEWAY_PATTERN, gateway):
            raise ValueError(f"spec.traffic.gateways: {gateway} {GATEWAY_MESSAGE}")


def _check_placeholders(query: str) -> None:
    try:
        filled(query, placeholder_values("", "", ""))
    except ValueError as error:
        raise ValueError(f"spec.scaling.metrics: {error}") from error


def _check_scaling(spec: ModelDeploymentSpec) -> None:
    for metric in (spec.scaling and spec.scaling.metrics) or ():
        if metric.query:
            _check_placeholders(metric.query)
