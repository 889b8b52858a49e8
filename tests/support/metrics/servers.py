"""Servers that act as Prometheus and as pods, on real sockets."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from nereid.controller.observed.pod_address import PodAddress

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(respond: Respond) -> AsyncIterator[BaseTestServer]:
    """Answer every request on a port of this machine."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", respond)
    async with TestServer(application) as server:
        yield server


def success(kind: str, result: Any, **more: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def series(samples: Sequence[tuple[float, float | str]], **labels: str) -> dict[str, Any]:
    return {"metric": labels, "values": [[time, str(value)] for time, value in samples]}


@dataclass
class FakePrometheus:
    """Answers a query by the first part of it that is known; remembers what it was asked."""

    answers: Mapping[str, Any]
    asked: list[Mapping[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        self.asked.append({name: str(value) for name, value in form.items()})
        self.headers.append(request.headers)
        query = str(form["query"])
        answer = next((answer for part, answer in self.answers.items() if part in query), success("matrix", []))
        return web.json_response(answer)


@dataclass
class FakePod:
    """A pod's metrics, which a test changes."""

    success: float = 0
    failures: Mapping[str, float] = field(default_factory=dict)
    in_flight: int | None = None
    status: int = 200
    text: str | None = None

    async def respond(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=self.status, text=self.page() if self.text is None else self.text)

    def page(self) -> str:
        lines = [
            "# TYPE nv_inference_request_success counter",
            f'nv_inference_request_success{{model="digits",version="1"}} {self.success}',
            'nv_inference_request_success{model="other",version="1"} 7',
        ]
        for reason, count in self.failures.items():
            lines.append(f'nv_inference_request_failure{{model="digits",reason="{reason}",version="1"}} {count}')
        if self.in_flight is not None:
            for port, count in ((8000, self.in_flight), (8001, 0), (8002, 50)):
                lines.append(
                    f'envoy_http_downstream_rq_active{{http_conn_manager_prefix="inbound_0.0.0.0_{port}"}} {count}'
                )
        return "\n".join([*lines, "go_goroutines 12", ""])


def address(server: BaseTestServer, name: str) -> PodAddress:
    assert server.port is not None
    return PodAddress(name=name, uid=f"uid-{name}", address="127.0.0.1", port=server.port, path="/metrics")


_SELECTOR = re.compile(r"(?P<metric>[a-z_]+)\{(?P<matchers>.*)\}\[(?P<seconds>\d+)s\]")
_MATCHER = re.compile(r'(?P<label>\w+)(?P<operator>=~|!~|!=|=)"(?P<value>(?:[^"\\]|\\.)*)"')


@dataclass
class MatchingPrometheus:
    """Holds series and answers a selector with those that it matches, and a sum by namespace of one with their ends."""

    held: Sequence[dict[str, Any]]
    asked: list[str] = field(default_factory=list)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        query = str((await request.post())["query"])
        self.asked.append(query)
        found = _SELECTOR.search(query)
        assert found, query
        labels = [dict(match.groupdict()) for match in _MATCHER.finditer(found["matchers"])]
        matching = [
            one
            for one in self.held
            if one["metric"]["__name__"] == found["metric"] and all(_matches(one["metric"], label) for label in labels)
        ]
        if query == found[0]:
            return web.json_response(success("matrix", matching))
        namespaces = {one["metric"].get("namespace", "") for one in matching}
        values = [{"metric": {"namespace": name} if name else {}, "value": [0, "1"]} for name in sorted(namespaces)]
        return web.json_response(success("vector", values))


def _matches(labels: Mapping[str, str], matcher: Mapping[str, str]) -> bool:
    value, wanted = labels.get(matcher["label"], ""), matcher["value"].replace("\\\\", "\\")
    is_match = re.fullmatch(wanted, value) is not None if "~" in matcher["operator"] else value == wanted
    return is_match != matcher["operator"].startswith("!")
