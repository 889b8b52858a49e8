"""Which URIs are understood, and that none is shown with its secrets."""

import pytest

from nereid.fetch.errors import LONGEST_MESSAGE, FetchError, Reason
from nereid.fetch.source import ClaimSource, HttpsSource, parse_source


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


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("http://files.example.com/m.onnx", "the scheme 'http' of spec.model.uri is not supported"),
        ("/models/m.onnx", "names no scheme"),
        ("pvc:///m.onnx", "names no claim"),
        ("pvc://models/../other", "leads out of its claim"),
        ("https:///m.onnx", "names no host"),
        ("https://[/m.onnx", "names no host"),
    ],
)
def test_any_other_uri_is_refused(uri: str, sentence: str) -> None:
    with pytest.raises(FetchError, match=sentence) as caught:
        parse_source(uri)
    assert caught.value.reason is Reason.MODEL_INVALID


def test_an_error_is_one_bounded_line() -> None:
    line = str(FetchError(Reason.MODEL_INVALID, f"first\nsecond {'x' * 5000}"))
    assert line.startswith("ModelInvalid: first second x")
    assert len(line) == LONGEST_MESSAGE
