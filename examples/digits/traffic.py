"""Clients of a served digits model: who checks every answer, and who counts every request.

Two kinds. `predict` asks with Triton's own client library, one request for each image, as a user's program would.
`TrafficClient` sends many requests without waiting for each other, at a steady rate or as many as it can, and keeps
count: how many were sent, how many failed and why, which version answered each and how soon. An answer does not name
the version that gave it, but its probabilities do: they are compared with those that scikit-learn computed with each.
"""

import asyncio
import itertools
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp
import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
from tritonclient.utils import InferenceServerException

from digits.train import INPUT, LABEL, PROBABILITIES, Digits, Floats, Integers

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
class Group:
    """Clients that are told apart by the headers that they send; with gRPC these are metadata."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)


ANYBODY: Final = Group("anybody")


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that was answered: whose it was, by which version, and how long that took."""

    protocol: Protocol
    group: str
    version: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that was not answered; its kind is an HTTP or gRPC status, or the name of what went wrong.

    `at` is the time of the day at which it was known.
    """

    protocol: Protocol
    group: str
    kind: str
    message: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.protocol} {self.kind} at {self.at:%H:%M:%S}: {self.message}"


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests that have come to an end, in the order of their ends."""

    answers: tuple[Answer, ...] = ()
    errors: tuple[Failure, ...] = ()

    @property
    def sent(self) -> int:
        """How many requests were sent and have come to an end."""
        return len(self.answers) + len(self.errors)

    @property
    def failed(self) -> int:
        """How many were not answered, or not by any version that is known."""
        return len(self.errors) + self.by_version()[UNKNOWN]

    def by_version(self, protocol: Protocol | None = None, group: str | None = None) -> Counter[str]:
        """Return how many requests, of one protocol or group or of all, each version answered."""
        return Counter(
            answer.version
            for answer in self.answers
            if protocol in (None, answer.protocol) and group in (None, answer.group)
        )

    def failures(self) -> str:
        """Tell how many requests failed in each way, when the first and the last did, and what the first was told."""
        kinds = self.by_kind()
        kinds[UNKNOWN] = self.by_version()[UNKNOWN]
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        if not self.errors:
            return counts
        first, last = self.errors[0], self.errors[-1]
        return f"{counts}; from {first.at:%H:%M:%S} to {last.at:%H:%M:%S}, the first: {first.message}"

    def by_kind(self) -> Counter[str]:
        """Return how many requests failed in each way."""
        return Counter(f"{error.protocol} {error.kind}" for error in self.errors)

    def latency(self, version: str, percent: float) -> float:
        """Return the seconds within which `percent` of a version's answers came; it must have answered."""
        return float(np.percentile([answer.seconds for answer in self.answers if answer.version == version], percent))

    def since(self, earlier: "Tally") -> "Tally":
        """Return what was counted after an earlier tally of the same client."""
        return Tally(self.answers[len(earlier.answers) :], self.errors[len(earlier.errors) :])


class RefusedError(RuntimeError):
    """An answer over REST that is none, with its status."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class TrafficClient:
    """Sends held-out images over REST and gRPC in turn, from a thread of its own, and counts what comes back.

    The groups take turns as well: each sends as many requests as any other over each protocol. A context manager:
    leaving it stops the steady requests, waits for those in flight and closes the connections.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        digits: Digits,
        groups: Sequence[Group] = (ANYBODY,),
        patience: float = _REQUEST_SECONDS,
    ) -> None:
        """`patience` is how many seconds it waits for an answer."""
        self._endpoint = endpoint
        self._patience = patience
        self._digits = digits
        self._groups = groups
        self._images = _telling_images(digits)
        self._answers: list[Answer] = []
        self._errors: list[Failure] = []
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
        """Send no more, wait for the responses in flight and return the whole count."""
        self._stop.set()
        if self._steady is not None:
            self._steady.result()
            self._steady = None
        return self.tally()

    def tally(self) -> Tally:
        """Return what was counted until now."""
        return Tally(tuple(self._answers), tuple(self._errors))

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
            timeout=aiohttp.ClientTimeout(total=self._patience),
            # As many at once as it has to send.
            connector=aiohttp.TCPConnector(limit=0),
        )
        self._grpc = tritonclient.grpc.aio.InferenceServerClient(
            self._endpoint.address, channel_args=[("grpc.default_authority", self._endpoint.host)]
        )
        self._senders: dict[Protocol, Callable[[int, Group], Awaitable[Floats]]] = {
            "REST": self._send_rest,
            "gRPC": self._send_grpc,
        }
        senders = itertools.product(self._groups, PROTOCOLS)
        self._turns = zip(itertools.cycle(senders), itertools.cycle(self._images), strict=False)

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
        (group, protocol), image = next(self._turns)
        start = self._loop.time()
        try:
            probabilities = await self._senders[protocol](image, group)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is a failed request, and is reported at the end
            self._errors.append(Failure(protocol, group.name, _kind(error), str(error), datetime.now(UTC)))
        else:
            version = self._version_of(image, probabilities)
            self._answers.append(Answer(protocol, group.name, version, self._loop.time() - start))

    async def _send_rest(self, image: int, group: Group) -> Floats:
        tensor = {
            "name": INPUT,
            "shape": [1, 64],
            "datatype": "FP32",
            "data": self._digits.images[image].tolist(),
        }
        body = json.dumps({"inputs": [tensor], "outputs": [{"name": PROBABILITIES}]})
        path = f"/v2/models/{self._endpoint.model}/infer"
        async with self._http.post(path, data=body, headers=group.headers) as response:
            answer = await response.text()
            if response.status != 200:  # noqa: PLR2004 - HTTP's OK
                raise RefusedError(f"HTTP {response.status}", answer[:200])
        return np.array(json.loads(answer)["outputs"][0]["data"], dtype=np.float32)

    async def _send_grpc(self, image: int, group: Group) -> Floats:
        tensor = _tensor(tritonclient.grpc, self._digits.images[image])
        result = await self._grpc.infer(
            self._endpoint.model, [tensor], client_timeout=self._patience, headers=dict(group.headers)
        )
        return np.asarray(result.as_numpy(PROBABILITIES), dtype=np.float32).ravel()

    def _version_of(self, image: int, probabilities: Floats) -> str:
        for version, trained in self._digits.versions.items():
            if np.allclose(trained.probabilities[image], probabilities, rtol=0, atol=_SAME):
                return version
        return UNKNOWN


def _kind(error: Exception) -> str:
    match error:
        case RefusedError(status=status):
            return status
        case InferenceServerException():
            return str(error.status()).removeprefix("StatusCode.")
        case _:
            return type(error).__name__


def _telling_images(digits: Digits) -> list[int]:
    """Return the images that every two versions answer with probabilities that are clearly not the same."""
    pairs = itertools.combinations(digits.versions.values(), 2)
    apart = [np.abs(one.probabilities - other.probabilities).max(axis=1) > _DIFFERENT for one, other in pairs]
    return np.flatnonzero(np.all(apart, axis=0)).tolist() if apart else list(range(len(digits.images)))
