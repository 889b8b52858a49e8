"""What predictions cost, from the prices that the user gives."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from nereid.api.quantity import parse_quantity

Prices = Mapping[str, float]
Requests = Mapping[str, float]

_MILLION: Final = 1_000_000
_SECONDS_PER_HOUR: Final = 3600
# Memory and disks are priced by the GiB; cores and devices by the unit.
_BYTES_PER_UNIT: Final = {"memory": 2.0**30, "ephemeral-storage": 2.0**30}


def pod_requests(pod_spec: Mapping[str, Any]) -> dict[str, float]:
    """Return the resources that the scheduler counts for a pod of this specification, in cores, bytes and units.

    That is: the containers and the sidecars together, or an init container with the sidecars that were
    started before it where that is more.
    """
    sidecars: dict[str, float] = {}
    highest: dict[str, float] = {}
    for container in pod_spec.get("initContainers", ()):
        together = _sum([sidecars, _requests(container)])
        if container.get("restartPolicy") == "Always":
            sidecars = together
        highest = _most(highest, together)
    total = _sum([sidecars, *(_requests(container) for container in pod_spec["containers"])])
    return _most(highest, total)


def hourly_price(requests: Requests, prices: Prices) -> float:
    """Return what a pod costs in an hour: per core, per GiB of memory, per unit of anything else."""
    return sum(amount / _BYTES_PER_UNIT.get(name, 1) * prices.get(name, 0) for name, amount in requests.items())


def unpriced(requests: Requests, prices: Prices) -> set[str]:
    """Return the resources that are asked for and have no price, and so count as free."""
    return {name for name, amount in requests.items() if amount and name not in prices}


def pods_needed(throughput: float, rate: float) -> int:
    """Return how many pods of this throughput answer `rate` predictions per second."""
    return max(1, math.ceil(rate / throughput))


def cost_per_million(hourly: float, throughput: float, rate: float | None = None) -> float:
    """Return what a million predictions cost.

    For pods that are always as busy as the objective allows, it is

        price of a pod per hour / (throughput * 3600) * 1,000,000

    With `rate`, the predictions per second that are wanted, it is that of the whole pods that these need:

        pods needed * price of a pod per hour / (rate * 3600) * 1,000,000
    """
    if rate is None:
        return hourly / (throughput * _SECONDS_PER_HOUR) * _MILLION
    return pods_needed(throughput, rate) * hourly / (rate * _SECONDS_PER_HOUR) * _MILLION


def _requests(container: Mapping[str, Any]) -> dict[str, float]:
    resources = container.get("resources") or {}
    needed = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: parse_quantity(str(value)) for name, value in needed.items()}


def _sum(parts: Iterable[Requests]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total


def _most(first: Requests, second: Requests) -> dict[str, float]:
    return {name: max(first.get(name, 0), second.get(name, 0)) for name in {**first, **second}}
