"""A client in a pod, inside or outside the mesh, that asks a model over REST.

This module runs twice: here, where `MeshClient` reads the counts, and as the program that is piped into a pod.
"""

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

AT_ONCE = 8


async def ask(url: str, body: str, requests: int) -> Counter[str]:
    """Send the same request many times and count the outcomes: the outputs as text, or the error."""
    outcomes: Counter[str] = Counter()
    left = iter(range(requests))

    async def one_after_another(session: aiohttp.ClientSession) -> None:
        for _ in left:
            outcomes[await outcome_of(session, url, body)] += 1

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        await asyncio.gather(*(one_after_another(session) for _ in range(AT_ONCE)))
    return outcomes


async def outcome_of(session: aiohttp.ClientSession, url: str, body: str) -> str:
    """Return the first output's values as text, or what went wrong."""
    try:
        async with session.post(url, data=body) as response:
            if response.status != 200:
                return f"HTTP {response.status}"
            return json.dumps((await response.json(content_type=None))["outputs"][0]["data"])
    except (aiohttp.ClientError, TimeoutError) as error:
        return type(error).__name__


def main() -> None:
    """Read nothing but the arguments, as standard input is this program, and write the counts as JSON."""
    url, body, requests = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(ask(url, body, int(requests)))))


@dataclass(frozen=True, slots=True)
class MeshClient:
    """A client in a running pod."""

    cluster: Any
    namespace: str
    pod: str

    def ask(self, url: str, body: str, requests: int) -> Counter[str]:
        """Let the pod send the request many times and return the outcomes with their counts."""
        program = Path(__file__).read_text()
        printed = self.cluster.kubectl(
            "exec", "--stdin", self.pod, "--container=main", "--", "python3", "-", url, body, str(requests),
            stdin=program, namespace=self.namespace,
        )  # fmt: skip
        return Counter(json.loads(printed))


if __name__ == "__main__":
    main()
