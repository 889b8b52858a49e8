"""Which revisions serve, by what the cluster shows: routes, Deployments and ready pods, whatever status says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.observed.facts import ACTIVATOR, Observed, Shares


@dataclass(frozen=True, slots=True)
class Serving:
    """A revision that exists, with what the routes give it.

    least, most: its percentage of the requests; they differ where routes disagree, as while they are being changed.
    mirror: the percentage of requests of which it gets a copy. matched: it answers those that an A/B test matches.
    ready: its ready pods. pods: those that it is to have. is_gated: requests to it wait at the activator.
    """

    revision: str
    least: int
    most: int
    mirror: int
    matched: bool
    ready: int
    pods: int
    is_gated: bool

    @property
    def is_routed(self) -> bool:
        """Whether any request reaches it, or a copy of one."""
        return bool(self.most or self.mirror or self.matched)

    @property
    def can_serve(self) -> bool:
        """Whether a request to it is answered: at once, or by the pod that it starts."""
        return self.ready > 0 or self.is_gated


def exists(observed: Observed, revision: str) -> bool:
    """Whether there is something from which a revision can be kept, or made again: its record or its Deployment."""
    seen = observed.of(revision)
    return revision not in observed.gone and (seen.record is not None or seen.deployment is not None)


def serving(observed: Observed) -> tuple[Serving, ...]:
    """Return the revisions that exist and have a part in the routes, or pods; in the order of their names."""
    found = (_serving(observed, revision) for revision in sorted(observed.revisions) if exists(observed, revision))
    return tuple(one for one in found if one.is_routed or one.ready or one.pods)


def _serving(observed: Observed, revision: str) -> Serving:
    seen, is_gated = observed.of(revision), revision in observed.gated
    shares = [FULL if is_gated and ACTIVATOR in weights else weights.get(revision, 0) for weights in _weights(observed)]
    return Serving(
        revision=revision,
        least=min(shares, default=0),
        most=max(shares, default=0),
        mirror=_most((routing.mirror for routing in observed.routings), revision),
        matched=_most((routing.matched for routing in observed.routings), revision) > 0,
        ready=seen.available,
        pods=max(seen.deployment.replicas if seen.deployment else 0, seen.available),
        is_gated=is_gated,
    )


def _weights(observed: Observed) -> Sequence[Mapping[str, int]]:
    """Return the weights of each routing; one without destinations was edited away and tells nothing."""
    return [dict(routing.weights) for routing in observed.routings if routing.weights]


def _most(routings: Iterable[Shares], revision: str) -> int:
    return max((dict(shares).get(revision, 0) for shares in routings), default=0)
