"""The operator's settings, which apply to every ModelDeployment.

They are read from environment variables, which the Helm chart sets, and passed on as a value; nothing else reads the
environment.
"""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    mlflow_tracking_uri: str = Field(
        default="",
        description=(
            "Default MLflow tracking server of models:/ and runs:/ URIs, for specs without spec.model.endpoint."
        ),
    )
    allow_pod_template: bool = Field(
        default=True,
        description="Allow spec.runtime.podTemplate. The cluster's admission policies still apply.",
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
    allow_queries: bool = Field(
        default=True,
        description="Allow user-supplied PromQL. It runs with the operator's Prometheus credentials.",
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
    def allowed_webhook_hosts(self) -> tuple[str, ...]:
        """The hosts that webhooks may call."""
        return tuple(host.strip() for host in self.webhook_hosts.split(",") if host.strip())

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to watch; empty means all."""
        return tuple(name.strip() for name in self.watch_namespaces.split(",") if name.strip())
