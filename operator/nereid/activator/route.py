"""Headers that concern a request's route: those that the route of a sleeping model sets, and those for the next hop."""

from collections.abc import Callable
from typing import Final

from nereid.activator.targets import InvalidTargetError, Target, parse_target
from nereid.api.names import HEADER_COLD_START_SECONDS, HEADER_TARGET

# The proxies between activator and model would retry requests that the model failed, and so hide the failure.
NO_RETRIES: Final = {"x-envoy-max-retries": "0"}
# Headers that are only for the route to the activator.
RESERVED: Final = frozenset(
    {HEADER_TARGET, HEADER_COLD_START_SECONDS, *NO_RETRIES, "x-envoy-retry-on", "x-envoy-retry-grpc-on"}
)

# Where a target is reached, as HOST:PORT.
Address = Callable[[Target], str]


def target_of(value: str | None, domain: str) -> Target:
    """Return the target that a request is for; raise InvalidTargetError with a sentence for the client."""
    if not value:
        raise InvalidTargetError(
            f"the request has no header {HEADER_TARGET}: only routes of sleeping models lead to the activator"
        )
    return parse_target(value, domain)


def cold_start_seconds(value: str | None, default: float) -> float:
    """Return how long a request may wait; `default` if its route does not say so in whole seconds."""
    return float(value) if value and value.isascii() and value.isdigit() else default
