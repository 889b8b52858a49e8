"""How many requests an activator has at a time, and how much memory they may take: in all, and of one namespace.

The more is in use, the less may one namespace have of it: no more than is left for all others. So the last places stay
for those that have few, and several namespaces together cannot take all. Pure. What a request takes is an estimate from
above, by what the other end has said of it.
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
        requests, total = self._requests[namespace], self._bytes[namespace] + size
        requests_left, bytes_left = limits.requests - self._all_requests, limits.bytes - self._all_bytes
        if requests >= limits.requests_per_namespace:
            raise OverBudgetError(f"too many requests to sleeping models of namespace {namespace}")
        if total > limits.bytes_per_namespace:
            raise OverBudgetError(f"requests to sleeping models of namespace {namespace} take too much memory")
        if not _leaves_enough(requests + 1, requests_left, limits.requests, limits.requests_per_namespace):
            raise OverBudgetError(
                f"too many requests to sleeping models, of which namespace {namespace} has {requests}"
            )
        if not _leaves_enough(total, bytes_left, limits.bytes, limits.bytes_per_namespace):
            raise OverBudgetError(
                f"requests to sleeping models take too much memory, of which namespace {namespace} has its part"
            )

    def _add(self, namespace: str, requests: int, size: int) -> None:
        self._all_requests += requests
        self._all_bytes += size
        self._requests[namespace] += requests
        self._bytes[namespace] += size
        if not self._requests[namespace]:
            del self._requests[namespace], self._bytes[namespace]


def _leaves_enough(wanted: int, left: int, total: int, of_namespace: int) -> bool:
    """Whether a namespace may have `wanted` of the total, of which `left` is not in use.

    It may have as much as is left; more by as much as its own limit is above half of the total, so that a namespace
    that is alone always gets up to its limit.
    """
    return wanted * (total - of_namespace) <= left * max(of_namespace, total - of_namespace)
