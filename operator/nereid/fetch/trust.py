"""Which servers are believed: those with a certificate from a public authority, or from the user's own."""

import ssl
from pathlib import Path

from nereid.fetch.errors import FetchError, Reason


def trusted_by(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the public authorities and those of the bundle, a file of PEM certificates."""
    context = ssl.create_default_context()
    if ca_bundle is None:
        return context
    if not ca_bundle.is_file():
        raise FetchError(
            Reason.MODEL_FETCH_FAILED,
            "the ConfigMap or the key that spec.model.caBundle names does not exist: create it in this namespace",
        )
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except ssl.SSLError as error:
        raise FetchError(
            Reason.MODEL_FETCH_FAILED,
            "the key that spec.model.caBundle names holds no PEM certificate: "
            "store there what begins with -----BEGIN CERTIFICATE-----",
        ) from error
    return context
