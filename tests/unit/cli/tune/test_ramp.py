"""The ramp of concurrency: where it goes on, and where it stops."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nereid.cli.tune.load import Load, at_objective, meets
from nereid.cli.tune.ramp import next_concurrency

LATENCIES = st.floats(0.0001, 1.0)


def load(concurrency: int, throughput: float = 100.0, p99: float = 0.01, failures: float = 0.0) -> Load:
    return Load(concurrency, throughput, p99 / 2, p99, failures)


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([], 1),
        ([load(1)], 2),
        ([load(1), load(2, 200)], 4),
        ([load(1), load(2, 104)], None),
        ([load(1, p99=0.06)], None),
        ([load(1), load(2, 200, p99=0.06)], None),
        ([load(1), load(2, 200), load(4, 400, p99=0.06)], 3),
        ([load(1), load(2, 200), load(4, 400, p99=0.06), load(3, 300)], None),
        ([load(1), load(2, 200), load(4, 400), load(8, 800, p99=0.06), load(6, 600, p99=0.06)], None),
        ([load(1), load(2, 200), load(4, 400), load(8, 800)], None),
        ([load(1, failures=0.01)], None),
    ],
)
def test_the_next_concurrency(loads, expected):
    assert next_concurrency(loads, 0.05, 8) == expected


def test_the_most_is_measured_though_it_is_no_power_of_two():
    assert next_concurrency([load(1), load(2, 200), load(4, 400)], 0.05, 6) == 6


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1e6), LATENCIES, st.sampled_from([0.0, 0.5])), min_size=20, max_size=20), LATENCIES
)
def test_it_ends_and_measures_nothing_twice(answers, objective):
    loads: list[Load] = []
    while concurrency := next_concurrency(loads, objective, 1024):
        throughput, p99, failures = answers[len(loads)]
        loads.append(load(concurrency, throughput, p99, failures))
    concurrencies = [one.concurrency for one in loads]
    assert len(set(concurrencies)) == len(concurrencies) <= 12


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(1, 1e6), LATENCIES), max_size=8), LATENCIES, LATENCIES)
def test_a_laxer_objective_is_never_worse(answers, one, other):
    loads = [load(2**place, throughput, p99) for place, (throughput, p99) in enumerate(answers)]
    strict, lax = (at_objective(loads, objective) for objective in sorted((one, other)))
    assert strict is None or (lax is not None and lax.throughput >= strict.throughput)
    assert strict is None or meets(strict, min(one, other))
