"""Headers that concern a request's route: those that the route of a sleeping model sets, and those for the next hop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from nereid.activator.keys import Keys
from nereid.activator.targets import InvalidTargetError, Target, parse_target
from nereid.api.names import HEADER_COLD_START_SECONDS, HEADER_PROOF, HEADER_TARGET

# The proxies between activator and model would retry requests that the model failed, and so hide the failure.
NO_RETRIES: Final = {"x-envoy-max-retries": "0"}
# Headers that are only for the route to the activator.
RESERVED: Final = frozenset(
    {
        HEADER_TARGET,
        HEADER_COLD_START_SECONDS,
        HEADER_PROOF,
        *NO_RETRIES,
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
    }
)

# Where a target is reached, as HOST:PORT.
Address = Callable[[Target], str]


class UnprovenError(Exception):
    """A request that did not come by a route of the operator; the message is a sentence for the client."""


@dataclass(frozen=True, slots=True)
class Routed:
    """What the route says of a request: for whom it is, and for how many seconds it may wait."""

    target: Target
    seconds: float


class Entrance:
    """Lets in the requests that came by a route of the operator."""

    def __init__(self, keys: Keys, *, domain: str, default_seconds: float, longest_seconds: float) -> None:
        self._keys = keys
        self._domain = domain
        self._default_seconds = default_seconds
        self._longest_seconds = longest_seconds

    def routed(self, headers: Mapping[str, str]) -> Routed:
        """Return what the route says; raise InvalidTargetError or UnprovenError if no route of the operator did."""
        host, seconds = headers.get(HEADER_TARGET), headers.get(HEADER_COLD_START_SECONDS, "")
        if not host:
            raise InvalidTargetError(
                f"the request has no header {HEADER_TARGET}: only routes of sleeping models lead to the activator"
            )
        target = parse_target(host, self._domain)
        if not self._keys.route_is_proven(headers.get(HEADER_PROOF), host, seconds):
            raise UnprovenError(
                f"the request's header {HEADER_PROOF} does not prove that Nereid's route to {target.name} in namespace "
                f"{target.namespace} sent it: ask the model by its own name or host"
            )
        return Routed(target, min(_seconds(seconds, self._default_seconds), self._longest_seconds))


def _seconds(value: str, default: float) -> float:
    """Return how long a request may wait; `default` if its route does not say so in whole seconds."""
    return float(value) if value.isascii() and value.isdigit() else default
