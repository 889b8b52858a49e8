"""S3 on SeaweedFS: who is let in, by which credentials and options."""

import hashlib
import os
import socket

import pytest
from servers.s3 import S3Server
from tests.support.sources.clouds import BUFFER, Answering, Cloud, Line, only

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.fetch.job import fetch
from nereid.models.sources.attempts import Limits
from nereid.models.sources.failures import InterruptionError

OWN_IDENTITY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
REDIRECT = b"<Error><Code>PermanentRedirect</Code><Region>eu-west-1</Region></Error>"
SKEWED = b"<Error><Code>RequestTimeTooSkewed</Code></Error>"


@pytest.fixture(autouse=True)
def without_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OWN_IDENTITY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ({"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "hush-hush"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "hush-hush"}, "InvalidAccessKeyId"),
        ({"AWS_ACCESS_KEY_ID": "reader"}, "lacks AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "hush-hush"}, "lacks AWS_ACCESS_KEY_ID"),
        ({"password": "hush-hush"}, "has none of the keys that are read"),
        ({"awsAnonymousCredential": "true"}, "AccessDenied"),
        ({}, "no credentials are sent"),
    ],
)
def test_who_is_refused_is_told_why(s3: Cloud, secret: dict[str, str], told: str) -> None:
    s3.put("model.onnx", b"model")
    with pytest.raises(FetchError, match=told) as error:
        s3.with_secret(**secret).open("model.onnx").files()
    assert error.value.reason is Reason.MODEL_ACCESS_DENIED
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in error.value.sentence
    assert "hush-hush" not in str(error.value)


def test_the_pods_own_identity_is_used_without_a_secret(
    s3: Cloud, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put("model.onnx", b"model")
    for name in OWN_IDENTITY:
        monkeypatch.setenv(name, s3_server.reader.environment[name])
    assert s3.with_secret().content("model.onnx") == {"model.onnx": b"model"}
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    with pytest.raises(FetchError, match=r"denies the pod's service account access to .*: grant it read access"):
        s3.with_secret().open("model.onnx").files()


def test_the_servers_checksum_of_the_whole_object_is_told(s3: Cloud) -> None:
    s3.put("model.onnx", b"model", ChecksumAlgorithm="SHA256")
    _, file = only(s3.open("model.onnx"), "model.onnx")
    assert file.sha256 == hashlib.sha256(b"model").hexdigest()


def test_the_secret_may_tell_the_endpoint(s3: Cloud) -> None:
    s3.put("model.onnx", b"model")
    told = s3.with_secret(**s3.secret, AWS_ENDPOINT_URL=s3.endpoint).at("")
    assert told.content("model.onnx") == {"model.onnx": b"model"}


def test_options_do_not_stay_in_the_environment(s3: Cloud) -> None:
    s3.put("model.onnx", b"model")
    before = dict(os.environ)
    assert s3.with_secret(**s3.secret, S3_MAX_ATTEMPTS="1").content("model.onnx")
    assert dict(os.environ) == before


def test_an_option_that_is_none_is_told(s3: Cloud) -> None:
    with pytest.raises(FetchError, match="the options for S3 are not valid"):
        s3.with_secret(**s3.secret, S3_READ_TIMEOUT="long").open("model.onnx").files()


def test_the_bucket_may_be_part_of_the_host(s3: Cloud) -> None:
    virtual = s3.with_secret(**s3.secret, S3_USER_VIRTUAL_BUCKET="true").at("http://s3.invalid:9000")
    with pytest.raises(InterruptionError) as error:
        virtual.open("model.onnx").files()
    assert f"{s3.bucket.removeprefix('s3://')}.s3.invalid" in repr(error.value.__cause__)


def test_a_bucket_elsewhere_is_told_with_its_region(s3: Cloud) -> None:
    with (
        Answering(400, REDIRECT) as server,
        pytest.raises(FetchError, match=r"region eu-west-1: set AWS_DEFAULT_REGION"),
    ):
        s3.at(server.url).open("").files()


def test_a_wrong_clock_is_told(s3: Cloud) -> None:
    with Answering(403, SKEWED) as server, pytest.raises(FetchError, match="set the node's clock"):
        s3.at(server.url).open("").files()


def test_a_name_that_is_no_bucket_is_told(s3: Cloud) -> None:
    with pytest.raises(FetchError, match="'No_Bucket!' is not a valid bucket name") as error:
        s3.open("model.onnx", bucket="s3://No_Bucket!").files()
    assert error.value.reason is Reason.MODEL_INVALID


def test_the_client_itself_does_not_try_again(s3: Cloud) -> None:
    # Each of its attempts may wait for long, and a server that is away is to be told within a minute.
    with Answering(503) as server:
        with pytest.raises(InterruptionError):
            s3.at(server.url).open("model.onnx").files()
        assert server.answered == 1


def test_a_key_that_cannot_be_sent_is_told_and_not_shown(s3: Cloud) -> None:
    with pytest.raises(FetchError, match=r"AWS_SESSION_TOKEN of the Secret .* in one line") as error:
        s3.with_secret(AWS_SESSION_TOKEN="hush\nhush").open("model.onnx").files()
    assert "hush" not in str(error.value)


class Damaging(Line):
    """A line that changes one byte of the first object that goes through."""

    left = 1

    def _answer(self, source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(BUFFER):
            if self.left and b"model" in data:
                self.left -= 1
                data = data.replace(b"model", b"mo\0el")
            target.sendall(data)


def test_what_came_damaged_is_never_served(s3: Cloud) -> None:
    s3.put("digits.onnx", b"a model", ChecksumAlgorithm="CRC32")
    with Damaging(s3.endpoint) as line:
        fetched = fetch(s3.through(line).request("digits.onnx"), Limits(first_pause=0.01))
        assert line.left == 0
    assert (fetched.model / "1" / "model.onnx").read_bytes() == b"a model"


def test_a_checksum_that_never_fits_is_told(s3: Cloud) -> None:
    s3.put("digits.onnx", b"a model", ChecksumAlgorithm="CRC32")
    with Damaging(s3.endpoint) as line:
        line.left = 99
        with pytest.raises(FetchError, match=r"does not match the one that 127\.0\.0\.1:\d+ stores") as error:
            fetch(s3.through(line).request("digits.onnx"), Limits(attempts=2, first_pause=0.01))
    assert error.value.reason is Reason.MODEL_FETCH_FAILED
    assert not list(s3.folder.rglob("*.onnx"))
