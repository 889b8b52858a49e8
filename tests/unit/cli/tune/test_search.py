"""The search: what it proposes, what it leaves out, and that its answer can be relied on."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.tuned_models import CPU, GPU, Served

from nereid.cli.tune.campaign import Budget, Campaign
from nereid.cli.tune.configuration import Configuration
from nereid.cli.tune.load import at_objective
from nereid.cli.tune.search import Goal, Result, Space, best, proposals

SPACE = Space((CPU, GPU), instances=(1, 2, 4), batch_sizes=(4, 8, 16, 32), queue_delays=(100, 1000))
GRID = 2 * 3 * (1 + 4 * 3)
PRICES = {"cpu": 0.04, "nvidia.com/gpu": 2.5}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def campaign(served: Served, goal: Goal, space: Space = SPACE, seconds: float = 1e9, each: float = 60.0) -> Campaign:
    clock = Clock()
    done = Campaign(space, goal, Budget(seconds), clock)

    def measure(configuration: Configuration) -> Result:
        clock.now += each
        return served.measure(configuration, goal.objective)

    for _ in done.run(measure):
        assert clock.now <= max(seconds, each)
    return done


def test_it_begins_with_what_the_spec_has_on_each_hardware():
    assert proposals(SPACE, [], Goal(0.05, {})) == [Configuration(CPU), Configuration(GPU)]
    assert proposals(SPACE, [], Goal(0.05, {}), [Configuration(CPU)]) == [Configuration(GPU)]


def test_it_finds_the_best_of_the_grid_with_a_part_of_its_measurements():
    goal, served = Goal(0.05, {}), Served()
    done = campaign(served, goal)
    found = best(done.results, goal)
    everything = [
        served.measure(Configuration(hardware, instances, size, delay if size else 0), goal.objective)
        for hardware in SPACE.hardware
        for instances in (None, 2, 4)
        for size in (None, 4, 8, 16, 32)
        for delay in (0, 100, 1000)
    ]
    assert found is not None
    assert done.is_over
    assert goal.merit(found) >= 0.95 * max(goal.merit(result) for result in everything)
    assert len(done.results) < GRID / 2


def test_prices_decide_between_cpu_and_gpu():
    dear = best(campaign(Served(), Goal(0.05, PRICES)).results, Goal(0.05, PRICES))
    cheap_prices = {**PRICES, "nvidia.com/gpu": 0.04}
    cheap = best(campaign(Served(), Goal(0.05, cheap_prices)).results, Goal(0.05, cheap_prices))
    assert dear is not None
    assert cheap is not None
    assert (dear.configuration.hardware, cheap.configuration.hardware) == (CPU, GPU)


def test_hardware_that_is_too_slow_for_a_single_request_is_given_up():
    goal = Goal(0.002, {})
    results = campaign(Served(), goal).results
    assert [result.configuration for result in results if result.configuration.hardware == CPU] == [Configuration(CPU)]


def test_hardware_that_is_clearly_worse_is_given_up_after_some_steps():
    goal = Goal(0.05, {})
    results = campaign(Served(speed={"gpu=1": 100.0}), goal).results
    on_cpu = [result for result in results if result.configuration.hardware == CPU]
    assert len(on_cpu) == 3 < len(results) - len(on_cpu)


def test_a_model_that_takes_no_batches_is_not_asked_for_larger_ones():
    results = campaign(Served(largest_batch=1), Goal(0.05, {})).results
    assert {result.configuration.batch_size for result in results} == {None, 4}
    assert best(results, Goal(0.05, {})) is not None


def test_the_specs_own_values_have_their_place_between_the_others():
    space = Space((CPU,), instances=(1, 4), batch_sizes=(8, 32), own=(2, 16))
    found = set(space.neighbours(Configuration(CPU)))
    assert found == {
        Configuration(CPU, batch_size=32),
        Configuration(CPU, batch_size=8),
        Configuration(CPU, instances=4),
        Configuration(CPU, instances=1),
    }


def test_what_fails_everywhere_ends_the_search():
    failing = Campaign(SPACE, Goal(0.05, {}), Budget(1e9), Clock())
    results = list(failing.run(lambda one: Result(one, failure="does not load: no such file")))
    assert len(results) == 2
    assert failing.is_over
    assert best(results, Goal(0.05, {})) is None


def test_what_a_measurement_raises_ends_it():
    def broken(_: Configuration) -> Result:
        raise RuntimeError("no cluster")

    with pytest.raises(RuntimeError, match="no cluster"):
        list(Campaign(SPACE, Goal(0.05, {}), Budget(1e9), Clock()).run(broken))


def test_several_at_a_time_measure_nothing_twice():
    served, goal = Served(), Goal(0.05, {})
    together = Campaign(SPACE, goal, Budget(1e9, parallel=3), Clock())
    list(together.run(lambda one: served.measure(one, goal.objective)))
    configurations = [result.configuration for result in together.results]
    assert len(set(configurations)) == len(configurations)
    found = best(together.results, goal)
    assert found is not None
    assert goal.merit(found) >= 0.95 * goal.merit(best(campaign(served, goal).results, goal) or found)


SERVED = st.builds(
    Served,
    fixed=st.floats(0.0001, 0.02),
    each=st.floats(0.0001, 0.02),
    lanes=st.integers(1, 4),
    largest_batch=st.sampled_from([1, 8, 64]),
    speed=st.fixed_dictionaries({"gpu=1": st.floats(0.2, 50)}),
)


@settings(deadline=None)
@given(SERVED, st.floats(0.001, 0.2), st.booleans(), st.floats(0, 2000), st.floats(1, 200))
def test_its_answer_can_be_relied_on(served, objective, is_priced, seconds, each):
    goal = Goal(objective, PRICES if is_priced else {})
    done = campaign(served, goal, seconds=seconds, each=each)
    configurations = [result.configuration for result in done.results]
    assert len(set(configurations)) == len(configurations) <= GRID
    found = best(done.results, goal)
    if found is not None:
        load = at_objective(found.loads, objective)
        assert load is not None
        assert load.p99 <= objective
        assert load.failures == 0
    so_far = [
        goal.merit(best(done.results[:end], goal) or replace(done.results[0], loads=()))
        for end in range(1, len(done.results) + 1)
    ]
    assert so_far == sorted(so_far)
