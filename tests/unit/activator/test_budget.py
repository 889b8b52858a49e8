"""No namespace, and no few of them together, take the room that the requests of others need."""

from contextlib import ExitStack

import pytest

from nereid.activator.budget import Budget, OverBudgetError
from nereid.activator.options import Limits

LIMITS = Limits()
SMALL = 2**12
LARGE = 2**19


class Namespaces:
    """Namespaces that take what they can get, with requests of some bytes each."""

    def __init__(self, limits: Limits = LIMITS, size: int = SMALL) -> None:
        self.budget = Budget(limits)
        self.size = size
        self.held = ExitStack()
        self.taken: dict[str, int] = {}

    def is_taken(self, namespace: str) -> bool:
        try:
            self.held.enter_context(self.budget.take(namespace, self.size))
        except OverBudgetError:
            return False
        self.taken[namespace] = self.taken.get(namespace, 0) + 1
        return True

    def flood(self, *namespaces: str) -> None:
        """Let all of them, in turns, send requests until no one gets any more."""
        while sum(self.is_taken(namespace) for namespace in namespaces):
            pass


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["requests", "bytes"])
@pytest.mark.parametrize("attackers", [1, 2, 5])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one after another"])
def test_whoever_floods_it_leaves_room_for_others(size, attackers, at_once):
    namespaces = Namespaces(size=size)
    names = [f"attacker-{number}" for number in range(attackers)]
    for flooding in [names] if at_once else [[name] for name in names]:
        namespaces.flood(*flooding)
    assert all(namespaces.is_taken("victim") for _ in range(10))


def test_those_that_come_at_the_same_time_get_the_same():
    namespaces = Namespaces()
    namespaces.flood("a", "b", "c")
    assert max(namespaces.taken.values()) - min(namespaces.taken.values()) <= 1
    assert sum(namespaces.taken.values()) >= LIMITS.requests * 3 // 4 - 3


@pytest.mark.parametrize("most", [100, LIMITS.requests // 2, LIMITS.requests - 1, LIMITS.requests])
def test_one_that_is_alone_gets_up_to_its_limit(most):
    namespaces = Namespaces(Limits(requests_per_namespace=most))
    namespaces.flood("alone")
    assert namespaces.taken == {"alone": most}
    megabytes = Namespaces(Limits(bytes_per_namespace=most * 2**18), size=2**18)
    megabytes.flood("alone")
    assert megabytes.taken == {"alone": min(most, LIMITS.requests_per_namespace)}


def test_what_is_over_is_given_back():
    namespaces = Namespaces()
    namespaces.flood("a", "b")
    assert not namespaces.is_taken("a")
    namespaces.held.close()
    assert namespaces.is_taken("a")


def test_the_refused_are_told_what_they_have():
    namespaces = Namespaces()
    namespaces.flood("a", "b")
    with pytest.raises(OverBudgetError, match=f"namespace b has {namespaces.taken['b']}"):
        namespaces.budget.take("b", SMALL).__enter__()
