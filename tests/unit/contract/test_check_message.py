"""The termination message holds what the kubelet keeps, whatever it says."""

import json

import pytest

from nereid.contract.check_job import MAX_OUTCOME_BYTES, CheckOutcome
from nereid.contract.check_message import failure_message, results_message


def test_what_fits_is_told_in_full() -> None:
    results = [CheckOutcome(name="a", passed=True, message="ä\n b"), CheckOutcome(name="b", passed=False, message="")]
    assert json.loads(results_message(results)) == {
        "results": [{"name": "a", "passed": True, "message": "ä b"}, {"name": "b", "passed": False, "message": ""}]
    }
    assert json.loads(failure_message("why")) == {"failure": "why"}


@pytest.mark.parametrize("text", ["x", "ä", "€", "😀", '"', "\\", "\x01"])
def test_what_does_not_fit_is_shortened(text: str) -> None:
    results = [CheckOutcome(name=f"{number:063}", passed=False, message=text * 5000) for number in range(16)]
    for message in (results_message(results), failure_message(text * 5000)):
        assert MAX_OUTCOME_BYTES - 130 < len(message.encode()) <= MAX_OUTCOME_BYTES
        json.loads(message)


def test_short_messages_do_not_pay_for_long_ones() -> None:
    results = [CheckOutcome(name="long", passed=False, message="x" * 9000)] + [
        CheckOutcome(name=f"short{number}", passed=True, message="all is well " * 8) for number in range(15)
    ]
    told = json.loads(results_message(results))["results"]
    assert told[1]["message"] == ("all is well " * 8).strip()
    assert told[0]["message"].endswith("…")
    assert len(told[0]["message"]) > 1000
