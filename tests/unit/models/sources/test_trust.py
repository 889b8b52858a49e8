"""The file of trusted authorities for clients that take no TLS context."""

import ssl
from pathlib import Path

from nereid.models.sources.trust import bundle_file, trusted_by


def test_the_file_holds_the_public_authorities_and_the_users(certificate: tuple[Path, Path]) -> None:
    bundle = bundle_file(certificate[0])
    assert bundle is not None
    assert bundle == bundle_file(certificate[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=bundle)
    expected = {tuple(sorted(one.items(), key=str)) for one in map(dict, trusted_by(certificate[0]).get_ca_certs())}
    assert {tuple(sorted(one.items(), key=str)) for one in map(dict, context.get_ca_certs())} == expected
    assert Path(bundle).read_text().count(certificate[0].read_text()) >= 1


def test_without_a_bundle_there_is_no_file() -> None:
    assert bundle_file(None) is None
