"""What a container needs to access a model's source: credentials, the CA certificate, the address.

Fetching a model, resolving its URI and tagging its registry all access the same server.
"""

from typing import Any

from nereid.api.model import ModelSpec
from nereid.api.runtime import RuntimeSpec
from nereid.contract.fetch_job import CA_BUNDLE, CREDENTIALS
from nereid.contract.fetch_request import Request
from nereid.contract.source import is_of_mlflow, source_of
from nereid.contract.work import as_json
from nereid.controller.plan.settings import Settings


def volumes(model: ModelSpec) -> list[dict[str, Any]]:
    """Return the volumes with credentials and certificate.

    They are optional, so that the container can report what is missing; the kubelet would wait silently.
    """
    result: list[dict[str, Any]] = []
    if model.credentials:
        result.append(
            {"name": "credentials", "secret": {"secretName": model.credentials.secret_name, "optional": True}}
        )
    if model.ca_bundle:
        items = [{"key": model.ca_bundle.key, "path": CA_BUNDLE.name}]
        result.append(
            {"name": "ca-bundle", "configMap": {"name": model.ca_bundle.name, "optional": True, "items": items}}
        )
    return result


def mounts(model: ModelSpec) -> list[dict[str, Any]]:
    """Return where a container mounts these volumes."""
    result: list[dict[str, Any]] = []
    if model.credentials:
        result.append({"name": "credentials", "mountPath": str(CREDENTIALS), "readOnly": True})
    if model.ca_bundle:
        result.append({"name": "ca-bundle", "mountPath": str(CA_BUNDLE.parent), "readOnly": True})
    return result


def request(model: ModelSpec, uri: str, settings: Settings) -> Request:
    """Return a container's request to the model's source; `uri` is the model's own, or the URI that it leads to."""
    return Request(
        uri,
        endpoint=endpoint(model.uri, model.endpoint, settings),
        credentials=CREDENTIALS if model.credentials else None,
        ca_bundle=CA_BUNDLE if model.ca_bundle else None,
    )


def identity(runtime: RuntimeSpec) -> dict[str, Any]:
    """Return the service account by which the source identifies a pod: the user's, or none.

    Its token for the Kubernetes API is never mounted: no source asks for it, and clouds bring tokens of their own.
    """
    account = {"serviceAccountName": runtime.service_account_name} if runtime.service_account_name else {}
    return {**account, "automountServiceAccountToken": False}


def endpoint(uri: str, address: str | None, settings: Settings) -> str | None:
    """Return the address of a URI's server: the user's or, for MLflow, the operator's; None for the public one."""
    tracking_server = settings.mlflow_tracking_uri if is_of_mlflow(source_of(uri)) else ""
    return address or tracking_server or None


def variable(name: str, work: object) -> dict[str, str]:
    """Return the environment variable that passes a container its work."""
    return {"name": name, "value": literal(as_json(work))}


def literal(value: str) -> str:
    """Return an argument, or a variable's value, escaped so that the kubelet does not change it.

    The kubelet expands $(NAME) as a variable, and reads $$ as an escaped dollar.
    """
    return value.replace("$", "$$")
