"""How large the program is that a proxy makes of a regular expression, so that none is sent that it would refuse.

A proxy that refuses one expression refuses the whole configuration of its routes, those of all other models and
applications too, and keeps the last one that it took. Istio checks only the length, so Nereid reads the grammar itself:
what it does not know is no expression of RE2. The sizes are upper bounds of what RE2 makes. Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from string import punctuation
from typing import Final

# For all expressions of an A/B test together. Istio's proxies refuse a single one from 32,768 on.
MOST_INSTRUCTIONS: Final = 4_000
MOST_REPETITIONS: Final = 1_000
MOST_GROUPS_WITHIN: Final = 20

_UNICODE_CLASS: Final = 1_300
_ANY_CHARACTER: Final = 12
_BEYOND_ASCII: Final = 16
_ASCII: Final = 0x80
_LAST_CHARACTER: Final = 0x10FFFF

_COUNT: Final = re.compile(r"\{([0-9]{1,9})(,([0-9]{0,9}))?\}")
_GROUP: Final = re.compile(r"\(\?P?<([A-Za-z0-9_]+)>|\(\?(?:[imsU]+(?:-[imsU]+)?|-[imsU]+)?[:)]|\((?!\?)")
_CATEGORIES: Final = re.compile(
    r"C[cfo]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?"
    r"|Arabic|Cyrillic|Devanagari|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Thai"
)
_UNICODE: Final = re.compile(r"\\[pP](?:\{\^?([A-Za-z]+)\}|([A-Z]))")
_CHARACTER_CODE: Final = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,8})\})")
_NAMED_CLASS: Final = re.compile(
    r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]"
)
_CLASSES: Final = {"d": 2, "w": 9, "s": 6, "D": _ANY_CHARACTER, "W": 2 * _ANY_CHARACTER, "S": 2 * _ANY_CHARACTER}
_PLACES: Final = frozenset("AbBz")
_CONTROL: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}


def problem(expressions: Iterable[tuple[str, str]]) -> str | None:
    """Return why proxies may refuse one of the expressions, each with the name of its header; None if they do not."""
    total = 0
    for name, expression in expressions:
        try:
            size = program_size(expression)
        except ValueError as error:
            return f"the regular expression of header {name} {error}"
        total += size
        if total > MOST_INSTRUCTIONS:
            return (
                f"the regular expressions up to that of header {name} make a program of {total} instructions, and "
                f"{MOST_INSTRUCTIONS} are allowed, as proxies refuse all routes with one that is too large: repeat "
                "less often in {…}, write [A-Za-z] instead of \\p{L}, or use exact or prefix"
            )
    return None


def program_size(expression: str) -> int:
    """Return the most instructions that RE2 makes of an expression.

    Raises ValueError with what is wrong, for a sentence that begins with the expression.
    """
    return _Reader(expression).read()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an expression: its size, and how often what is in it is repeated at most by counts."""

    size: int = 0
    repetitions: int = 1


@dataclass
class _Reader:
    """Reads one expression from left to right."""

    text: str
    at: int = 0
    depth: int = 0
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        flags = (found.group() for found in _GROUP.finditer(self.text) if not found.group(1))
        self.ignores_case = any("i" in group for group in flags)

    def read(self) -> int:
        part = self._alternatives()
        if self.at < len(self.text):
            raise ValueError("has a ) without a (: add it, or write \\)")
        return part.size + len("match")

    def _alternatives(self) -> _Part:
        size, repetitions = 0, 1
        while True:
            part = self._sequence()
            size, repetitions = size + part.size + 1, max(repetitions, part.repetitions)
            if not self._takes("|"):
                return _Part(size, repetitions)

    def _sequence(self) -> _Part:
        size, repetitions = 0, 1
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            part = self._repeated(self._atom())
            size, repetitions = size + part.size, max(repetitions, part.repetitions)
        return _Part(size, repetitions)

    def _repeated(self, part: _Part) -> _Part:
        times = self._repetition()
        if times is None:
            return part
        self._takes("?")
        if self._repetition() is not None:
            raise ValueError("repeats a repetition: put it into a group, (?:…)")
        repetitions = part.repetitions * max(times, 1)
        if repetitions >= MOST_REPETITIONS:
            raise ValueError(f"repeats a part {repetitions} times: stay below {MOST_REPETITIONS}")
        return _Part((part.size + 1) * (times + 1), repetitions)

    def _repetition(self) -> int | None:
        """Read `*`, `+`, `?` or a count; return how often that is written out, None if there is none."""
        if self.at < len(self.text) and self.text[self.at] in "*+?":
            self.at += 1
            return 1
        found = _COUNT.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        least, most = int(found[1]), int(found[3] or found[1])
        if most < least:
            raise ValueError(f"has {found.group()}, of which the second number is the smaller one: turn them round")
        return most

    def _atom(self) -> _Part:
        character = self.text[self.at]
        if character == "(":
            return self._group()
        if character in "*+?" or _COUNT.match(self.text, self.at):
            raise ValueError(f"has a {character} that repeats nothing: write \\{character} for the character itself")
        if character == "[":
            return _Part(self._class())
        if character == "\\":
            return _Part(self._escape())
        self.at += 1
        if character == ".":
            return _Part(_ANY_CHARACTER)
        return _Part(1 if character in "^$" else self._size_of(character))

    def _group(self) -> _Part:
        found = _GROUP.match(self.text, self.at)
        if found is None:
            raise ValueError("has a group that RE2 does not know, such as (?=…): it has no lookahead and no lookbehind")
        if found[1] in self.names:
            raise ValueError(f"has two groups named {found[1]}: name one of them differently")
        self.names |= {found[1]} - {None}
        self.at, self.depth = found.end(), self.depth + 1
        if found.group().endswith(")"):  # flags for what follows
            self.depth -= 1
            if self._repetition() is not None:
                raise ValueError(f"repeats {found.group()}, which matches nothing: remove the repetition")
            return _Part()
        if self.depth > MOST_GROUPS_WITHIN:
            raise ValueError(f"has more than {MOST_GROUPS_WITHIN} groups within each other: write it with fewer")
        part = self._alternatives()
        if not self._takes(")"):
            raise ValueError("has a ( without a ): add it, or write \\(")
        self.depth -= 1
        return _Part(part.size + 2, part.repetitions)

    def _escape(self) -> int:
        """Read an escape outside a class; return its size."""
        if self.text.startswith("\\Q", self.at):
            end = self.text.find("\\E", self.at + 2)
            if end == self.at + len("\\Q"):
                raise ValueError("has \\Q\\E, which holds nothing: remove it")
            quoted = self.text[self.at + 2 : end if end >= 0 else None]
            self.at = end + 2 if end >= 0 else len(self.text)
            return sum(self._size_of(character) for character in quoted)
        if self.text[self.at + 1 : self.at + 2] in _PLACES:
            self.at += 2
            return 1
        found = self._class_escape()
        return found if isinstance(found, int) else self._size_of(found)

    def _class_escape(self) -> int | str:
        """Read an escape; return the size of a class, or a character."""
        start, following = self.at, self.text[self.at + 1 : self.at + 2]
        if following in _CLASSES:
            self.at += 2
            return _CLASSES[following]
        if found := _UNICODE.match(self.text, start):
            if not _CATEGORIES.fullmatch(found[1] or found[2]):
                raise ValueError(f"has {found.group()}, which not every proxy knows: use another class")
            self.at = found.end()
            return _UNICODE_CLASS
        if found := _CHARACTER_CODE.match(self.text, start):
            if (code := int(found[1] or found[2], 16)) > _LAST_CHARACTER:
                raise ValueError(f"has {found.group()}, which is no character of Unicode: correct it")
            self.at = found.end()
            return chr(code)
        if following in _CONTROL or (following and following in punctuation):
            self.at += 2
            return _CONTROL.get(following, following)
        raise ValueError(f"has \\{following}, which RE2 does not know, as it has no references to groups: rewrite it")

    def _class(self) -> int:
        """Read a class in brackets; return its size."""
        self.at += 1
        size = 1 + _BEYOND_ASCII * self._takes("^")
        is_first = True
        while is_first or not self._takes("]"):
            if self.at >= len(self.text):
                raise ValueError("has a [ without a ]: add it, or write \\[")
            size += self._item()
            is_first = False
        return size

    def _item(self) -> int:
        if found := _NAMED_CLASS.match(self.text, self.at):
            self.at = found.end()
            return _BEYOND_ASCII + _ANY_CHARACTER
        first = self._end_of_range()
        if isinstance(first, int):
            return first
        is_range = self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at)
        if not is_range:
            return self._size_in_class(first, first)
        self.at += 1
        last = self._end_of_range()
        if isinstance(last, int) or last < first:
            raise ValueError(f"has a range from {first} in [ ] that does not end at a later character: correct it")
        return self._size_in_class(first, last)

    def _end_of_range(self) -> int | str:
        if self.at >= len(self.text) or self.text.startswith("[:", self.at):
            raise ValueError("has a [ without a ], or a class such as [:alpha:] that RE2 does not know: correct it")
        if self.text[self.at] == "\\":
            return self._class_escape()
        self.at += 1
        return self.text[self.at - 1]

    def _size_in_class(self, first: str, last: str) -> int:
        is_ascii = ord(last) < _ASCII
        if self.ignores_case:
            # What differs in case only may lie anywhere, a range's here and there.
            return 6 if is_ascii else (2 * _BEYOND_ASCII if first == last else _UNICODE_CLASS)
        return 2 if is_ascii else _BEYOND_ASCII

    def _size_of(self, character: str) -> int:
        return len(character.encode(errors="replace")) * (4 if self.ignores_case else 1)

    def _takes(self, character: str) -> bool:
        found = self.text.startswith(character, self.at)
        self.at += len(character) if found else 0
        return found
