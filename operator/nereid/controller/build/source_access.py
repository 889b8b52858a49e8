"""What a container needs to speak to a model's source: its credentials, its authority's certificate, its address.

The fetching of a model, the resolving of its URI and the tagging of its registry all speak to the same server.
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

    They are optional, so that the container can say what is missing; the kubelet would wait in silence.
    """
    found: list[dict[str, Any]] = []
    if model.credentials:
        found.append({"name": "credentials", "secret": {"secretName": model.credentials.secret_name, "optional": True}})
    if model.ca_bundle:
        items = [{"key": model.ca_bundle.key, "path": CA_BUNDLE.name}]
        found.append(
            {"name": "ca-bundle", "configMap": {"name": model.ca_bundle.name, "optional": True, "items": items}}
        )
    return found


def mounts(model: ModelSpec) -> list[dict[str, Any]]:
    """Return where a container mounts these volumes."""
    found: list[dict[str, Any]] = []
    if model.credentials:
        found.append({"name": "credentials", "mountPath": str(CREDENTIALS), "readOnly": True})
    if model.ca_bundle:
        found.append({"name": "ca-bundle", "mountPath": str(CA_BUNDLE.parent), "readOnly": True})
    return found


def request(model: ModelSpec, uri: str, settings: Settings) -> Request:
    """Return what a container is to ask of the model's source; `uri` is the model's own, or what that leads to."""
    return Request(
        uri,
        endpoint=endpoint(model.uri, model.endpoint, settings),
        credentials=CREDENTIALS if model.credentials else None,
        ca_bundle=CA_BUNDLE if model.ca_bundle else None,
    )


def identity(runtime: RuntimeSpec) -> dict[str, Any]:
    """Return by which service account a pod is known to the source: the user's, else by none."""
    if runtime.service_account_name:
        return {"serviceAccountName": runtime.service_account_name}
    return {"automountServiceAccountToken": False}


def endpoint(uri: str, given: str | None, settings: Settings) -> str | None:
    """Return the address of a URI's server: the user's, of MLflow also the operator's; None for the public one."""
    tracking_server = settings.mlflow_tracking_uri if is_of_mlflow(source_of(uri)) else ""
    return given or tracking_server or None


def variable(name: str, work: object) -> dict[str, str]:
    """Return the environment variable by which a container is told its work."""
    return {"name": name, "value": literal(as_json(work))}


def literal(value: str) -> str:
    """Return an argument, or a variable's value, so that the kubelet leaves it as it is.

    It takes $(NAME) for a variable, and $$ for an escaped dollar.
    """
    return value.replace("$", "$$")
