"""The grammar that the CRD demands and the reading of it cannot drift apart: what one takes, the other understands."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from nereid.api import model_uri
from nereid.api.model_uri import FORMS, LATEST, Scheme
from nereid.contract.fetch_errors import FetchError
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
    claim_of,
    is_of_mlflow,
    parse_source,
)

TYPES: dict[Scheme, type[Source]] = {
    Scheme.PVC: ClaimSource,
    Scheme.HTTPS: HttpsSource,
    Scheme.S3: S3Source,
    Scheme.GCS: GcsSource,
    Scheme.AZURE: AzureSource,
    Scheme.HUB: HubSource,
    Scheme.OCI: OciSource,
    Scheme.REGISTERED: RegisteredModel,
    Scheme.RUN: RunArtifact,
}
# What no regular expression of the API server's can tell.
BEYOND_THE_PATTERN = ("points outside its claim", "does not name a valid host")


def written(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)


def is_accepted(uri: str) -> bool:
    return re.search(model_uri.PATTERN, uri, re.ASCII) is not None


ACCEPTED = st.sampled_from(Scheme).flatmap(lambda scheme: written(FORMS[scheme].pattern))
WORD = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,10}[a-z0-9])", fullmatch=True)
BUCKET = st.from_regex(r"[a-z0-9][-a-z0-9.]{1,10}[a-z0-9]", fullmatch=True)
KEY = st.lists(WORD, min_size=1, max_size=3).map("/".join)
COMMIT = st.from_regex(model_uri.COMMIT, fullmatch=True)
DIGEST = st.from_regex(model_uri.DIGEST, fullmatch=True)
VERSION = st.from_regex(model_uri.VERSION, fullmatch=True)
SOURCES: st.SearchStrategy[Source] = st.one_of(
    st.builds(S3Source, BUCKET, KEY),
    st.builds(GcsSource, BUCKET, KEY),
    st.builds(
        AzureSource, st.from_regex("[a-z0-9]{3,24}", fullmatch=True), WORD.filter(lambda word: "." not in word), KEY
    ),
    st.builds(HubSource, st.tuples(WORD, WORD).map("/".join), st.one_of(COMMIT, WORD)),
    st.builds(OciSource, WORD, KEY, st.one_of(DIGEST, WORD, st.just(LATEST))),
    st.builds(RegisteredModel, WORD, st.one_of(VERSION, st.just(LATEST))),
    st.builds(RegisteredModel, WORD, alias=WORD),
    st.builds(RunArtifact, st.from_regex("[0-9a-f]{1,32}", fullmatch=True), KEY),
)


@given(ACCEPTED)
def test_what_the_schema_accepts_is_understood(uri: str) -> None:
    assert is_accepted(uri)
    try:
        source = parse_source(uri)
    except FetchError as error:
        assume(not any(words in error.sentence for words in BEYOND_THE_PATTERN))
        raise
    scheme = Scheme(uri.partition(":")[0])
    assert isinstance(source, TYPES[scheme])
    assert claim_of(uri) == (source.claim if isinstance(source, ClaimSource) else None)


@given(SOURCES)
def test_what_is_understood_can_be_written(source: Source) -> None:
    assert is_accepted(str(source)), str(source)
    assert parse_source(str(source)) == source


@given(st.text(min_size=1, max_size=12).map(lambda text: f"s3://{text}"))
def test_what_no_source_is_the_schema_refuses(uri: str) -> None:
    try:
        parse_source(uri)
    except FetchError:
        assert not is_accepted(uri)


@given(ACCEPTED)
def test_the_rules_of_the_schema_agree_with_the_types(uri: str) -> None:
    try:
        source = parse_source(uri)
    except FetchError:
        return
    stores = S3Source | GcsSource | AzureSource | HubSource
    assert cel(model_uri.MOVES, uri) is source.moves
    assert cel(model_uri.HAS_ENDPOINT, uri) is (isinstance(source, stores) or is_of_mlflow(source))


@given(SOURCES, SOURCES)
def test_an_answer_never_moves_again(asked: Source, answer: Source) -> None:
    if asked.leads_to(answer):
        assert not answer.moves
        assert type(asked) is type(answer)


def cel(rule: str, uri: str) -> bool:
    """Evaluate a rule of the schema that is made of matches, startsWith and contains of `self.uri`."""
    python = re.sub(r"self\.uri\.(matches|startsWith|contains)\('([^']*)'\)", r"\1(r'\2')", rule)
    python = python.replace("&&", "and").replace("||", "or").replace("!", "not ")
    functions = {
        "matches": lambda pattern: re.search(pattern, uri, re.ASCII) is not None,
        "startsWith": uri.startswith,
        "contains": uri.__contains__,
    }
    return bool(eval(python, functions))  # it is the product's own text
