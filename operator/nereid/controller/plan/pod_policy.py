"""Which pods a spec may ask for: the installer's policy, which names the chart's value that allows what it refuses.

Anyone who may write a ModelDeployment has the operator make pods, and policies of the cluster that go by who asks see
the operator. So the operator itself holds specs to what whoever installed it allows. It judges the pods as they come
out of `spec.runtime` and its patch, and not the patch. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from nereid.api import names
from nereid.api.runtime import RuntimeSpec
from nereid.controller.plan.pod_patch import merged
from nereid.controller.plan.pod_security import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    completed,
    containers_of,
    excess,
    items,
    mapping,
    text,
    volumes_of,
)
from nereid.controller.plan.settings import Settings

# By these, Istio makes the sidecar that counts and routes a revision's requests.
ISTIO_LABELS: Final[Mapping[str, str]] = {"sidecar.istio.io/inject": "true"}
ISTIO_ANNOTATIONS: Final[Mapping[str, str]] = {
    # The sidecar must run before the model is fetched, and after Triton has finished its last request.
    "sidecar.istio.io/nativeSidecar": "true",
    # The sidecar reports requests in flight, so that pods are removed only when there are none.
    "sidecar.istio.io/statsInclusionRegexps": (
        rf"http\.inbound_.*_({names.PORT_HTTP}|{names.PORT_GRPC});?\.downstream_rq_active"
    ),
}
# How much the sidecar may use, and how much it logs.
_HARMLESS: Final = frozenset(
    {
        *("sidecar.istio.io/proxyCPU", "sidecar.istio.io/proxyCPULimit"),
        *("sidecar.istio.io/proxyMemory", "sidecar.istio.io/proxyMemoryLimit"),
        *("sidecar.istio.io/logLevel", "sidecar.istio.io/componentLogLevel"),
    }
)
_ISTIO: Final = "istio.io"
# Istio's injector takes containers of these names as changes of its own, and what a proxy's user sends passes by the
# proxy. Each may be had where the annotation is allowed that does the same.
_ISTIOS_CONTAINERS: Final = frozenset({"istio-proxy", "istio-init", "istio-validation"})
_ANOTHER_PROXY: Final = "sidecar.istio.io/proxyImage"
_ISTIOS_USER: Final = 1337
_PAST_THE_PROXY: Final = "traffic.sidecar.istio.io/excludeOutboundIPRanges"
_PLACEMENT: Final = ("nodeName", "nodeSelector", "tolerations", "affinity")
_SECRET_REFERENCES: Final = ("secretRef", "secretName", "nodePublishSecretRef")
_SECRETS_STORE: Final = "secrets-store"
_DEFAULT_ACCOUNT: Final = "default"
_DOCKER_HUB: Final = "docker.io"
_BELOW: Final = "/*"


def refusal(runtime: RuntimeSpec, settings: Settings) -> str | None:
    """Return why the installer does not allow the pods of `spec.runtime`, in a sentence; None if they are allowed."""
    template = completed(merged(_outline(runtime), runtime.pod_template or {}), settings.pod_security)
    refused = chain(
        _privileges(template, settings),
        _accounts(template, runtime, settings),
        _istio_metadata(template, settings),
        _istios_own(template, settings),
        _images(template, runtime, settings),
        _priorities(template, runtime, settings),
        _placement(template, runtime, settings),
        _secrets(template, settings),
    )
    return next(refused, None)


def is_among(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of the patterns, or begins as one that ends with `*` does."""
    return any(
        name.startswith(pattern.removesuffix("*")) if pattern.endswith("*") else name == pattern for pattern in patterns
    )


def repository_of(image: str) -> str:
    """Return an image's repository, without tag and digest and with the registry's host, as the kubelet reads it."""
    path = image.partition("@")[0]
    before, slash, last = path.rpartition("/")
    path = f"{before}{slash}{last.partition(':')[0]}"
    host, slash, rest = path.partition("/")
    if not slash:
        return f"{_DOCKER_HUB}/library/{path}"
    if host in {_DOCKER_HUB, "index.docker.io"}:
        return f"{_DOCKER_HUB}/{rest}" if "/" in rest else f"{_DOCKER_HUB}/library/{rest}"
    return path if "." in host or ":" in host or host == "localhost" else f"{_DOCKER_HUB}/{path}"


def _outline(runtime: RuntimeSpec) -> dict[str, Any]:
    """Return what a policy asks of a revision's pods, before the patch: the user's fields, and Nereid's own promises.

    `build.pod` makes the pods; a test compares the two.
    """
    fields = runtime.pod_fields()
    triton = {
        "name": names.CONTAINER_TRITON,
        "image": fields.get("image", ""),
        "env": fields.get("env", []),
        "securityContext": RESTRICTED_CONTAINER,
    }
    fetch = {"name": names.CONTAINER_FETCH, "image": "", "securityContext": RESTRICTED_CONTAINER}
    kept = ("nodeSelector", "tolerations", "priorityClassName", "serviceAccountName")
    return {
        "metadata": {"labels": dict(ISTIO_LABELS), "annotations": dict(ISTIO_ANNOTATIONS)},
        "spec": {
            "securityContext": RESTRICTED_POD,
            "initContainers": [fetch],
            "containers": [triton],
            **{field: fields[field] for field in kept if field in fields},
        },
    }


def _privileges(template: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    if found := excess(template, settings.pod_security):
        yield (
            f"spec.runtime.podTemplate: {found.field} is more than this operator allows (Helm value models.podSecurity "
            f"is {settings.pod_security}): remove it, or ask whoever installed the operator for {found.allowed_by}"
        )


def _accounts(template: Mapping[str, Any], runtime: RuntimeSpec, settings: Settings) -> Iterator[str]:
    spec, allowed = mapping(template.get("spec")), settings.service_accounts
    for field in ("serviceAccountName", "serviceAccount"):
        account = text(spec.get(field))
        is_own = field == "serviceAccountName" and account == runtime.service_account_name
        where = "spec.runtime.serviceAccountName" if is_own else f"spec.runtime.podTemplate: spec.{field}"
        if account in {"", _DEFAULT_ACCOUNT, *allowed}:
            continue
        if allowed:
            yield _not_listed(where, account, "serviceAccounts", allowed)
        elif account != runtime.service_account_name:
            yield f"{where} is another than that of spec.runtime.serviceAccountName: set {account} there"
    tokens = [f"{path}.projected.serviceAccountToken" for path, volume in volumes_of(template) if _has_token(volume)]
    if spec.get("automountServiceAccountToken"):
        tokens.insert(0, "spec.automountServiceAccountToken")
    if tokens and not settings.allowed_service_account_tokens:
        yield _switched_off(f"spec.runtime.podTemplate: {tokens[0]}", "serviceAccountTokens")


def _has_token(volume: Mapping[str, Any]) -> bool:
    sources = items(mapping(volume.get("projected")).get("sources"))
    return any(source.get("serviceAccountToken") is not None for source in sources)


def _istio_metadata(template: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    metadata = mapping(template.get("metadata"))
    for part, own in (("labels", ISTIO_LABELS), ("annotations", ISTIO_ANNOTATIONS)):
        given = mapping(metadata.get(part))
        for key, value in own.items():
            if given.get(key) != value:
                yield (
                    f"spec.runtime.podTemplate: metadata.{part} changes {key}, by which Nereid's own sidecar comes "
                    "about: remove it"
                )
        for key in sorted(given.keys() - own.keys() - _HARMLESS):
            if _is_istios(key) and not is_among(key, settings.istio_metadata):
                yield (
                    f"spec.runtime.podTemplate: metadata.{part} sets {key}, which this operator does not allow (Helm "
                    "value models.allowed.istioMetadata): remove it, or ask whoever installed the operator to add it"
                )


def _istios_own(template: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for path, container in containers_of(template):
        if text(container.get("name")) in _ISTIOS_CONTAINERS and not is_among(_ANOTHER_PROXY, settings.istio_metadata):
            yield _kept_for_istio(f"{path} changes what Istio adds to the pod", _ANOTHER_PROXY)
    parts = [("spec", mapping(template.get("spec"))), *containers_of(template)]
    for path, part in parts if not is_among(_PAST_THE_PROXY, settings.istio_metadata) else ():
        context = mapping(part.get("securityContext"))
        for field in ("runAsUser", "runAsGroup"):
            if context.get(field) == _ISTIOS_USER:
                what = f"{path}.securityContext.{field} is {_ISTIOS_USER}, whose requests pass by Istio's sidecar"
                yield _kept_for_istio(what, _PAST_THE_PROXY)


def _kept_for_istio(what: str, key: str) -> str:
    return (
        f"spec.runtime.podTemplate: {what}, which this operator does not allow (Helm value models.allowed."
        f"istioMetadata): choose another, or ask whoever installed the operator to add {key}"
    )


def _is_istios(key: str) -> bool:
    domain = key.partition("/")[0]
    return "/" in key and (domain == _ISTIO or domain.endswith(f".{_ISTIO}"))


def _images(template: Mapping[str, Any], runtime: RuntimeSpec, settings: Settings) -> Iterator[str]:
    # The operator's own images may be named as well.
    own = [repository_of(image) for image in (settings.triton_image, settings.models_image)]
    allowed = [*own, *map(_repositories, settings.image_repositories)] if settings.image_repositories else ["*"]
    for field, image in _images_of(template):
        if image and not is_among(repository_of(image), allowed):
            where = "spec.runtime.image" if image == runtime.image else f"spec.runtime.podTemplate: {field}"
            yield _not_listed(where, image, "images", settings.image_repositories)


def _repositories(pattern: str) -> str:
    """Return a pattern of repositories as it matches those that `repository_of` returns."""
    if not pattern.endswith(_BELOW):
        return repository_of(pattern)
    return repository_of(f"{pattern.removesuffix('*')}any/image").removesuffix("any/image") + "*"


def _images_of(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, container in containers_of(template):
        yield f"{path}.image", text(container.get("image"))
    for path, volume in volumes_of(template):
        yield f"{path}.image.reference", text(mapping(volume.get("image")).get("reference"))


def _priorities(template: Mapping[str, Any], runtime: RuntimeSpec, settings: Settings) -> Iterator[str]:
    priority = text(mapping(template.get("spec")).get("priorityClassName"))
    allowed = settings.priority_classes
    if priority and allowed and priority not in allowed:
        is_own = priority == runtime.priority_class_name
        where = "spec.runtime." if is_own else "spec.runtime.podTemplate: spec."
        yield _not_listed(f"{where}priorityClassName", priority, "priorityClasses", allowed)


def _placement(template: Mapping[str, Any], runtime: RuntimeSpec, settings: Settings) -> Iterator[str]:
    spec, fields = mapping(template.get("spec")), runtime.pod_fields()
    for field in _PLACEMENT if not settings.allowed_placement else ():
        if spec.get(field):
            where = "spec.runtime." if field in fields else "spec.runtime.podTemplate: spec."
            yield _switched_off(f"{where}{field}", "placement")


def _secrets(template: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    if settings.allowed_secrets:
        return
    for path, container in containers_of(template):
        for variable in items(container.get("env")):
            if mapping(variable.get("valueFrom")).get("secretKeyRef") is not None:
                yield _switched_off(f"variable {variable.get('name')} of {path} from a Secret", "secrets")
        for source in items(container.get("envFrom")):
            if source.get("secretRef") is not None:
                yield _switched_off(f"envFrom of {path} from a Secret", "secrets")
    for path, volume in volumes_of(template):
        if _is_from_a_secret(volume):
            yield _switched_off(f"{path} from a Secret", "secrets")


def _is_from_a_secret(volume: Mapping[str, Any]) -> bool:
    projected = items(mapping(volume.get("projected")).get("sources"))
    if any(source.get("secret") is not None for source in (volume, *projected)):
        return True
    # Storage that is mounted with a Secret, or that is one.
    sources = [mapping(source) for source in volume.values()]
    return any(source.get(field) is not None for source in sources for field in _SECRET_REFERENCES) or any(
        text(source.get("driver")).startswith(_SECRETS_STORE) for source in sources
    )


def _not_listed(where: str, name: object, value: str, allowed: Iterable[str]) -> str:
    return (
        f"{where}: {name} is not allowed on this operator (Helm value models.allowed.{value}): choose one of "
        f"{', '.join(sorted(allowed))}"
    )


def _switched_off(what: str, value: str) -> str:
    return f"{what} is not allowed on this operator (Helm value models.allowed.{value}): remove it"
