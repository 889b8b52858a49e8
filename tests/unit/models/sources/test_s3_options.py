"""The options of S3 that a Secret may set, as KServe's storage initializer knows them."""

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED

from nereid.models.sources.credentials import Credentials
from nereid.models.sources.s3 import config_of

LEGACY = "https://s3.amazonaws.com"


def config(endpoint: str | None = None, region: str = "us-east-1", **secret: str) -> Any:
    return config_of(Credentials(secret), endpoint, region)


def host(endpoint: str | None, region: str, **secret: str) -> str:
    """Return the server that a request for the bucket `digits` goes to."""
    client = boto3.client(
        "s3",
        config=config(endpoint, region, **secret),
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    )
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": "digits", "Key": "model.onnx"})
    return url.removeprefix("https://").partition("/")[0]


def test_without_options_the_transfer_loop_has_the_patience() -> None:
    made = config()
    assert (made.connect_timeout, made.read_timeout) == (15, 50)
    assert made.retries == {"max_attempts": 0, "mode": "standard"}
    assert (made.s3, made.signature_version) == (None, None)


def test_times_and_attempts_may_be_set() -> None:
    made = config(S3_CONNECT_TIMEOUT="3", S3_READ_TIMEOUT="7", S3_MAX_ATTEMPTS="2")
    assert (made.connect_timeout, made.read_timeout, made.retries) == (3, 7, {"max_attempts": 2, "mode": "standard"})


@pytest.mark.parametrize("option", ["S3_CONNECT_TIMEOUT", "S3_READ_TIMEOUT", "S3_MAX_ATTEMPTS"])
def test_a_number_that_is_not_whole_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        config(**{option: "1.5"})


@pytest.mark.parametrize("value", ["true", "True"])
def test_requests_may_go_unsigned(value: str) -> None:
    assert config(awsAnonymousCredential=value).signature_version is UNSIGNED
    assert config(awsAnonymousCredential="no").signature_version is None


@pytest.mark.parametrize(
    ("endpoint", "region", "secret", "expected"),
    [
        ("https://store:9000", "us-east-1", {}, "store:9000"),
        ("https://store:9000", "us-east-1", {"S3_USER_VIRTUAL_BUCKET": "true"}, "digits.store:9000"),
        (None, "eu-west-1", {"S3_USE_ACCELERATE": "true"}, "digits.s3-accelerate.amazonaws.com"),
        (LEGACY, "eu-west-1", {}, "digits.s3.amazonaws.com"),
    ],
)
def test_where_requests_go(endpoint: str | None, region: str, secret: dict[str, str], expected: str) -> None:
    assert host(endpoint, region, **secret) == expected


def test_the_legacy_endpoint_addresses_another_regions_bucket_by_its_host() -> None:
    assert config(LEGACY, "eu-west-1").s3 == {"addressing_style": "virtual"}
    assert config(LEGACY, "us-east-1").s3 is None
    assert config("https://store:9000", "eu-west-1").s3 is None
