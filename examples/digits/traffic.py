"""Clients of a served digits model: who checks every answer, and who counts every request.

Two kinds. `predict` asks with Triton's own client library, one request for each image, as a user's program would.
`TrafficClient` sends many requests without waiting for each other, at a steady rate or as many as it can, and keeps
count: how many were sent, how many failed and why, and which version answered each. An answer does not name the version
that gave it, but its probabilities do: they are compared with those that scikit-learn computed with each version.
"""

import asyncio
import itertools
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp
import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
from train import INPUT, LABEL, PROBABILITIES, Digits, Floats, Integers

Protocol = Literal["REST", "gRPC"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("REST", "gRPC")
UNKNOWN: Final = "unknown"
_REQUEST_SECONDS: Final = 15.0
# Probabilities come within 1e-6 of scikit-learn's; those of two versions differ by more than 0.02 for every image used.
_SAME: Final = 1e-3
_DIFFERENT: Final = 2e-2


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is served: the gateway's HOST:PORT, the host name asked for there, and the model's name."""

    address: str
    host: str
    model: str = "digits"


@dataclass(frozen=True, slots=True)
class Answers:
    """The labels and probabilities that a model gave to the held-out images, in their order."""

    labels: Integers
    probabilities: Floats


def predict(endpoint: Endpoint, images: Floats, protocol: Protocol) -> Answers:
    """Send the images one by one with tritonclient and return the answers."""
    results = [*(_rest(endpoint, images) if protocol == "REST" else _grpc(endpoint, images))]
    return Answers(
        labels=np.concatenate([result.as_numpy(LABEL).ravel() for result in results]),
        probabilities=np.concatenate([result.as_numpy(PROBABILITIES) for result in results]),
    )


def _rest(endpoint: Endpoint, images: Floats) -> list[Any]:
    with tritonclient.http.InferenceServerClient(endpoint.address, network_timeout=_REQUEST_SECONDS) as client:
        headers = {"Host": endpoint.host}
        return [client.infer(endpoint.model, [_tensor(tritonclient.http, image)], headers=headers) for image in images]


def _grpc(endpoint: Endpoint, images: Floats) -> list[Any]:
    authority = [("grpc.default_authority", endpoint.host)]
    with tritonclient.grpc.InferenceServerClient(endpoint.address, channel_args=authority) as client:
        return [
            client.infer(endpoint.model, [_tensor(tritonclient.grpc, image)], client_timeout=_REQUEST_SECONDS)
            for image in images
        ]


def _tensor(library: Any, image: Floats) -> Any:
    tensor = library.InferInput(INPUT, [1, image.size], "FP32")
    tensor.set_data_from_numpy(image.reshape(1, -1))
    return tensor


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests counted: those answered, by protocol and by the version that answered, and the errors of the others."""

    answered: Counter[tuple[Protocol, str]] = field(default_factory=Counter)
    errors: tuple[str, ...] = ()

    @property
    def sent(self) -> int:
        """How many requests were sent and have come to an end."""
        return self.answered.total() + len(self.errors)

    @property
    def failed(self) -> int:
        """How many were not answered, or not by any version that is known."""
        return len(self.errors) + sum(count for (_, version), count in self.answered.items() if version == UNKNOWN)

    def by_version(self, protocol: Protocol | None = None) -> Counter[str]:
        """Return how many requests, of one protocol or of all, each version answered."""
        versions: Counter[str] = Counter()
        for (used, version), count in self.answered.items():
            if protocol in (None, used):
                versions[version] += count
        return versions

    def since(self, earlier: "Tally") -> "Tally":
        """Return what was counted after an earlier tally of the same client."""
        return replace(self, answered=self.answered - earlier.answered, errors=self.errors[len(earlier.errors) :])


class TrafficClient:
    """Sends held-out images over REST and gRPC in turn, from a thread of its own, and counts what comes back.

    A context manager: leaving it stops the steady requests, waits for those under way and closes the connections.
    """

    def __init__(self, endpoint: Endpoint, digits: Digits) -> None:
        self._endpoint = endpoint
        self._digits = digits
        self._images = _telling_images(digits)
        self._answered: Counter[tuple[Protocol, str]] = Counter()
        self._errors: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="traffic", daemon=True)
        self._stop = threading.Event()
        self._steady: Any = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._connect())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, rate: float) -> None:
        """Send `rate` requests a second from now on, whether or not the earlier ones have been answered."""
        self._stop.clear()
        self._steady = asyncio.run_coroutine_threadsafe(self._send_steadily(rate), self._loop)

    def stop(self) -> Tally:
        """Send no more, wait for the answers under way and return the whole count."""
        self._stop.set()
        if self._steady is not None:
            self._steady.result()
            self._steady = None
        return self.tally()

    def tally(self) -> Tally:
        """Return what was counted until now."""
        return Tally(answered=self._answered.copy(), errors=tuple(self._errors))

    def burst(self, requests: int, at_once: int = 8) -> Tally:
        """Send this many requests, `at_once` of them at a time, wait for all and return the count of these alone."""
        before = self.tally()
        self._run(self._send_burst(requests, at_once))
        return self.tally().since(before)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _connect(self) -> None:
        self._http = aiohttp.ClientSession(
            f"http://{self._endpoint.address}",
            headers={"Host": self._endpoint.host, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS),
        )
        self._grpc = tritonclient.grpc.aio.InferenceServerClient(
            self._endpoint.address, channel_args=[("grpc.default_authority", self._endpoint.host)]
        )
        self._senders: dict[Protocol, Callable[[int], Awaitable[Floats]]] = {
            "REST": self._send_rest,
            "gRPC": self._send_grpc,
        }
        self._turns = zip(itertools.cycle(PROTOCOLS), itertools.cycle(self._images), strict=False)

    async def _close(self) -> None:
        await self._http.close()
        await self._grpc.close()

    async def _send_steadily(self, rate: float) -> None:
        under_way: set[asyncio.Task[None]] = set()
        start = self._loop.time()
        for number in itertools.count():
            if self._stop.is_set():
                break
            task = asyncio.create_task(self._send_one())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(max(0.0, start + (number + 1) / rate - self._loop.time()))
        await asyncio.gather(*under_way)

    async def _send_burst(self, requests: int, at_once: int) -> None:
        left = iter(range(requests))

        async def one_after_another() -> None:
            for _ in left:
                await self._send_one()

        await asyncio.gather(*(one_after_another() for _ in range(at_once)))

    async def _send_one(self) -> None:
        protocol, image = next(self._turns)
        try:
            probabilities = await self._senders[protocol](image)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is a failed request, and is told at the end
            self._errors.append(f"{protocol}: {type(error).__name__}: {error}")
        else:
            self._answered[protocol, self._version_of(image, probabilities)] += 1

    async def _send_rest(self, image: int) -> Floats:
        tensor = {
            "name": INPUT,
            "shape": [1, 64],
            "datatype": "FP32",
            "data": self._digits.images[image].tolist(),
        }
        body = json.dumps({"inputs": [tensor], "outputs": [{"name": PROBABILITIES}]})
        async with self._http.post(f"/v2/models/{self._endpoint.model}/infer", data=body) as response:
            answer = await response.text()
            if response.status != 200:  # noqa: PLR2004 - HTTP's OK
                raise RuntimeError(f"HTTP {response.status}: {answer[:200]}")
        return np.array(json.loads(answer)["outputs"][0]["data"], dtype=np.float32)

    async def _send_grpc(self, image: int) -> Floats:
        tensor = _tensor(tritonclient.grpc, self._digits.images[image])
        result = await self._grpc.infer(self._endpoint.model, [tensor], client_timeout=_REQUEST_SECONDS)
        return np.asarray(result.as_numpy(PROBABILITIES), dtype=np.float32).ravel()

    def _version_of(self, image: int, probabilities: Floats) -> str:
        for version, trained in self._digits.versions.items():
            if np.allclose(trained.probabilities[image], probabilities, rtol=0, atol=_SAME):
                return version
        return UNKNOWN


def _telling_images(digits: Digits) -> list[int]:
    """Return the images that every two versions answer with probabilities that are clearly not the same."""
    pairs = itertools.combinations(digits.versions.values(), 2)
    apart = [np.abs(one.probabilities - other.probabilities).max(axis=1) > _DIFFERENT for one, other in pairs]
    return np.flatnonzero(np.all(apart, axis=0)).tolist() if apart else list(range(len(digits.images)))
