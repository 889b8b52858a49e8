"""Numbers and times as people read them."""

import click
import pytest

from nereid.api.status import EvidenceStatus, RateStatus
from nereid.cli.figures import odds, percent, rate, span, value
from nereid.cli.period import PERIOD


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0s"),
        (0.4, "0s"),
        (48, "48s"),
        (59.6, "1m"),
        (228, "3m48s"),
        (3600, "1h"),
        (7500, "2h05m"),
        (90000, "1d01h"),
    ],
)
def test_spans_have_two_units(seconds, words):
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0%"), (0.374, "0.37%"), (2.54, "2.5%"), (30.04, "30%"), (100, "100%")]
)
def test_percentages_have_the_digits_that_tell_something(number, words):
    assert percent(number) == words


def test_rates():
    assert rate(RateStatus(requests=0, bad=0)) == "-"
    assert rate(RateStatus(requests=4, bad=1, percent=25)) == "25%"
    assert rate(RateStatus(requests=812, bad=3, percent=0.37, low=0.13, high=1.08)) == "0.37% (0.13% to 1.1%)"


@pytest.mark.parametrize(
    ("reached", "words"),
    [(0.0, "0 of 200 to 1"), (0.04, "0.04 of 200 to 1"), (3, "3 of 200 to 1"), (1e6, "over 1,000,000 of 200 to 1")],
)
def test_evidence_is_so_many_to_one(reached, words):
    assert odds(EvidenceStatus(reached=reached, needed=200)) == words


def test_queries_without_data_say_so():
    assert (value(None), value(0.0123)) == ("no data", "0.0123")


def test_a_timeout_is_written_as_in_the_spec():
    assert PERIOD.convert("1h30m", None, None) == 5400
    with pytest.raises(click.BadParameter, match="is not a valid duration"):
        PERIOD.convert("soon", None, None)
