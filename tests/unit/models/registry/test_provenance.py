"""What is read from a registry's texts, and how much of it the operator is told."""

import json

import pytest

from nereid.contract.model_job import ModelJobAnswer, RegistryProvenance
from nereid.models.registry.answer_lines import resolved_line
from nereid.models.registry.mlflow import without_password
from nereid.models.registry.signature import signature_of


@pytest.mark.parametrize(
    ("repository", "shown"),
    [
        ("https://user:secret@git.example.com/a.git", "https://git.example.com/a.git"),
        ("https://git.example.com/a.git", "https://git.example.com/a.git"),
        ("git@git.example.com:a.git", "git@git.example.com:a.git"),
        ("", None),
    ],
)
def test_a_repository_is_told_without_its_password(repository: str, shown: str | None) -> None:
    assert without_password(repository) == shown


@pytest.mark.parametrize("text", ["", "signature: null", "signature: {inputs: 'no json'}", "- a", "{", "signature: {}"])
def test_no_signature_is_no_error(text: str) -> None:
    assert signature_of(text) is None


def test_the_line_fits_into_a_termination_message() -> None:
    long = RegistryProvenance(run="r" * 300, signature="é" * 3000, repository="é" * 300, dataset="é" * 300)
    line = resolved_line("models:/" + "é" * 900 + "/1", long)
    assert len(line.encode()) <= 4000
    assert json.loads(line)["provenance"]["run"].startswith("rrr")
    assert ModelJobAnswer.model_validate_json(line).uri
