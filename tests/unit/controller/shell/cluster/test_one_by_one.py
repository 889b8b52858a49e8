"""What the API server sends is decoded one object at a time, and large specs are left out on the way."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from nereid.contract.foreign_text import KIB, MIB
from nereid.controller.observed.large_spec import PROBLEM
from nereid.controller.shell.cluster import one_by_one
from nereid.controller.shell.cluster.one_by_one import Answer, OneByOneResponse, decoded

# As large as etcd takes objects.
LARGE: Final = 1300 * KIB
HEAD: Final = {"apiVersion": "nereid.dev/v1alpha1", "kind": "ModelDeployment"}
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)


def large(name: str, size: int = LARGE) -> str:
    """Return a ModelDeployment of many small values, which takes thirty times its size when it is decoded."""
    parameters = ",".join(["{}"] * (size // 3))
    return (
        f'{{"apiVersion":"nereid.dev/v1alpha1","kind":"ModelDeployment","metadata":{{"name":"{name}"}},"spec":{{"model":'
        f'{{"uri":"pvc://a/b","config":{{"parameters":[{parameters}]}}}},"traffic":{{"hosts":["{name}.example.com"]}}}}}}'
    )


async def chunks_of(text: str, size: int) -> AsyncIterator[bytes]:
    content = text.encode()
    for start in range(0, len(content), size):
        yield content[start : start + size]


@settings(max_examples=60)
@given(
    answer=st.dictionaries(st.sampled_from(["items", "metadata", "kind", "a"]), VALUES) | VALUES, size=st.integers(1, 9)
)
async def test_any_answer_is_decoded_as_it_is(answer: Any, size: int) -> None:
    for text in (json.dumps(answer, ensure_ascii=False), json.dumps(answer, indent=1)):
        assert await decoded(chunks_of(text, size)) == answer


@pytest.mark.parametrize(
    "text", ["", "{", '{"a', '{"a" 1}', '{"items":[{}', '{"items":[1,{"a":}]}', "[1,2", "<html>", "tru"]
)
async def test_what_is_not_json_is_no_answer(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        await decoded(chunks_of(text, 3))


async def test_a_list_takes_the_memory_of_one_object() -> None:
    async def peak(number: int) -> int:
        page = f'{{"items":[{",".join(large(f"fat-{index}", 300 * KIB) for index in range(number))}],"metadata":{{}}}}'
        chunks = chunks_of(page, 64 * KIB)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        answer = Answer(chunks)
        seen = [item["metadata"]["name"] async for item in answer.items()]
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(seen) == number
        return most - before - len(page)

    assert await peak(4) < 1.5 * await peak(1)


async def test_twice_the_object_is_looked_at_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    class Counting(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
            nonlocal looks
            looks += 1
            return super().raw_decode(s, idx)

    async def looks_at(characters: int) -> int:
        nonlocal looks
        looks = 0
        await decoded(chunks_of(f'{{"a":"{"x" * characters}"}}', 1 * KIB))
        return looks

    monkeypatch.setattr(one_by_one, "_DECODER", Counting())
    assert await looks_at(2 * MIB) <= await looks_at(1 * MIB) + 1 <= 10


async def test_what_is_too_large_is_left_out_and_what_is_small_is_kept() -> None:
    [item] = (await decoded(chunks_of(f'{{"items":[{large("fat")}]}}', 64 * KIB)))["items"]
    assert item["spec"] == {"traffic": {"hosts": ["fat.example.com"]}}
    assert item[PROBLEM].startswith("spec takes 1301 KiB as JSON, of which spec.model.config takes 1301 KiB")


async def test_objects_of_other_kinds_are_left_as_they_are() -> None:
    foreign = {**json.loads(large("fat")), "kind": "Deployment"}
    assert await decoded(chunks_of(json.dumps({"items": [foreign]}), MIB)) == {"items": [foreign]}


async def test_kopf_gets_small_objects_from_lists_and_from_watches() -> None:
    event = f'{{"type":"ADDED","object":{large("fat")}}}\n'

    async def answer(request: web.Request) -> web.Response:
        text = (
            event + '{"type":"BOOKMARK","object":{}}\n' + event
            if "watch" in request.query
            else f'{{"items":[{large("fat")}]}}'
        )
        return web.Response(text=text, content_type="application/json")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession(response_class=OneByOneResponse) as session,
    ):
        async with session.get(server.make_url("/")) as response:
            [item] = (await response.json())["items"]
        async with session.get(server.make_url("/?watch=true")) as response:
            watched = b"".join([chunk async for chunk in response.content.iter_chunked(1024)])
    assert len(watched) < 4 * KIB
    events = [json.loads(line) for line in watched.splitlines()]
    assert [one["type"] for one in events] == ["ADDED", "BOOKMARK", "ADDED"]
    assert events[0]["object"] == item
    assert PROBLEM in item
