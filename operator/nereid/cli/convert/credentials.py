"""Credentials of a model's source: KServe finds them outside the manifest, Nereid in the Secret that the spec names."""

from collections.abc import Mapping
from typing import Final

from nereid.cli.convert.findings import Findings
from nereid.cli.convert.part import Part

# Keys of a Secret, by the scheme of what they give access to.
_KEYS: Final[Mapping[str, str]] = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if needed, AWS_ENDPOINT_URL and AWS_DEFAULT_REGION",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS_JSON",
    "azure": "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or AZURE_STORAGE_ACCESS_KEY",
    "hf": "HF_TOKEN",
    "oci": ".dockerconfigjson",
    "https": "username and password, or token",
}
# Those of them that servers read from their environment.
VARIABLES: Final[Mapping[str, frozenset[str]]] = {
    "s3": frozenset(
        {
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        }
    ),
    "gs": frozenset({"GOOGLE_APPLICATION_CREDENTIALS_JSON"}),
    "azure": frozenset(
        {
            "AZURE_CLIENT_ID",
            "AZURE_CLIENT_SECRET",
            "AZURE_STORAGE_ACCESS_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_TENANT_ID",
        }
    ),
    "hf": frozenset({"HF_TOKEN"}),
}
_SECRET: Final = "KServe's Secret storage-config"  # noqa: S105 - words, not a secret
_CLAIM: Final = "pvc"


def storage_credentials(name: str, storage: Part, uri: str, findings: Findings) -> dict[str, str]:
    """Return `spec.model.credentials` for the model of `storage`, whose key may be left out."""
    if _scheme(uri) == _CLAIM:
        return {}
    if key := storage.take("key"):
        secret = f"{name}-model"
        findings.note(
            storage.path_of("key"), f"create the Secret {secret} with the keys {_keys(uri)}, from {key} of {_SECRET}"
        )
        return {"secretName": secret}
    kind = storage.open_part("parameters").take("type")
    findings.note(
        storage.path,
        f"without key, KServe uses {f'default_{kind}' if kind else 'default'} of {_SECRET}, if it exists: create a "
        f"Secret with the keys {_keys(uri)} from it, and name it in spec.model.credentials.secretName",
    )
    return {}


def note_account(path: str, account: str, uri: str, findings: Findings) -> None:
    """Note that the Secrets of a service account are not used."""
    if _scheme(uri) != _CLAIM:
        findings.note(
            path,
            f"if a Secret of the service account {account} gives access to the model, as KServe's annotations of "
            f"Secrets say, name it in spec.model.credentials.secretName, with the keys {_keys(uri)}",
        )


def note_variables(server: Part, uri: str, findings: Findings) -> None:
    """Note the variables of a server that hold credentials, which do not reach the container that fetches the model."""
    credentials = VARIABLES.get(_scheme(uri), frozenset())
    for number, variable in enumerate(server.take("env") or ()):
        if (name := variable.get("name")) in credentials:
            findings.note(
                f"{server.path_of('env')}[{number}]",
                f"{name} reaches only Triton, not the container that fetches the model: name a Secret with this key in "
                "spec.model.credentials.secretName",
            )


def _scheme(uri: str) -> str:
    return uri.partition("://")[0]


def _keys(uri: str) -> str:
    return _KEYS[_scheme(uri)]
