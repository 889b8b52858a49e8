"""What the route of a sleeping model says of a request, in the headers that it sets."""

from collections.abc import Callable
from typing import Final

from nereid.activator.targets import InvalidTargetError, Target, parse_target

HEADER_TARGET: Final = "x-nereid-target"
HEADER_COLD_START_SECONDS: Final = "x-nereid-cold-start-seconds"
# They are between the route and the activator alone.
RESERVED: Final = frozenset({HEADER_TARGET, HEADER_COLD_START_SECONDS})

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
    """Return how long a request may wait; `default` where its route does not say so in whole seconds."""
    return float(value) if value and value.isascii() and value.isdigit() else default
