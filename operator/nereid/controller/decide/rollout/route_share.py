"""Whether the mesh does what the route says: the candidate's share of the requests is compared with its weight.

It can be compared where a share of all requests is routed to the candidate. In a shadow its copies are nobody's
requests, and in an A/B test and a preview other requests lead to it than to stable.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from nereid.api.status import RouteShareStatus
from nereid.controller.decide.judge.share import is_off, is_within
from nereid.controller.observed.sample import RoutedRequests

# A condition, and the event that tells of it.
ROUTE_NOT_EFFECTIVE: Final = "RouteNotEffective"
# Counters show what was before a change of the route for as long as they are not scraped again.
SCRAPED_AFTER: Final = timedelta(seconds=60)
# A long good record must not hide a route that was lost: counting begins anew after so many requests.
MOST_REQUESTS: Final = 2000
# So many requests of one look show that a route has taken effect after all.
LEAST_REQUESTS: Final = 20


@dataclass(frozen=True, slots=True)
class RouteShare:
    """How many requests were counted at this weight, and how many of them the candidate got.

    is_off: these cannot be by this weight. Then the counts are those of the last look.
    """

    weight: int
    candidate: int = 0
    requests: int = 0
    is_off: bool = False

    @classmethod
    def from_status(cls, status: RouteShareStatus) -> "RouteShare":
        """Read it back from status."""
        return cls(status.weight, min(status.candidate, status.requests), status.requests, not status.effective)

    def to_status(self) -> RouteShareStatus:
        """Return its form in status."""
        return RouteShareStatus(
            weight=self.weight, candidate=self.candidate, requests=self.requests, effective=not self.is_off
        )

    @property
    def figures(self) -> str:
        """What was seen, for users."""
        share = f", {self.candidate / self.requests:.1%}" if self.requests else ""
        return f"it got {self.candidate} of {self.requests} requests{share}, at a weight of {self.weight}%"


def with_requests(share: RouteShare | None, weight: int, routed: RoutedRequests) -> RouteShare:
    """Return the share after one more look at which this weight was in effect for all that was counted."""
    known = share if share and share.weight == weight else RouteShare(weight)
    requests = routed.candidate + routed.stable
    if known.is_off:
        if requests >= LEAST_REQUESTS and is_within(routed.candidate, requests, weight):
            return RouteShare(weight)
        return replace(known, candidate=routed.candidate, requests=requests) if requests else known
    counted = RouteShare(weight, known.candidate + routed.candidate, known.requests + requests)
    if is_off(counted.candidate, counted.requests, weight):
        return replace(counted, is_off=True)
    return RouteShare(weight) if counted.requests >= MOST_REQUESTS else counted
