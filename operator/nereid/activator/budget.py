"""How many requests an activator has at a time, and how much memory they may take: in all, and of one namespace.

Pure. What a request takes is an estimate from above, by what the other end has said of it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from nereid.activator.options import Limits


class OverBudgetError(Exception):
    """There is no room for a request; the message is a sentence for the client."""


class Budget:
    """Counts the requests of each namespace and their bytes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._all_requests = self._all_bytes = 0

    @contextmanager
    def take(self, namespace: str, size: int) -> Iterator[None]:
        """Count a request of a namespace within the context; raise OverBudgetError if there is no room for it."""
        self._check(namespace, size)
        self._add(namespace, 1, size)
        try:
            yield
        finally:
            self._add(namespace, -1, -size)

    def _check(self, namespace: str, size: int) -> None:
        limits = self._limits
        if self._requests[namespace] >= limits.requests_per_namespace:
            raise OverBudgetError(f"too many requests to sleeping models of namespace {namespace}")
        if self._bytes[namespace] + size > limits.bytes_per_namespace:
            raise OverBudgetError(f"requests to sleeping models of namespace {namespace} take too much memory")
        if self._all_requests >= limits.requests:
            raise OverBudgetError("too many requests to sleeping models")
        if self._all_bytes + size > limits.bytes:
            raise OverBudgetError("requests to sleeping models take too much memory")

    def _add(self, namespace: str, requests: int, size: int) -> None:
        self._all_requests += requests
        self._all_bytes += size
        self._requests[namespace] += requests
        self._bytes[namespace] += size
        if not self._requests[namespace]:
            del self._requests[namespace], self._bytes[namespace]
