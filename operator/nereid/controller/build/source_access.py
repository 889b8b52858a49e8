"""What a container needs to speak to a model's source: its credentials, its authority's certificate, its address.

The fetching of a model, the resolving of its URI and the tagging of its registry all speak to the same server.
"""

from typing import Any, Final

from nereid.api.model import ModelSpec
from nereid.api.runtime import RuntimeSpec
from nereid.contract.source import is_of_mlflow, source_of
from nereid.controller.plan.settings import Settings

CREDENTIALS_PATH: Final = "/etc/nereid/credentials"
CA_BUNDLE_PATH: Final = "/etc/nereid/ca"
_CA_BUNDLE_FILE: Final = "ca.crt"


def volumes(model: ModelSpec) -> list[dict[str, Any]]:
    """Return the volumes with credentials and certificate.

    They are optional, so that the container can say what is missing; the kubelet would wait in silence.
    """
    found: list[dict[str, Any]] = []
    if model.credentials:
        found.append({"name": "credentials", "secret": {"secretName": model.credentials.secret_name, "optional": True}})
    if model.ca_bundle:
        items = [{"key": model.ca_bundle.key, "path": _CA_BUNDLE_FILE}]
        found.append(
            {"name": "ca-bundle", "configMap": {"name": model.ca_bundle.name, "optional": True, "items": items}}
        )
    return found


def mounts(model: ModelSpec) -> list[dict[str, Any]]:
    """Return where a container mounts these volumes."""
    found: list[dict[str, Any]] = []
    if model.credentials:
        found.append({"name": "credentials", "mountPath": CREDENTIALS_PATH, "readOnly": True})
    if model.ca_bundle:
        found.append({"name": "ca-bundle", "mountPath": CA_BUNDLE_PATH, "readOnly": True})
    return found


def arguments(model: ModelSpec, settings: Settings) -> list[str]:
    """Return the arguments by which a command learns of them."""
    endpoint = model.endpoint or (settings.mlflow_tracking_uri if is_of_mlflow(source_of(model.uri)) else None)
    found = [f"--endpoint={endpoint}"] if endpoint else []
    if model.credentials:
        found.append(f"--credentials={CREDENTIALS_PATH}")
    if model.ca_bundle:
        found.append(f"--ca-bundle={CA_BUNDLE_PATH}/{_CA_BUNDLE_FILE}")
    return found


def identity(runtime: RuntimeSpec) -> dict[str, Any]:
    """Return by which service account a pod is known to the source: the user's, else by none."""
    if runtime.service_account_name:
        return {"serviceAccountName": runtime.service_account_name}
    return {"automountServiceAccountToken": False}


def literal(value: str) -> str:
    """Return an argument, or a variable's value, so that the kubelet leaves it as it is.

    It takes $(NAME) for a variable, and $$ for an escaped dollar.
    """
    return value.replace("$", "$$")
