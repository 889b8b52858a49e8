"""KServe's storageUri as `spec.model.uri`."""

import re
from typing import Final
from urllib.parse import urlsplit

from nereid.cli.convert.findings import NotConvertibleError

_SAME: Final = ("s3", "gs", "hf", "pvc", "oci", "https")
_AZURE: Final = re.compile(r"(?P<account>[a-z0-9]+)\.blob\.core\.windows\.net")
# They say how KServe gets an image; Nereid decides that by what the cluster supports.
_OCI: Final = ("oci+native", "oci+fetch")
_INSTEAD: Final = "copy the model to one of s3, gs, azure, hf, pvc, oci or https"


def model_uri(storage_uri: str, path: str) -> str:
    """Return the URI of a ModelDeployment for the value of `storageUri` in the field `path`.

    Raises NotConvertibleError for a place that Nereid does not fetch from.
    """
    scheme, separator, rest = storage_uri.partition("://")
    if scheme in _OCI:
        return f"oci://{rest}"
    if scheme == "https" and (azure := _azure(storage_uri)):
        return azure
    if separator and scheme in _SAME:
        return storage_uri
    if scheme == "http":
        raise NotConvertibleError(f"{path}: {storage_uri} is fetched without encryption: use https")
    raise not_fetched(path, storage_uri)


def not_fetched(path: str, place: str) -> NotConvertibleError:
    """Return the error of a field that names a place, or a kind of place, that Nereid does not fetch from."""
    return NotConvertibleError(f"{path}: Nereid does not fetch from {place}: {_INSTEAD}")


def _azure(uri: str) -> str | None:
    try:
        address = urlsplit(uri)
    except ValueError:
        return None
    match = _AZURE.fullmatch(address.hostname or "")
    return f"azure://{match['account']}{address.path}" if match and not address.query else None
