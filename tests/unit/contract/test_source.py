"""Which URIs are understood, and that none is shown with its secrets."""

import pytest

from nereid.contract.fetch_errors import LONGEST_MESSAGE, FetchError, Reason
from nereid.contract.source import (
    AzureSource,
    ClaimSource,
    GcsSource,
    HttpsSource,
    HubSource,
    OciSource,
    RegisteredModel,
    RunArtifact,
    S3Source,
    Source,
    parse_source,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("uri", "claim", "shown"),
    [
        ("pvc://models/digits/7", "models", "pvc://models/digits/7"),
        ("pvc://models/digits/7/", "models", "pvc://models/digits/7"),
        ("pvc://models//digits//7", "models", "pvc://models/digits/7"),
        ("pvc://models", "models", "pvc://models"),
        ("pvc://models/", "models", "pvc://models"),
    ],
)
def test_a_claim_is_parsed(uri: str, claim: str, shown: str) -> None:
    source = parse_source(uri)
    assert isinstance(source, ClaimSource)
    assert (source.claim, str(source)) == (claim, shown)


def test_a_url_is_shown_without_its_secrets() -> None:
    source = parse_source("https://user:secret@files.example.com:8443/a/m.onnx?X-Signature=secret%2F1#secret")
    assert isinstance(source, HttpsSource)
    assert str(source) == "https://files.example.com:8443/a/m.onnx"
    assert "secret" not in repr(source)


def test_a_signed_url_is_sent_as_it_was_written() -> None:
    source = parse_source("https://files.example.com/a%2Fb.onnx?sig=a%2Fb%3D&x=%7E")
    assert isinstance(source, HttpsSource)
    assert source.url.raw_path_qs == "/a%2Fb.onnx?sig=a%2Fb%3D&x=%7E"


def test_a_url_of_any_letters_can_be_sent() -> None:
    source = parse_source("https://bücher.example/modèle.onnx?x=é")
    assert isinstance(source, HttpsSource)
    assert (source.url.raw_host, source.url.raw_path_qs) == ("xn--bcher-kva.example", "/mod%C3%A8le.onnx?x=%C3%A9")


@pytest.mark.parametrize(
    ("uri", "source", "shown"),
    [
        ("s3://models/digits/7/", S3Source("models", "digits/7"), "s3://models/digits/7"),
        ("s3://models", S3Source("models", ""), "s3://models"),
        ("gs://models/digits/m.onnx", GcsSource("models", "digits/m.onnx"), "gs://models/digits/m.onnx"),
        ("azure://acme/models/digits", AzureSource("acme", "models", "digits"), "azure://acme/models/digits"),
        ("azure://acme/models", AzureSource("acme", "models", ""), "azure://acme/models"),
        ("hf://acme/digits", HubSource("acme/digits"), "hf://acme/digits:main"),
        ("hf://acme/digits:v2", HubSource("acme/digits", "v2"), "hf://acme/digits:v2"),
        ("hf://acme/digits:refs/pr/7", HubSource("acme/digits", "refs/pr/7"), "hf://acme/digits:refs/pr/7"),
        ("oci://r.example.com:5000/a/b", OciSource("r.example.com:5000", "a/b"), "oci://r.example.com:5000/a/b:latest"),
        ("oci://r.example.com/a/b:7", OciSource("r.example.com", "a/b", "7"), "oci://r.example.com/a/b:7"),
        (f"oci://r/a:7@{DIGEST}", OciSource("r", "a", DIGEST), f"oci://r/a@{DIGEST}"),
        ("models:/digits/7", RegisteredModel("digits", version="7"), "models:/digits/7"),
        ("models:/digits/latest", RegisteredModel("digits", version="latest"), "models:/digits/latest"),
        ("models:/digits@champion", RegisteredModel("digits", alias="champion"), "models:/digits@champion"),
        ("runs:/0a1b/model/", RunArtifact("0a1b", "model"), "runs:/0a1b/model"),
        ("runs:/0a1b", RunArtifact("0a1b", ""), "runs:/0a1b"),
    ],
)
def test_a_source_is_parsed_and_shown(uri: str, source: Source, shown: str) -> None:
    assert parse_source(uri) == source
    assert str(source) == shown


@pytest.mark.parametrize(
    ("source", "is_immutable"),
    [
        (HubSource("a/b", COMMIT), True),
        (HubSource("a/b", "main"), False),
        (OciSource("r", "a", DIGEST), True),
        (OciSource("r", "a", "7"), False),
        (RegisteredModel("a", version="7"), True),
        (RegisteredModel("a", version="latest"), False),
        (RegisteredModel("a", alias="champion"), False),
    ],
)
def test_what_may_move_is_known(source: HubSource | OciSource | RegisteredModel, is_immutable: bool) -> None:  # noqa: FBT001
    assert source.is_immutable is is_immutable


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("http://files.example.com/m.onnx", "the scheme 'http' of spec.model.uri is not supported"),
        ("/models/m.onnx", "has no scheme"),
        ("pvc:///m.onnx", "does not name a claim"),
        ("pvc://models/../other", "points outside its claim"),
        ("https:///m.onnx", "does not name a valid host"),
        ("https://[/m.onnx", "does not name a valid host"),
        (f"https://{'a' * 64}/m.onnx", "does not name a valid host"),
        ("https://h:99999/m.onnx", "does not name a valid host"),
        ("https://h:é/m.onnx", "does not name a valid host"),
        ("s3:///digits", "does not name a bucket: use s3://BUCKET/KEY"),
        ("gs://", "does not name a bucket: use gs://BUCKET/KEY"),
        ("azure://acme", "does not name an account and a container"),
        ("hf://digits", "does not name a model of a hub"),
        ("hf://acme/digits/m.onnx", r"spec\.model\.path for a file"),
        ("hf://acme/digits:", "ends in a colon"),
        ("oci://r.example.com", "does not name a repository of a registry"),
        ("oci://r.example.com/a:", "does not name a repository of a registry"),
        ("oci://r.example.com/a@sha256:12", "has no valid digest"),
        ("models:/digits", "does not name a version"),
        ("models:/digits/Production", "does not name a version"),
        ("models:/a/b@champion", "does not name an alias"),
        ("models://digits/7", "is not a valid URI of the scheme 'models'"),
        ("runs:/", "does not name a run"),
        ("s3:/models/digits", "is not a valid URI of the scheme 's3'"),
    ],
)
def test_any_other_uri_is_rejected(uri: str, sentence: str) -> None:
    with pytest.raises(FetchError, match=sentence) as caught:
        parse_source(uri)
    assert caught.value.reason is Reason.MODEL_INVALID


def test_an_error_is_one_bounded_line() -> None:
    line = str(FetchError(Reason.MODEL_INVALID, f"first\nsecond {'x' * 5000}"))
    assert line.startswith("ModelInvalid: first second x")
    assert len(line) == LONGEST_MESSAGE
