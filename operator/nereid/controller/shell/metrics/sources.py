"""Which callers send their requests by the route: whoever asks one revision directly decides no rollout. Pure.

Each revision has a Service of its own, and what a proxy counts is the same whether the route or the caller itself chose
it. But a route sends each caller to both revisions, by its weights; so a caller counts once it has asked both, and for
as long as the candidate's share of its requests can be by the weight, by the test that the whole route is put to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nereid.controller.decide.judge.share import is_off
from nereid.controller.observed.sample import LeftOut

NOT_BY_THE_ROUTE: Final = "NotByTheRoute"
# A long good record must not hide what a caller does now: beyond so many requests, older ones count half.
_MOST_REQUESTS: Final = 2000
# So many callers are remembered, and so many are named.
_MOST_SOURCES: Final = 1000
_MOST_NAMED: Final = 3
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A caller: its namespace and workload, and its identity where its certificate was seen."""

    namespace: str
    workload: str
    principal: str = ""

    def __str__(self) -> str:
        return f"{self.workload or 'an unnamed caller'} in namespace {self.namespace or 'unknown'}"


@dataclass(frozen=True, slots=True)
class Split:
    """How many requests a caller has sent to either revision."""

    candidate: int = 0
    stable: int = 0

    def __add__(self, other: "Split") -> "Split":
        return Split(self.candidate + other.candidate, self.stable + other.stable)

    @property
    def requests(self) -> int:
        """All of them."""
        return self.candidate + self.stable


@dataclass(frozen=True, slots=True)
class Route:
    """What the route does: the candidate's percentage of the requests to both revisions.

    is_settled: the window holds no requests of an earlier, lower weight.
    """

    percent: int
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Sorted:
    """The callers that do not count, those of them that surely go past the route, and what to remember of all."""

    left_out: frozenset[Source]
    direct: Mapping[Source, Split]
    record: Mapping[Source, Split]


def source_of(labels: Mapping[str, str], namespace: str) -> Source:
    """Return the caller that a series tells of, which is in this namespace."""
    return Source(namespace, labels.get("source_workload", ""), labels.get("source_principal", ""))


def by_the_route(window: Mapping[Source, Split], record: Mapping[Source, Split], route: Route) -> Sorted:
    """Sort the callers of a window, with what is remembered of each at this route."""
    later, left_out, direct = dict(record), set[Source](), dict[Source, Split]()
    for source, split in sorted(window.items()):
        total = record.get(source, Split()) + split
        is_direct = any(_is_off(one, route) for one in (split, total))
        if is_direct:
            direct[source] = split if split.requests else total
        if is_direct or not (total.candidate and total.stable):
            left_out.add(source)
        if route.is_settled and split.requests:
            later.pop(source, None)
            later[source] = _shortened(split if is_direct else total)
    return Sorted(frozenset(left_out), direct, dict(list(later.items())[-_MOST_SOURCES:]))


def told(direct: Mapping[Source, Split], route: Route, candidate: str) -> LeftOut | None:
    """Return what to say of callers that go past the route; None if there are none."""
    if not direct:
        return None
    some = sorted(direct, key=lambda source: (-direct[source].requests, source))[:_MOST_NAMED]
    callers = "; ".join(
        f"{source} sent {direct[source].candidate} of {direct[source].requests} to candidate {candidate}"
        for source in some
    )
    more = f"; and {len(direct) - len(some)} more" if len(direct) > len(some) else ""
    return LeftOut(
        NOT_BY_THE_ROUTE,
        f"Requests that do not come by the route, where the candidate gets {route.percent}%, decide nothing: "
        f"{callers}{more}. Let callers use the Service of the ModelDeployment, and not a revision's own",
    )


def _is_off(split: Split, route: Route) -> bool:
    if not split.requests or not is_off(split.candidate, split.requests, route.percent):
        return False
    return route.is_settled or split.candidate * _PERCENT > route.percent * split.requests


def _shortened(split: Split) -> Split:
    if split.requests <= _MOST_REQUESTS:
        return split
    return Split((split.candidate + 1) // 2, (split.stable + 1) // 2)
