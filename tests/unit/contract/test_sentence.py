"""What reaches a condition or a terminal is one line that a terminal only shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.growth import assert_linear

from nereid.contract.foreign_text import printable, printable_lines
from nereid.contract.sentence import as_sentence


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[31mno such file\x1b[0m", "no such file"),
        ("\x1b]0;owned\x07no such file", "no such file"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1b[2J\x1b[H gone", "gone"),
        ("\x9b2Jgone", "gone"),
        ("a\x1b", "a"),
        ("a\x00b\x7fc\x9dd", "abcd"),
        ("first\nsecond\tthird\r\nfourth", "first second third fourth"),
        ("abc\u202egnp.exe", "abcgnp.exe"),
        ("schön 🐚 e\u0301", "schön 🐚 e\u0301"),
    ],
)
def test_what_a_terminal_would_obey_is_left_out(written: str, shown: str) -> None:
    assert as_sentence(written) == shown


@given(st.text(st.characters(max_codepoint=0xFF) | st.sampled_from("\x1b[];\x07\x9b0m")))
def test_any_text_becomes_a_short_line_without_controls(text: str) -> None:
    sentence = as_sentence(text)
    assert len(sentence) <= 600
    assert not any(ord(letter) < 0x20 or 0x7F <= ord(letter) <= 0x9F for letter in sentence)
    assert set(printable_lines(text)) & set(map(chr, (*range(9), *range(11, 32), *range(0x7F, 0xA0)))) == set()


@pytest.mark.parametrize("part", ["\x1b[0", "\x1b]x", "\x1b[" + "0" * 50, "\x9b;", " ", "\x1b"])
def test_four_times_the_text_takes_four_times_as_long(part: str) -> None:
    assert_linear(printable, lambda length: part * (length // len(part)), 20_000)


@pytest.mark.parametrize("beginning", ["\x1b[", "\x1b]", "\x9b"])
def test_a_sequence_that_does_not_end_does_neither(beginning: str) -> None:
    assert_linear(printable, lambda length: beginning + "0" * length, 20_000)
