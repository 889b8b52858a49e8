"""A server that speaks Triton's HTTP protocol, binary tensors included, for whatever a test lets it answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from numpy.typing import NDArray
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
    triton_to_np_dtype,
)

Tensors = dict[str, NDArray[Any]]
Model = Callable[[Tensors], Tensors]

HEADER = "Inference-Header-Content-Length"


def identity(inputs: Tensors) -> Tensors:
    """A model whose output y is its input x."""
    return {"y": inputs["x"]}


@dataclass
class FakeTriton:
    """What it serves, and what it was asked."""

    model: Model = identity
    inputs: dict[str, tuple[str, list[int]]] = field(default_factory=lambda: {"x": ("FP32", [-1, 2])})
    outputs: dict[str, tuple[str, list[int]]] = field(default_factory=lambda: {"y": ("FP32", [-1, 2])})
    max_batch_size: int | None = 0
    ready_after: int = 0
    delay: float = 0
    answer: web.Response | Callable[[], web.Response] | None = None
    host: str = ""
    batches: list[int] = field(default_factory=list)

    async def ready(self, _: web.Request) -> web.Response:
        self.ready_after -= 1
        return web.Response(status=200 if self.ready_after < 0 else 400)

    async def metadata(self, request: web.Request) -> web.Response:
        if request.match_info["model"] != "digits":
            return web.json_response({"error": "Request for unknown model"}, status=400)
        tensors = {
            key: [{"name": name, "datatype": datatype, "shape": shape} for name, (datatype, shape) in told.items()]
            for key, told in (("inputs", self.inputs), ("outputs", self.outputs))
        }
        return web.json_response({"name": "digits", **tensors})

    async def config(self, _: web.Request) -> web.Response:
        if self.max_batch_size is None:
            return web.json_response({"error": "This API is restricted"}, status=403)
        return web.json_response({"max_batch_size": self.max_batch_size})

    async def infer(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay)
        header, tensors = read_request(await request.read(), request.headers.get(HEADER))
        rows = len(next(iter(tensors.values())))
        self.batches.append(rows)
        if self.answer is not None:
            return self.answer() if callable(self.answer) else self.answer
        if self.max_batch_size and rows > self.max_batch_size:
            return web.json_response({"error": f"batch-size must be <= {self.max_batch_size}"}, status=400)
        return written_answer(header, self.model(tensors))


def read_request(body: bytes, header_length: str | None) -> tuple[dict[str, Any], Tensors]:
    size = int(header_length) if header_length else len(body)
    header, rest = json.loads(body[:size]), body[size:]
    tensors = {}
    for tensor in header["inputs"]:
        dtype, shape = triton_to_np_dtype(tensor["datatype"]), tensor["shape"]
        if "data" in tensor:
            tensors[tensor["name"]] = np.array(tensor["data"], dtype=dtype).reshape(shape)
            continue
        binary, rest = (
            rest[: tensor["parameters"]["binary_data_size"]],
            rest[tensor["parameters"]["binary_data_size"] :],
        )
        array = deserialize_bytes_tensor(binary) if tensor["datatype"] == "BYTES" else np.frombuffer(binary, dtype)
        tensors[tensor["name"]] = array.reshape(shape)
    return header, tensors


def written_answer(header: dict[str, Any], outputs: Tensors) -> web.Response:
    asked = {one["name"]: one for one in header.get("outputs", [])}
    told, content = [], b""
    for name, array in outputs.items():
        if asked and name not in asked:
            continue
        output = {"name": name, "datatype": np_to_triton_dtype(array.dtype), "shape": list(array.shape)}
        if asked.get(name, {}).get("parameters", {}).get("binary_data"):
            raw = serialize_byte_tensor(array).item() if array.dtype.kind == "O" else array.tobytes()
            output["parameters"] = {"binary_data_size": len(raw)}
            content += raw
        else:
            output["data"] = array.ravel().tolist()
        told.append(output)
    text = json.dumps({"model_name": "digits", "outputs": told}).encode()
    headers = {HEADER: str(len(text))} if content else {}
    return web.Response(body=text + content, headers=headers, content_type="application/octet-stream")


Serve = Callable[..., Awaitable[FakeTriton]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers; keywords are FakeTriton's."""
    runners = []

    async def start(**settings: Any) -> FakeTriton:
        fake = FakeTriton(**settings)
        application = web.Application(client_max_size=1 << 26)
        application.router.add_get("/v2/health/ready", fake.ready)
        application.router.add_get("/v2/models/{model}", fake.metadata)
        application.router.add_get("/v2/models/{model}/config", fake.config)
        application.router.add_post("/v2/models/{model}/infer", fake.infer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.host = f"127.0.0.1:{runner.addresses[0][1]}"
        return fake

    yield start
    for runner in runners:
        await runner.cleanup()
