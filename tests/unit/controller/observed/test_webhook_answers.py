"""What an endpoint's response means: as Flagger's users know it, and more where it is an object in JSON."""

import json
from typing import Any

import pytest

from nereid.controller.observed.webhook_answers import WebhookAnswer, answer_of


def answer(status: int = 200, content: Any = None, body: bytes | None = None, kind: str = "application/json") -> Any:
    return answer_of(status, kind, json.dumps(content).encode() if body is None else body)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_approves(status: int) -> None:
    assert answer(status, body=b"", kind="") == WebhookAnswer(approved=True)
    assert answer(status, body=b"ok", kind="text/plain").approved


def test_an_object_says_more() -> None:
    assert answer(content={"approved": True, "message": "go"}) == WebhookAnswer(approved=True, message="go")
    assert answer(content={"approved": False, "message": "later"}) == WebhookAnswer(message="later")
    assert answer(content={"rollback": True}) == WebhookAnswer(refused=True)
    assert answer(content={"id": 7}).approved


@pytest.mark.parametrize("content", [{"approved": "no"}, {"approved": 1}, {"approved": True, "rollback": True}, [1], 7])
def test_what_cannot_be_understood_approves_nothing(content: Any) -> None:
    found = answer(content=content)
    assert not found.approved
    assert found.failure


def test_no_json_where_json_is_said_approves_nothing() -> None:
    assert answer(body=b"{").failure
    assert answer(body=b"[" * 100_000).failure


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_an_error_approves_nothing_whatever_it_says(status: int) -> None:
    found = answer(status, {"approved": True})
    assert not found.approved
    assert f"HTTP {status}" in found.failure


def test_a_closed_gate_is_not_broken() -> None:
    assert answer(403, body=b"Forbidden", kind="text/plain").waits
    assert answer(503, {"approved": False}).waits
    assert not answer(503, body=b"").waits


def test_a_redirect_says_what_to_write() -> None:
    assert "write the URL that it leads to" in answer(302, body=b"").failure


def test_its_words_are_one_short_line() -> None:
    found = answer(content={"approved": False, "message": "a\n\x1b[31m b" + "x" * 1000})
    assert found.message.startswith("a [31m b")
    assert len(found.message) == 300
    assert answer(content={"approved": False, "message": {"a": 1}}).message is None
