"""A certificate of its own authority for a real https server, and requests to fetch from it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.fetch.https_server import Server, running_server, self_signed

from nereid.api.model import Format
from nereid.contract.fetch_job import FetchWork


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def request_for(tmp_path: Path, certificate: tuple[Path, Path]) -> Callable[..., FetchWork]:
    """Make a request with this test's folders; keywords override."""

    def make(uri: str, **changes: Any) -> FetchWork:
        fields: dict[str, Any] = {
            "uri": uri,
            "format": Format.TRITON,
            "model_name": "digits",
            "destination": tmp_path / "models",
            "claim_mount": tmp_path / "claim",
            "ca_bundle": certificate[0] if uri.startswith("https") else None,
        }
        return FetchWork(**{**fields, **changes})

    return make


@pytest.fixture
async def server(certificate: tuple[Path, Path]) -> AsyncIterator[Server]:
    """A real https server; what it answers is for the test to say."""
    async with running_server(certificate) as running:
        yield running
