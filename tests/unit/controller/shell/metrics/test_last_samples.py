"""What is remembered of pods' counters is bounded, at the cost of the namespace that takes most."""

from datetime import UTC, datetime
from typing import Final

import pytest

from nereid.controller.shell.metrics import last_samples
from nereid.controller.shell.metrics.last_samples import LastSample, LastSamples, PodCounters, RevisionCounters

NOW: Final = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def hundred_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_samples, "METRICS_REMEMBERED_CHARACTERS", 100)


def sample(characters: int) -> LastSample:
    """Return a sample whose series have names of so many characters, half of them counters of errors."""
    requests, errors = "r" * (characters // 2), "e" * (characters - characters // 2)
    return LastSample(NOW, {"new": RevisionCounters({"uid": PodCounters({requests: 1}, {errors: 1})}, frozenset())})


def test_a_namespace_with_much_loses_its_own_oldest() -> None:
    samples = LastSamples()
    samples.keep(("victim", "small"), sample(20))
    for number in range(50):
        samples.keep(("hostile", str(number)), sample(30))

    assert samples.get(("victim", "small")) is not None
    kept = [number for number in range(50) if samples.get(("hostile", str(number)))]
    assert kept == [48, 49]


def test_a_sample_takes_the_place_of_the_one_before() -> None:
    samples = LastSamples()
    for _ in range(50):
        samples.keep(("team", "a"), sample(40))
        samples.keep(("team", "b"), sample(40))

    assert samples.get(("team", "a")) is not None
    assert samples.get(("team", "b")) is not None


def test_what_is_forgotten_makes_room() -> None:
    samples = LastSamples()
    samples.keep(("team", "a"), sample(60))
    samples.forget(("team", "a"))
    samples.forget(("team", "a"))
    samples.keep(("team", "b"), sample(60))
    samples.keep(("other", "c"), sample(40))

    assert samples.get(("team", "a")) is None
    assert samples.get(("team", "b")) is not None
    assert samples.get(("other", "c")) is not None
