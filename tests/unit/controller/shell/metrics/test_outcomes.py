import pytest

from nereid.controller.shell.metrics.outcomes import Outcome, outcome


@pytest.mark.parametrize(
    ("code", "status", "flags", "expected"),
    [
        ("200", None, "-", Outcome.OTHER),
        ("500", None, "-", Outcome.ERROR),
        ("503", None, "UH", Outcome.ERROR),
        ("504", None, "UT", Outcome.ERROR),
        ("0", None, "UC", Outcome.ERROR),
        ("0", None, "DC", Outcome.OTHER),
        ("0", None, "DR", Outcome.OTHER),
        ("0", None, "UT,DC", Outcome.OTHER),
        ("500", None, "DC", Outcome.ERROR),
        ("404", None, "-", Outcome.REJECTION),
        ("400", None, "-", Outcome.REJECTION),
        ("429", None, "-", Outcome.OTHER),
        ("499", None, "-", Outcome.OTHER),
        ("301", None, "-", Outcome.OTHER),
        ("200", "0", "-", Outcome.OTHER),
        ("200", "1", "-", Outcome.OTHER),
        ("200", "2", "DR", Outcome.OTHER),  # what Envoy infers of a stream that its client has reset
        ("200", "14", "UH", Outcome.ERROR),
        ("503", "0", "-", Outcome.ERROR),
        ("", None, "", Outcome.ERROR),
    ],
)
def test_outcomes(code: str, status: str | None, flags: str, expected: Outcome) -> None:
    labels = {"response_code": code, "response_flags": flags}
    assert outcome(labels if status is None else {**labels, "grpc_response_status": status}) is expected


@pytest.mark.parametrize("status", [2, 4, 8, 12, 13, 14, 15])
def test_grpc_errors(status: int) -> None:
    assert outcome({"response_code": "200", "grpc_response_status": str(status)}) is Outcome.ERROR


@pytest.mark.parametrize("status", [3, 5, 6, 7, 9, 10, 11, 16])
def test_grpc_rejections(status: int) -> None:
    assert outcome({"response_code": "200", "grpc_response_status": str(status)}) is Outcome.REJECTION
