"""The operator's settings, which apply to every ModelDeployment.

They are read from environment variables, which the Helm chart sets, and passed on as a value; nothing else reads the
environment.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from nereid.api.quantity import as_size, parse_bytes
from nereid.contract.fetch_request import DEFAULT_MAX_BYTES
from nereid.controller.plan.host_policy import HostRule
from nereid.controller.plan.pod_security import PodSecurity

# As in the chart's schema: a name without / is one of Docker Hub's own, and no registry.
_REPOSITORY: Final = re.compile(r"[a-z0-9]([-a-z0-9_]*|[-a-z0-9._:]*(/[-a-z0-9._:]+)*/([-a-z0-9._:]+|[*]))")


def _size(value: str) -> str:
    parse_bytes(value)
    return value


def _repositories(value: str) -> str:
    for pattern in _listed(value):
        if not _REPOSITORY.fullmatch(pattern):
            raise ValueError(
                f"{pattern} is no repository of images, such as r.example.com/ml/triton, and none below one, such as "
                "r.example.com/*: a registry alone, or a * that is not after the last /, would be read as a repository "
                "of Docker Hub"
            )
    return value


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


class Settings(BaseSettings):
    """Settings of one operator, each from the environment variable NEREID_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="NEREID_", frozen=True)

    triton_image: str = Field(
        default="nvcr.io/nvidia/tritonserver:25.08-py3",
        description="Default Triton image, for specs without spec.runtime.image.",
    )
    models_image: str = Field(
        default="ghcr.io/nereid-serving/nereid-models:0.1.0",
        description=(
            "Image that fetches models and data sets, queries registries and checks candidates: the one with the "
            "clients of the sources and the libraries of the checks."
        ),
    )
    image_pull_policy: str = Field(
        default="IfNotPresent",
        description="Default pull policy of these images, for specs without spec.runtime.imagePullPolicy.",
    )
    forest_backend: Literal["fil", "python"] = Field(
        default="fil",
        description="Triton backend for xgboost and lightgbm: fil, or python if the Triton image has no FIL backend.",
    )
    image_volumes: bool = Field(
        default=False,
        description=(
            "Mount models of oci:// URIs as image volumes. The cluster and its container runtime must support them."
        ),
    )
    max_model_size: Annotated[str, AfterValidator(_size)] = Field(
        default=as_size(DEFAULT_MAX_BYTES),
        description="Maximum size of a model that is fetched; spec.model.maxSize may be smaller.",
    )
    mlflow_tracking_uri: str = Field(
        default="",
        description=(
            "Default MLflow tracking server of models:/ and runs:/ URIs, for specs without spec.model.endpoint."
        ),
    )
    shortest_refresh: int = Field(
        default=60,
        ge=10,
        description="Shortest time, in seconds, after which a reference is resolved again by spec.model.refresh.",
    )
    allow_pod_template: bool = Field(
        default=True,
        description="Allow spec.runtime.podTemplate. The cluster's admission policies still apply.",
    )
    pod_security: PodSecurity = Field(
        default="restricted",
        description="Level of the Pod Security Standards that the pods of a new revision meet, with their patch.",
    )
    allowed_images: Annotated[str, AfterValidator(_repositories)] = Field(
        default="",
        description="Comma-separated image repositories, PREFIX/* for all below; empty for any.",
    )
    allowed_service_accounts: str = Field(
        default="", description="Comma-separated ServiceAccounts that specs may name; empty for any."
    )
    allowed_service_account_tokens: bool = Field(
        default=False, description="Allow podTemplate to mount tokens of the Kubernetes API."
    )
    allowed_priority_classes: str = Field(
        default="", description="Comma-separated PriorityClasses that specs may name; empty for any."
    )
    allowed_placement: bool = Field(
        default=True, description="Allow specs to choose nodes: nodeSelector, tolerations, affinity, nodeName."
    )
    allowed_secrets: bool = Field(
        default=True, description="Allow specs to give Secrets to the containers that serve, beside the source's."
    )
    allowed_istio_metadata: str = Field(
        default="",
        description="Comma-separated labels and annotations of Istio that podTemplate may set, PREFIX* for several.",
    )
    propagation_seconds: float = Field(
        default=10,
        ge=0,
        description="Seconds that a changed route is given to reach the proxies before it counts as applied.",
    )
    min_ready_seconds: int = Field(
        default=5,
        ge=0,
        description=(
            "Seconds that a pod must be ready before it may get traffic, so that every proxy knows its address."
        ),
    )
    prometheus_url: str = Field(
        default="",
        description="URL of the Prometheus that has Istio's metrics; empty for none.",
    )
    prometheus_token_file: str = Field(
        default="", description="File with a bearer token for Prometheus; changes are picked up."
    )
    prometheus_ca_file: str = Field(
        default="", description="File with the certificates to trust for an https Prometheus."
    )
    prometheus_reporters: str = Field(
        default="istio-system,istio-ingress",
        description=(
            "Comma-separated namespaces whose proxies are believed about requests to models of other namespaces; * "
            "for all."
        ),
    )
    allow_queries: bool = Field(
        default=False,
        description="Allow user-supplied PromQL. It runs with the operator's Prometheus credentials.",
    )
    shortest_query_interval: int = Field(
        default=30,
        ge=5,
        description="Shortest interval, in seconds, at which a candidate whose analysis has queries is judged.",
    )
    scaling_prometheus_url: str = Field(
        default="", description="URL at which KEDA reaches Prometheus; empty for prometheus_url."
    )
    scaling_authentication: str = Field(
        default="",
        description="ClusterTriggerAuthentication with which KEDA authenticates to Prometheus; empty for none.",
    )
    scaling_polling_seconds: int = Field(default=15, ge=1, description="Seconds between KEDA's queries of each metric.")
    scaling_window: str = Field(
        default="1m",
        description="Time window for request rates; it must contain at least two scrapes of Prometheus.",
    )
    activator_service: str = Field(
        default="", description="NAME.NAMESPACE of the activator's Service; empty if it is not installed."
    )
    activator_proof_folder: str = Field(
        default="",
        description=(
            "Folder with the file `keys`, which the activator shares: by a proof with the first key it recognizes the "
            "routes and ScaledObjects that the operator made. Changes are picked up."
        ),
    )
    webhook_hosts: str = Field(
        default="",
        description="Comma-separated hosts that webhooks may call, as NAME, *.DOMAIN or NAME:PORT; empty for none.",
    )
    webhook_secret_folder: str = Field(
        default="",
        description=(
            "Folder with a signing key for each host, in a file of its name, and certificates to trust in ca.crt; "
            "empty for none."
        ),
    )
    traffic_allowed: tuple[HostRule, ...] = Field(
        default=(),
        description=(
            "Which namespaces may have which hosts at which Gateways, as JSON: a list of {namespaces, hosts, "
            "gateways}. Empty: any host that nobody else has."
        ),
    )
    kiali_url: str = Field(default="", description="URL of Kiali, for links; empty for none.")
    grafana_url: str = Field(default="", description="URL of Grafana, for links; empty for none.")
    cluster_domain: str = Field(default="cluster.local", description="DNS domain of the cluster's Services.")
    workers: int = Field(default=8, ge=1, description="How many ModelDeployments are reconciled at a time.")
    health_port: int = Field(default=8080, description="Port of the liveness probe, at /healthz.")
    metrics_port: int = Field(
        default=9090,
        ge=0,
        le=65535,
        description="Port of the operator's own metrics, at /metrics; 0 picks a free port.",
    )
    watch_namespaces: str = Field(default="", description="Comma-separated namespaces to watch; empty means all.")

    @property
    def activator_host(self) -> str:
        """The activator's full name in DNS."""
        return f"{self.activator_service}.svc.{self.cluster_domain}"

    @property
    def trusted_reporters(self) -> frozenset[str]:
        """The namespaces whose proxies are believed about everybody's requests: those set, and the activator's."""
        names = {name.strip() for name in self.prometheus_reporters.split(",")}
        return frozenset({*names, self.activator_service.partition(".")[2]} - {""})

    @property
    def allowed_webhook_hosts(self) -> tuple[str, ...]:
        """The hosts that webhooks may call."""
        return _listed(self.webhook_hosts)

    @property
    def image_repositories(self) -> tuple[str, ...]:
        """The repositories from which specs may name images; empty means any."""
        return _listed(self.allowed_images)

    @property
    def service_accounts(self) -> tuple[str, ...]:
        """The ServiceAccounts that specs may name; empty means any."""
        return _listed(self.allowed_service_accounts)

    @property
    def priority_classes(self) -> tuple[str, ...]:
        """The PriorityClasses that specs may name; empty means any."""
        return _listed(self.allowed_priority_classes)

    @property
    def istio_metadata(self) -> tuple[str, ...]:
        """The labels and annotations of Istio that a podTemplate may set."""
        return _listed(self.allowed_istio_metadata)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to watch; empty means all."""
        return _listed(self.watch_namespaces)
