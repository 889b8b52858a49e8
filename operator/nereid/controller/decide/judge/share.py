"""Whether a candidate's share of the requests is what its weight says, by a test that may be repeated at every look.

The candidate got k of n requests, and each goes to it with the probability p of its weight. The route does what it says
if the odds of the share are within a factor TOLERANCE of those of p: retries, streams and clients that keep to one
connection move a share a little, and a route that is not there moves it altogether. The mean over all shares q, each
as likely, of the binomial likelihood of k, against the largest likelihood of any share in that range, is at most an
e-process under every share in the range: by Ville's inequality it ever reaches 1 / FALSE_ALARM with at most that
probability, however often one looks. Pure.
"""

import math
from typing import Final

TOLERANCE: Final = 2.0
FALSE_ALARM: Final = 1e-4
# The odds of 100% are infinite; a few requests of clients that have not heard of the route are no fault of it.
_MOST: Final = 0.99
# What some of very many requests did not go to was not all of them, though their share rounds to 1.
_BELOW_ONE: Final = 1 - 2**-53


def is_off(candidate: int, requests: int, percent: int) -> bool:
    """Whether `candidate` of so many requests cannot be by a weight of `percent`."""
    low, high = _range(percent)
    nearest = min(max(candidate / requests, low), high) if requests else low
    others = requests - candidate
    log_mixture = math.lgamma(candidate + 1) + math.lgamma(others + 1) - math.lgamma(requests + 2)
    return log_mixture - _log_likelihood(candidate, others, nearest) >= -math.log(FALSE_ALARM)


def is_within(candidate: int, requests: int, percent: int) -> bool:
    """Whether the share of these requests is within what the weight tolerates."""
    low, high = _range(percent)
    return requests > 0 and low <= candidate / requests <= high


def _range(percent: int) -> tuple[float, float]:
    weight = min(percent / 100, _MOST)
    odds = weight / (1 - weight)
    high = 1.0 if percent / 100 > _MOST else TOLERANCE * odds / (1 + TOLERANCE * odds)
    return odds / TOLERANCE / (1 + odds / TOLERANCE), high


def _log_likelihood(candidate: int, others: int, share: float) -> float:
    of_candidate = candidate * math.log(share) if candidate else 0.0
    return of_candidate + (others * math.log1p(-min(share, _BELOW_ONE)) if others else 0.0)
