"""The operator's settings: what its installer decides once for every ModelDeployment.

They are read from the environment (the Helm chart sets it) and handed around as a value; nothing else reads the
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
        description="Triton image of revisions whose spec names none.",
    )
    fetch_image: str = Field(
        default="ghcr.io/nereid-serving/nereid-models:0.1.0",
        description=(
            "Image of what fetches models and data sets, speaks to registries and checks candidates: the one with the "
            "sources' clients and the checks' libraries."
        ),
    )
    image_pull_policy: str = Field(
        default="IfNotPresent", description="Pull policy of these images where the spec names none."
    )
    forest_backend: Literal["fil", "python"] = Field(
        default="fil",
        description="Triton's backend for xgboost and lightgbm: fil where the Triton image has it, else python.",
    )
    image_volumes: bool = Field(
        default=False,
        description="Whether models of oci:// are mounted as image volumes, which cluster and runtime must support.",
    )
    mlflow_tracking_uri: str = Field(
        default="", description="MLflow tracking server of models:/ and runs:/ where the spec names none."
    )
    allow_pod_template: bool = Field(
        default=True,
        description="Whether users may patch the template of their pods; what they may then ask for, the cluster says.",
    )
    propagation_seconds: float = Field(
        default=10,
        ge=0,
        description="How long a changed route is given to reach the proxies before it counts as applied.",
    )
    min_ready_seconds: int = Field(
        default=5,
        ge=0,
        description="How long a pod must be ready before it may get traffic, so that every proxy knows its address.",
    )
    prometheus_url: str = Field(
        default="",
        description="Address of the Prometheus that holds Istio's metrics; empty where there is none.",
    )
    prometheus_token_file: str = Field(
        default="", description="File with a bearer token for Prometheus; it is read again as it changes."
    )
    prometheus_ca_file: str = Field(
        default="", description="File with the certificates by which an https Prometheus is trusted."
    )
    allow_queries: bool = Field(
        default=True,
        description="Whether users may have Prometheus asked PromQL of theirs; it is asked with the operator's rights.",
    )
    scaling_prometheus_url: str = Field(
        default="", description="Address by which KEDA reaches Prometheus; empty where it is prometheus_url."
    )
    scaling_authentication: str = Field(
        default="",
        description="ClusterTriggerAuthentication by which KEDA is known to Prometheus; empty where it asks for none.",
    )
    scaling_polling_seconds: int = Field(default=15, ge=1, description="How often KEDA looks at each metric.")
    scaling_window: str = Field(
        default="1m",
        description="Over which time rates of requests are taken; it must hold two scrapes of Prometheus.",
    )
    activator_service: str = Field(
        default="", description="NAME.NAMESPACE of the activator's Service; empty where there is none."
    )
    kiali_url: str = Field(default="", description="Address of Kiali's web page, for links; empty for none.")
    grafana_url: str = Field(default="", description="Address of Grafana's web page, for links; empty for none.")
    cluster_domain: str = Field(default="cluster.local", description="DNS domain of the cluster's Services.")
    workers: int = Field(default=8, ge=1, description="How many ModelDeployments are worked on at a time.")
    health_port: int = Field(default=8080, description="Port on which the liveness probe is answered, at /healthz.")
    metrics_port: int = Field(
        default=9090,
        ge=0,
        le=65535,
        description="Port on which the operator's own metrics are served, at /metrics; 0 takes a free one.",
    )
    watch_namespaces: str = Field(
        default="", description="Namespaces to watch, separated by commas; empty means all of them."
    )

    @property
    def activator_host(self) -> str:
        """The activator's full name in DNS."""
        return f"{self.activator_service}.svc.{self.cluster_domain}"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to watch; empty means all."""
        return tuple(name.strip() for name in self.watch_namespaces.split(",") if name.strip())
