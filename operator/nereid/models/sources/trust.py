"""Which servers are trusted: those with a certificate of a public authority, or of the user's own."""

import os
import ssl
from functools import cache
from pathlib import Path

from nereid.contract.fetch_errors import FetchError, Field, Reason


def trusted_by(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the public authorities and those of the bundle, a file of PEM certificates."""
    context = ssl.create_default_context()
    if ca_bundle is None:
        return context
    if not ca_bundle.is_file():
        raise FetchError(
            Reason.MODEL_FETCH_FAILED,
            f"the ConfigMap or the key that {Field.CA_BUNDLE} names does not exist: create it in this namespace",
        )
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except ssl.SSLError as error:
        raise FetchError(
            Reason.MODEL_FETCH_FAILED,
            f"the key that {Field.CA_BUNDLE} names does not hold a valid PEM certificate: "
            "store one there, which begins with -----BEGIN CERTIFICATE-----",
        ) from error
    return context


@cache
def bundle_file(ca_bundle: Path | None) -> str | None:
    """Return a PEM file with the public authorities and those of the bundle, for a client that takes no TLS context.

    None without a bundle: such a client trusts the public ones itself. The file is in memory, as a container may have
    no writable file system, and exists as long as this process.
    """
    if ca_bundle is None:
        return None
    public = trusted_by(ca_bundle).get_ca_certs(binary_form=True)
    # The certificate of a server, which is not an authority, may be in the bundle too.
    pem = "".join(map(ssl.DER_cert_to_PEM_cert, public)) + ca_bundle.read_text()
    descriptor = os.memfd_create("authorities")
    with os.fdopen(descriptor, "w", closefd=False) as file:
        file.write(pem)
    return f"/proc/self/fd/{descriptor}"
