"""Sentences about a source name the fields of whoever asked, a model or a data set."""

import ast
from pathlib import Path

from nereid.contract.fetch_errors import FetchError, Field, Reason, failure_in
from nereid.models import sources


def test_a_sentence_names_the_fields_of_its_subject() -> None:
    error = FetchError(Reason.MODEL_NOT_FOUND, f"s3://a/b does not exist: correct {Field.URI} or {Field.CA_BUNDLE}")
    assert error.sentence == "s3://a/b does not exist: correct spec.model.uri or spec.model.caBundle"
    assert error.sentence_for("dataset") == "s3://a/b does not exist: correct dataset.uri or dataset.caBundle"
    assert str(error) == f"ModelNotFound: {error.sentence}"


def test_the_subject_itself() -> None:
    assert FetchError(Reason.MODEL_INVALID, f"look at {Field.ANY}").sentence_for("dataset") == "look at dataset"


def test_a_sentence_can_become_part_of_another() -> None:
    inner = FetchError(Reason.MODEL_INVALID, f"correct {Field.PATH}")
    assert FetchError(Reason.MODEL_INVALID, f"x: {inner.marked}").sentence_for("dataset") == "x: correct dataset.path"


def test_a_termination_message_is_read_as_it_was_written() -> None:
    error = FetchError(Reason.MODEL_INVALID, f"correct {Field.PATH}: now")
    read = failure_in(f"{error}\n")
    assert read is not None
    assert (read.reason, read.sentence) == (Reason.MODEL_INVALID, "correct spec.model.path: now")
    assert failure_in("Traceback: something") is None


def test_no_source_takes_a_model_for_granted() -> None:
    for path in Path(sources.__path__[0]).rglob("*.py"):
        tree = ast.parse(path.read_text())
        spoken = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert not [text for text in spoken if "spec.model." in text and "`spec.model." not in text], path
