"""What an attacker does from a pod of its own, inside or outside the mesh.

This module runs twice: here, where `Attacker` reads what came of it, and as the program that is piped into a pod with
the operator's image, which has Python, aiohttp and gRPC.
"""

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REST = "nereid-activator.nereid-system.svc.cluster.local:8000"
GRPC = "nereid-activator.nereid-system.svc.cluster.local:8001"
SCALER = "nereid-activator.nereid-system.svc.cluster.local:9090"
WAITS = "still waits"
CLOSED = "closed"
_SECONDS = 15
# So many connections are opened at a time.
_AT_ONCE = 20


def ask(url: str, *headers: str) -> list[Any]:
    """Send one request, with headers NAME=VALUE; return the status, 0 if there is none, and the start of the answer."""
    named = dict(header.split("=", 1) for header in headers)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=named), timeout=_SECONDS) as response:
            return [response.status, response.read(300).decode(errors="replace")]
    except urllib.error.HTTPError as error:
        return [error.code, error.read(300).decode(errors="replace")]
    except OSError as error:
        return [0, str(error)]


def register(target: str) -> str:
    """Tell the activator, as KEDA would, that a target is asked about; return the gRPC status."""
    from nereid.activator.externalscaler_pb2 import ScaledObjectRef  # noqa: PLC0415 - only in the pod

    reference = ScaledObjectRef(name="x", namespace=target.split(".")[1], scalerMetadata={"target": target})
    return _called(SCALER, "/externalscaler.ExternalScaler/IsActive", reference.SerializeToString(), ())


def message(target: str, mebibytes: str) -> str:
    """Send a gRPC message of this size to the activator, for a target; return the gRPC status."""
    metadata = (("x-nereid-target", target),)
    return _called(GRPC, "/inference.GRPCInferenceService/ModelInfer", bytes(int(mebibytes) << 20), metadata)


def hold(address: str, namespaces: str, requests: str, header_bytes: str, seconds: str) -> dict[str, Any]:
    """Begin requests with long bodies and end none; return how each was answered after some seconds.

    For `namespaces` more than 0, they are for models that do not exist, in so many namespaces, and would wait a year.
    """
    return asyncio.run(_hold(address, int(namespaces), int(requests), int(header_bytes), float(seconds)))


def hammer(url: str, rate: str, seconds: str) -> dict[str, int]:
    """Send requests without sense at a steady rate; return how many there were of each status."""
    statuses: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(int(float(rate) * float(seconds))):
        time.sleep(max(0.0, began + number / float(rate) - time.monotonic()))
        request = urllib.request.Request(url, data=b"{}", headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:
                statuses[str(response.status)] += 1
        except urllib.error.HTTPError as error:
            statuses[str(error.code)] += 1
        except OSError as error:
            statuses[type(error).__name__] += 1
    return statuses


def _called(address: str, method: str, content: bytes, metadata: tuple[tuple[str, str], ...]) -> str:
    import grpc  # noqa: PLC0415 - only in the pod

    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(address, options=options) as channel:
        try:
            channel.unary_unary(method)(content, metadata=metadata, timeout=60)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


async def _hold(address: str, namespaces: int, requests: int, header_bytes: int, seconds: float) -> dict[str, Any]:
    kept: list[Any] = []
    answers, sentences = Counter[str](), set[str]()
    for number in range(requests):
        kept.append(await _begin(address, number % namespaces if namespaces else None, header_bytes))
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0.1)
    await asyncio.sleep(seconds)
    for reader, writer in kept:
        # As far as it has arrived, even if the connection has been broken off since.
        head, _, body = bytes(reader._buffer).decode(errors="replace").partition("\r\n\r\n")
        is_over = reader.at_eof() or reader.exception()
        answers[" ".join(head.split()[1:2]) or (CLOSED if is_over else WAITS)] += 1
        sentences |= {body[:200]} - {""}
        writer.close()
    return {"answers": answers, "sentences": sorted(sentences)[:10]}


async def _begin(address: str, namespace: int | None, header_bytes: int) -> Any:
    host, _, port = address.partition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        reader = asyncio.StreamReader()
        reader.feed_eof()
        return reader, _Nobody()
    lines = [f"POST /v2/models/digits/infer HTTP/1.1\r\nHost: {address}\r\nContent-Length: 50000000\r\n"]
    if namespace is not None:
        lines += [f"x-nereid-target: m-bcdfghjk.n{namespace}.svc.cluster.local\r\n"]
        lines += ["x-nereid-cold-start-seconds: 31536000\r\n"]
    lines += [f"x-fill: {'b' * header_bytes}\r\n\r\n"]
    writer.write("".join(lines).encode() + bytes(130_000))
    return reader, writer


class _Nobody:
    """In place of a connection that was not accepted."""

    def close(self) -> None:
        """Close nothing."""


def main() -> None:
    """Do what the first argument says; standard input is this program, and what is written is JSON."""
    modes: dict[str, Any] = {one.__name__: one for one in (ask, register, message, hold, hammer)}
    mode, *arguments = sys.argv[1:]
    sys.stdout.write(json.dumps(modes[mode](*arguments)))


@dataclass(frozen=True, slots=True)
class Attacker:
    """A running pod of an attacker."""

    cluster: Any
    namespace: str
    pod: str

    def ask(self, url: str, **headers: str) -> tuple[int, str]:
        """Send one request; return the status, 0 if there is none, and the start of the answer."""
        named = [f"{name.replace('_', '-')}={value}" for name, value in headers.items()]
        status, text = self._do("ask", url, *named)
        return status, text

    def register(self, target: str) -> str:
        """Claim, as if it were KEDA, that somebody wants a target to be woken; return the gRPC status."""
        return str(self._do("register", target))

    def send_message(self, target: str, mebibytes: int) -> str:
        """Send a gRPC message to the activator for somebody's target; return the gRPC status."""
        return str(self._do("message", target, str(mebibytes)))

    def hold(
        self, address: str, requests: int, seconds: float, *, namespaces: int = 0, header_bytes: int = 100
    ) -> tuple[Counter[str], list[str]]:
        """Begin requests and end none; return the statuses that they had after so long, and what was said."""
        done = self._do("hold", address, str(namespaces), str(requests), str(header_bytes), str(seconds))
        return Counter(done["answers"]), done["sentences"]

    def hammer(self, url: str, rate: float, seconds: float) -> Counter[str]:
        """Send requests without sense; return how many there were of each status."""
        return Counter(self._do("hammer", url, str(rate), str(seconds)))

    def _do(self, mode: str, *arguments: str) -> Any:
        printed = self.cluster.kubectl(
            "exec", "--stdin", self.pod, "--container=main", "--", "python3", "-", mode, *arguments,
            stdin=Path(__file__).read_text(), namespace=self.namespace,
        )  # fmt: skip
        return json.loads(printed)


if __name__ == "__main__":
    main()
