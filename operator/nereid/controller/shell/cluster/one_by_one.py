"""Decodes what the API server sends one object after another.

A list of objects that are as large as etcd takes them, decoded at once, needs more memory than the operator has: Python
takes thirty times the size of the JSON. Here one object at a time is decoded, and a spec that is too large is left out
before the next one is read. Kopf lists and watches by a session of its own, which gets its answers from here too.
"""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, cast

import aiohttp

from nereid.contract.foreign_text import SMALL_OBJECT_CHARACTERS
from nereid.controller.observed.large_spec import without_large_spec
from nereid.controller.shell.cluster.resources import MODEL_DEPLOYMENT

Raw = dict[str, Any]

_ITEMS: Final = "items"
_FAILURES: Final = 400
_DECODER: Final = json.JSONDecoder()
_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_FIRST_CHARACTERS: Final = 64 << 10


async def decoded(chunks: AsyncIterator[bytes]) -> Any:
    """Return an answer; its objects come without specs that are too large. Raises ValueError if it is not JSON."""
    answer = Answer(chunks)
    items = [item async for item in answer.items()]
    return {_ITEMS: items, **answer.rest} if answer.is_list else answer.rest


class Answer:
    """An object in JSON, for instance a list: `rest` has its fields but its items once `items` has yielded them."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._text = _Text(chunks)
        self.rest: Any = {}
        self.is_list = False

    async def items(self) -> AsyncIterator[Any]:
        """Yield the items of a list, none of another object. Raises ValueError if it is not JSON."""
        text = self._text
        if await text.peek() != "{":
            self.rest = await text.value()
            return
        text.skip()
        while (sign := await text.peek()) != "}":
            if sign == ",":
                text.skip()
                continue
            field = await text.value()
            if await text.peek() != ":":
                raise json.JSONDecodeError("Expecting ':'", "", 0)
            text.skip()
            if field == _ITEMS and await text.peek() == "[":
                self.is_list = True
                async for item in self._elements():
                    yield item
            else:
                self.rest[field] = await text.value()
        self.rest = reduced(self.rest, text.characters)
        await text.drain()

    async def _elements(self) -> AsyncIterator[Any]:
        text = self._text
        text.skip()
        while (sign := await text.peek()) != "]":
            if sign == ",":
                text.skip()
                continue
            before = text.characters
            item = await text.value()
            yield reduced(item, text.characters - before)
            del item
        text.skip()


def reduced(raw: Any, characters: int) -> Any:
    """Return an object of so many characters; a ModelDeployment without its spec if that is too large."""
    is_large = characters > SMALL_OBJECT_CHARACTERS and isinstance(raw, dict)
    if is_large and raw.get("kind") == MODEL_DEPLOYMENT.kind and raw.get("apiVersion") == MODEL_DEPLOYMENT.api_version:
        return dict(without_large_spec(raw))
    return raw


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield lines of any length; a stream's own iteration rejects lines longer than its buffer."""
    parts: list[bytes] = []
    async for chunk in chunks:
        first, *rest = chunk.split(b"\n")
        parts.append(first)
        for piece in rest:
            yield b"".join(parts)
            parts = [piece]


def event_of(line: bytes) -> Any:
    """Return an event of a watch; its object comes without a spec that is too large."""
    event = json.loads(line)
    if len(line) > SMALL_OBJECT_CHARACTERS and isinstance(event, dict):
        event["object"] = reduced(event.get("object"), len(line))
    return event


class OneByOneResponse(aiohttp.ClientResponse):
    """A response of the API server, for Kopf: it decodes answers by `json` and reads watches from `content`."""

    async def start(self, connection: Any) -> "OneByOneResponse":
        """Begin to read the response."""
        await super().start(connection)
        if self.url.query.get("watch") == "true" and self.status < _FAILURES:
            self.content = cast("aiohttp.StreamReader", _Events(self.content))
        return self

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: Callable[[str], Any] = json.loads,
        content_type: str | None = "application/json",
    ) -> Any:
        """Return the answer; an error, or what was read already, is decoded as in any response."""
        if self.status >= _FAILURES or self._body is not None:
            return await super().json(encoding=encoding, loads=loads, content_type=content_type)
        return await decoded(self.content.iter_any())


class _Events:
    """The content of a watch: lines that are short, as large specs are left out of them."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        """Yield the lines, whatever their length."""
        async for line in lines_of(self._content.iter_any()):
            yield (line if len(line) <= SMALL_OBJECT_CHARACTERS else json.dumps(event_of(line)).encode()) + b"\n"


class _Text:
    """Text that is received while it is read; only what is not read yet is kept."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._decode = getincrementaldecoder("utf-8")(errors="replace").decode
        self._text = ""
        self._at = 0
        self._read = 0
        self._is_complete = False

    @property
    def characters(self) -> int:
        """How many characters have been read."""
        return self._read + self._at

    async def peek(self) -> str:
        """Return the next character that is not blank; raises ValueError at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            await self._receive()

    def skip(self) -> None:
        """Go on to the next character."""
        self._at += 1

    async def value(self) -> Any:
        """Return the value that begins here. What is not received yet is waited for, twice as much each time."""
        await self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                await self._receive()
                continue
            # More digits of a number may follow.
            if end == len(self._text) and not self._is_complete and not isinstance(value, (dict, list, str)):
                await self._receive()
                continue
            self._at = end
            return value

    async def drain(self) -> None:
        """Receive the rest, so that the connection can be used again."""
        async for _ in self._chunks:
            pass

    async def _receive(self) -> None:
        """Receive at least as much as is not read yet; raises ValueError if nothing comes any more."""
        if self._is_complete:
            raise json.JSONDecodeError("The answer ends too early, or is not JSON", "", 0)
        parts = [self._text[self._at :]]
        self._read, self._at = self.characters, 0
        wanted, received = max(len(parts[0]), _FIRST_CHARACTERS), 0
        async for chunk in self._chunks:
            parts.append(self._decode(chunk))
            received += len(parts[-1])
            if received >= wanted:
                break
        else:
            self._is_complete = True
        self._text = "".join(parts)
