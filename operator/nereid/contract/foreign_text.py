"""How much text from outside is read, in one place.

What a model, a pod, a server or a user writes has no bound of its own, and neither this process nor somebody's terminal
may suffer from it. Whoever reads such text takes a bound from here, reads it by one of the functions below, and looks
through it in time that grows with its length alone: no regular expression with two parts that can match the same
characters.
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20

# The end of a container's log; a line of it is read as far as a message can show it.
LOG_BYTES: Final = 256 * KIB
LOG_LINES: Final = 300
LOG_LINE_CHARACTERS: Final = 4 * KIB

# A spec as JSON. Model configuration and checks take 96 KiB each at most; Python needs thirty times the size.
SPEC_BYTES: Final = 256 * KIB
# An object of another kind that comes to this size is taken apart before the next one is read.
SMALL_OBJECT_CHARACTERS: Final = 256 * KIB

# A pod's page of metrics: a busy sidecar's takes a megabyte or three, and few of its lines are Triton's.
METRICS_PAGE_BYTES: Final = 8 * MIB
METRICS_KEPT_BYTES: Final = 256 * KIB
METRICS_LINE_BYTES: Final = 4 * KIB
METRICS_SERIES: Final = 2_000
# The names of all series of a revision's pods, which are remembered from one sample to the next.
METRICS_REVISION_CHARACTERS: Final = 2 * MIB
# The same of all ModelDeployments together.
METRICS_REMEMBERED_CHARACTERS: Final = 32 * MIB

# Prometheus' answers: a gateway's samples are some ten kilobytes, so these are those of hundreds of clients' proxies.
# Parsed, they take sixteen times as much.
SERIES_BYTES: Final = 4 * MIB
# A user's query returns one number.
VALUE_BYTES: Final = 64 * KIB

# What a webhook answers.
WEBHOOK_BYTES: Final = 64 * KIB
# An error in place of an answer; only its start is shown.
ERROR_BYTES: Final = 64 * KIB

# The values of a document in YAML, each alias written out: no manifest has a hundredth of it.
YAML_VALUES: Final = 200_000
# As deep as a spec may be, and what is around it.
YAML_LEVELS: Final = 120

# ESC sequences, whole: without the ESC alone, the rest of a colour would be left in the text.
_ESCAPE_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))|\x9b[0-?]*[ -/]*[@-~]")
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0))
# They change the order in which a line is shown.
_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_WHITE_SPACE: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_UNPRINTABLE: Final = {
    **dict.fromkeys(_CONTROLS),
    **dict.fromkeys(_DIRECTIONS),
    **dict.fromkeys(map(ord, _WHITE_SPACE), " "),
}
_UNPRINTABLE_IN_LINES: Final = {key: value for key, value in _UNPRINTABLE.items() if key not in (0x09, 0x0A)}


class TooLargeError(Exception):
    """What is read is larger than its bound; the message says by which bound, of what it calls `it`."""


def printable(text: str) -> str:
    """Return the text without what a terminal would obey: control characters (C0, C1, ESC) and changes of direction.

    White space becomes a blank, so that the text is one line.
    """
    return _without_escapes(text).translate(_UNPRINTABLE)


def printable_lines(text: str) -> str:
    """Return the same, but with its tabs and ends of lines."""
    return _without_escapes(text).translate(_UNPRINTABLE_IN_LINES)


def clipped_lines(text: str, characters: int = LOG_LINE_CHARACTERS, most: int = LOG_LINES) -> Iterator[str]:
    """Yield the last lines of a text, each cut to a length."""
    for line in text.splitlines()[-most:]:
        yield line[:characters]


async def read_at_most(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """Return all that is received; raises TooLargeError as soon as that is more than `most` bytes."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > most:
            raise TooLargeError(f"it has more than {most} bytes")
    return bytes(content)


async def read_start(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """Return the first bytes of what is received, and read no more than that."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) >= most:
            break
    return bytes(content[:most])


async def lines_starting_with(
    chunks: AsyncIterator[bytes], prefixes: tuple[bytes, ...], *, most: int, longest: int
) -> AsyncIterator[bytes]:
    """Yield the lines that begin with one of the prefixes, and keep nothing of any other.

    Raises TooLargeError when more than `most` bytes are received, or one of these lines is longer than `longest`; its
    message says what is too large.
    """
    received, rest, is_skipped = 0, b"", False
    async for chunk in chunks:
        received += len(chunk)
        if received > most:
            raise TooLargeError(f"it has more than {most >> 20} MiB")
        whole, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            for line in _beginning_with(prefixes, _without_first_line(whole) if is_skipped else whole):
                _require_short(line, prefixes, longest)
                yield line
            is_skipped = False
        if len(rest) > longest:
            if not is_skipped:
                _require_short(rest, prefixes, longest)
            rest, is_skipped = b"", True
    if not is_skipped and rest.startswith(prefixes):
        _require_short(rest, prefixes, longest)
        yield rest


def _beginning_with(prefixes: tuple[bytes, ...], lines: bytes) -> Iterator[bytes]:
    """Yield the lines that begin with a prefix, by a search for each: a page may have a line for each of its bytes."""
    text = b"\n" + lines
    starts: list[int] = []
    for prefix in prefixes:
        start = text.find(b"\n" + prefix)
        while start >= 0:
            starts.append(start + 1)
            start = text.find(b"\n" + prefix, start + 1)
    for start in sorted(starts):
        end = text.find(b"\n", start)
        yield text[start:] if end < 0 else text[start:end]


def _without_first_line(lines: bytes) -> bytes:
    return lines.partition(b"\n")[2]


def _require_short(line: bytes, prefixes: tuple[bytes, ...], longest: int) -> None:
    if len(line) > longest and line.startswith(prefixes):
        raise TooLargeError(f"one of its lines is longer than {longest >> 10} KiB")


def _without_escapes(text: str) -> str:
    return _ESCAPE_SEQUENCE.sub("", text) if "\x1b" in text or "\x9b" in text else text
