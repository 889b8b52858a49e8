"""The URL of a source's server: one that is not valid is reported with the field to correct, by each client."""

import pytest

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import RemoteSource, parse_source
from nereid.models.sources.endpoint import endpoint_of, server_of
from nereid.models.sources.opening import open_source

INVALID = ("http://host:port", "https://host:99999", "http://[::1", "http://", "host:5000")


@pytest.mark.parametrize("endpoint", INVALID)
@pytest.mark.parametrize(
    "uri", ["s3://models/a", "gs://models/a", "azure://acme/models/a", "hf://acme/a", "models:/a/1"]
)
def test_an_endpoint_that_is_not_valid_is_reported_with_its_field(uri: str, endpoint: str) -> None:
    source = parse_source(uri)
    assert isinstance(source, RemoteSource)
    with pytest.raises(FetchError, match=r"spec\.model\.endpoint") as error:
        open_source(source, Request(uri, endpoint=endpoint)).files()
    assert error.value.reason is Reason.MODEL_INVALID


def test_without_an_endpoint_the_public_server_is_used() -> None:
    assert endpoint_of(Request("hf://acme/a"), "https://huggingface.co") == "https://huggingface.co"


def test_the_default_port_of_a_server_is_not_shown() -> None:
    assert server_of("https://hub.example.com:443/a") == "hub.example.com"
    assert server_of("http://hub.example.com:8080") == "hub.example.com:8080"
