import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nereid.controller.observed.counters import NoData
from nereid.controller.shell.metrics.growth import (
    KEPT_SECONDS,
    LOOK_BACK_SECONDS,
    CounterHistory,
    Growth,
    Window,
    growth,
)
from nereid.controller.shell.metrics.tracks import SeriesGroup, aligned

WINDOW = Window(100, 130)


def group(*samples: tuple[float, float], pod: str = "gateway", **labels: str) -> SeriesGroup:
    return SeriesGroup({"pod": pod, **labels}, [(time, (value,)) for time, value in samples])


def grown(*groups: SeriesGroup, window: Window = WINDOW) -> list[int]:
    return [steps[0] for _, steps in looked(groups, window).steps]


def looked(groups: Sequence[SeriesGroup], window: Window = WINDOW, history: CounterHistory | None = None) -> Growth:
    found = growth(groups, window, history)
    assert not isinstance(found, NoData), found
    return found


def counted(found: Growth) -> int:
    return sum(steps[0] for _, steps in found.steps)


def test_growth_is_counted_from_the_last_sample_before_the_window() -> None:
    assert grown(group((80, 1), (95, 10), (110, 14), (125, 15), (140, 99))) == [5]


def test_a_sample_at_since_is_the_last_one_before_and_one_at_until_is_inside() -> None:
    assert grown(group((100, 10), (130, 14))) == [4]


def test_a_reset_counts_from_zero() -> None:
    assert grown(group((95, 10), (110, 12), (125, 3))) == [5]


def test_a_gap_is_covered_by_the_next_sample() -> None:
    assert grown(group((20, 10), (125, 30))) == [20]


def test_a_code_that_appears_at_a_known_proxy_began_at_zero() -> None:
    assert grown(group((95, 10), (110, 12)), group((110, 3), (125, 4), response_code="503")) == [2, 4]


def test_a_code_that_appears_after_the_proxys_first_scrape_within_the_window_began_at_zero() -> None:
    assert grown(group((110, 10), (125, 12)), group((125, 4), response_code="503")) == [2, 4]


def test_a_new_proxy_counts_from_its_first_sample() -> None:
    assert grown(group((95, 10), (125, 12)), group((110, 1000), (125, 1001), pod="another")) == [2, 1]


def test_a_prometheus_that_lost_its_data_counts_from_its_first_samples() -> None:
    assert grown(group((110, 1000), (125, 1010)), group((110, 5), (125, 5), response_code="503")) == [10, 0]


def test_a_series_without_samples_in_the_window_has_not_grown() -> None:
    assert grown(group((95, 10)), group(), group((140, 7))) == [0, 0]


@pytest.mark.parametrize("value", [math.nan, -1, 1e300, math.inf, 2.5])
def test_one_implausible_value_makes_all_of_it_no_data(value: float) -> None:
    steps = growth([group((95, 1), (110, 2)), group((95, 1), (110, value), pod="liar")], WINDOW)
    assert isinstance(steps, NoData)
    assert "liar" in steps.reason


def test_an_implausible_value_of_the_past_does_no_harm() -> None:
    assert grown(group((60, math.nan), (95, 1), (110, 2))) == [1]


def test_buckets_are_reset_together() -> None:
    # All requests alone look like growth by 2; that those within the objective are fewer tells of the restart.
    histogram = aligned({"pod": "gateway"}, [[(95, 10), (110, 12)], [(95, 9), (110, 3)]])
    assert [steps for _, steps in looked([histogram]).steps] == [(12, 3)]


def test_aligned_keeps_the_scrapes_that_hold_all_buckets() -> None:
    assert aligned({}, [[(1, 5), (2, 6)], [(2, 3), (3, 4)]]).samples == [(2, (6, 3))]


# What came late.

LATER = Window(130, 160)


def test_a_sample_that_comes_late_is_counted_when_it_comes() -> None:
    first = looked([group((95, 10), (110, 12))])
    then = looked([group((95, 10), (110, 12), (125, 15), (140, 16))], LATER, first.history)
    assert [counted(first), counted(then)] == [2, 4]


def test_a_sample_of_the_time_before_the_first_window_is_not_counted_when_it_comes_late() -> None:
    first = looked([group((80, 10))])
    then = looked([group((80, 10), (95, 17), (110, 18))], LATER, first.history)
    assert [counted(first), counted(then)] == [0, 1]


def test_a_code_that_comes_late_is_counted_from_zero() -> None:
    first = looked([group((95, 10), (110, 12))])
    then = looked([group((95, 10), (110, 12), (125, 12)), group((125, 3), code="503")], LATER, first.history)
    assert [counted(first), counted(then)] == [2, 3]


def test_a_gap_longer_than_the_look_back_is_covered_by_what_is_remembered() -> None:
    first = looked([group((95, 10), (110, 12))])
    idle = looked([], Window(130, 430), first.history)
    then = looked([group((1100, 40)), group((1100, 2), code="503")], Window(1100, 1130), idle.history)
    assert counted(then) == 30


def test_what_is_seen_no_more_is_remembered_for_a_while_only() -> None:
    first = looked([group((95, 10), (110, 12))]).history
    assert len(first.last_samples) == len(first.last_scrapes) == 1
    kept = looked([], Window(130, 110 + KEPT_SECONDS - 1), first).history
    assert (kept.last_samples, kept.last_scrapes) == (first.last_samples, first.last_scrapes)
    gone = looked([], Window(130, 110 + KEPT_SECONDS), kept).history
    assert not gone.last_samples
    assert not gone.last_scrapes


# Processes that are scraped twice.


def scrape(job: str, *samples: tuple[float, float], **labels: str) -> SeriesGroup:
    usual = {"namespace": "shop", "pod": "gateway", "instance": f"10.0.0.1:{job}", "job": job}
    return group(*samples, **{**usual, **labels})


def test_a_process_that_is_scraped_by_two_jobs_counts_once() -> None:
    merged = scrape("15020", (90, 100), (105, 150), (120, 200), app="gateway", container="proxy")
    alone = scrape("15090", (95, 120), (110, 170), pod_name="gateway", endpoint="http-envoy-prom")
    errors = scrape("15020", (90, 1), (105, 3), (120, 7), app="gateway", container="proxy", code="503")
    assert grown(alone, merged, errors) == [100, 6]


def test_spares_count_once_and_the_first_by_its_labels_counts_where_both_saw_as_much() -> None:
    spares = [
        group((90, 1), (105, value), pod="gateway", prometheus_replica=name) for name, value in (("b", 7), ("a", 3))
    ]
    assert grown(*spares) == [2]


def test_the_same_pod_name_in_two_namespaces_is_two_processes() -> None:
    pods = [scrape("15020", (90, 1), (105, 3), namespace=namespace) for namespace in ("shop", "bank")]
    assert grown(*pods) == [2, 2]


@pytest.mark.parametrize("label", ["pod", "pod_name", "kubernetes_pod_name"])
def test_pods_are_different_processes(label: str) -> None:
    pods = [SeriesGroup({label: name, "job": "pods"}, [(90, (1,)), (105, (3,))]) for name in ("one", "another")]
    assert grown(*pods) == [2, 2]


def test_without_a_pod_the_address_tells_processes_apart() -> None:
    machines = [SeriesGroup({"instance": name, "job": "vms"}, [(90, (1,)), (105, (3,))]) for name in ("one", "another")]
    twice = SeriesGroup({"instance": "one", "job": "again"}, [(90, (1,))])
    assert grown(*machines, twice) == [2, 2]


def test_without_a_pod_both_ports_of_a_proxy_are_one_process() -> None:
    ports = [
        SeriesGroup({"instance": f"{address}:{port}", "job": port}, [(90, (1,)), (105, (3,))])
        for address in ("10.0.0.1", "10.0.0.2")
        for port in ("15020", "15090")
    ]
    assert grown(*ports) == [2, 2]


def test_tags_of_the_users_own_are_kept_apart() -> None:
    assert grown(*(scrape("15020", (90, 1), (105, 3), method=method) for method in ("GET", "POST"))) == [2, 2]


def test_the_scrape_by_which_a_process_was_counted_counts_on() -> None:
    first = looked([scrape("15020", (90, 100), (105, 150), (120, 200)), scrape("15090", (95, 120), (110, 170))])
    fewer, more = scrape("15020", (120, 200), (150, 300)), scrape("15090", (110, 170), (125, 220), (140, 270))
    then = looked([fewer, more], LATER, first.history)
    assert [counted(first), counted(then)] == [100, 100]


def test_a_scrape_that_ends_is_relieved_by_the_other_one() -> None:
    first = looked([scrape("15020", (90, 100), (105, 150), (120, 200)), scrape("15090", (95, 120), (110, 170))])
    other = scrape("15090", (95, 120), (110, 170), (125, 220), (140, 270), (155, 320))
    then = looked([scrape("15020", (120, 200)), other], LATER, first.history)
    assert counted(then) == 150
    last = looked(
        [scrape("15020", (120, 200)), scrape("15090", (155, 320), (170, 321))], Window(160, 190), then.history
    )
    assert counted(last) == 1


def test_another_scrapes_counters_are_not_new_ones() -> None:
    first = looked([scrape("15020", (95, 1000), (110, 1100))])
    then = looked([scrape("15090", (140, 1200), (155, 1210))], LATER, first.history)
    assert counted(then) == 10


# A simulation: processes that count by code, are scraped with gaps, restart, come late; and its own count of what could
# be seen.

TICK = 15
TICKS = 60
CODES = ("200", "503")
MOST_GAP = 8


def simulate(seed: int, processes: int) -> tuple[list[SeriesGroup], dict[float, int]]:
    """Return the groups as Prometheus holds them, and how much growth each scrape time showed."""
    chance = random.Random(seed)
    seen: dict[float, int] = {}
    groups = []
    for number in range(processes):
        samples: dict[str, list[tuple[float, tuple[float, ...]]]] = {}
        counts: dict[str, int] = {}
        scraped: dict[str, int] | None = None
        last_scrape, birth, late = 0, chance.randrange(TICKS), chance.randrange(TICKS)
        for tick in range(birth, TICKS):
            if chance.random() < 0.05:
                counts = dict.fromkeys(counts, 0)
            for code in CODES:
                if code == "200" or tick >= late:
                    counts[code] = counts.get(code, 0) + chance.randrange(4)
            if chance.random() < 0.3 and tick - last_scrape < MOST_GAP:
                continue
            time, last_scrape = tick * TICK + number / 100, tick
            for code, count in counts.items():
                samples.setdefault(code, []).append((time, (count,)))
                if scraped is not None:
                    before = scraped.get(code, 0)
                    seen[time] = seen.get(time, 0) + (count - before if count >= before else count)
            scraped = dict(counts)
        groups += [SeriesGroup({"pod": f"p{number}", "code": code}, kept) for code, kept in samples.items()]
    return groups, seen


def held(groups: Sequence[SeriesGroup], window: Window) -> list[SeriesGroup]:
    """Return what a range selector gives for a window."""
    begin = window.until - window.range_seconds
    cut = [SeriesGroup(one.labels, [kept for kept in one.samples if begin < kept[0] <= window.until]) for one in groups]
    return [one for one in cut if one.samples]


@given(
    seed=st.integers(0, 2**32),
    processes=st.integers(1, 4),
    ends=st.lists(st.integers(1, TICKS * TICK), min_size=1, max_size=12, unique=True),
)
def test_windows_that_follow_one_another_count_every_growth_that_was_seen_exactly_once(
    seed: int, processes: int, ends: list[int]
) -> None:
    groups, seen = simulate(seed, processes)
    moments = [0, *sorted(ends)]
    for since, until in pairwise(moments):
        window = Window(since, until)
        expected = sum(growth_there for time, growth_there in seen.items() if since < time <= until)
        assert sum(grown(*held(groups, window), window=window)) == expected


MOST_LATE = 240
LONGEST_LOOK = 300


def arrivals(seed: int, groups: Sequence[SeriesGroup]) -> dict[str, dict[float, float]]:
    """Return when the samples of each process can be seen: late, now more and now less, and in their order."""
    chance = random.Random(seed)
    arrived: dict[str, dict[float, float]] = {}
    for pod in sorted({one.labels["pod"] for one in groups}):
        latest = 0.0
        for time in sorted({time for one in groups if one.labels["pod"] == pod for time, _ in one.samples}):
            latest = max(latest, time + chance.choice((0, 5, 60, MOST_LATE)))
            arrived.setdefault(pod, {})[time] = latest
    return arrived


@given(
    seed=st.integers(0, 2**32),
    processes=st.integers(1, 4),
    begin=st.integers(0, TICKS * TICK),
    looks=st.lists(st.integers(1, LONGEST_LOOK), max_size=15),
)
def test_what_comes_late_is_counted_exactly_once(seed: int, processes: int, begin: int, looks: list[int]) -> None:
    groups, seen = simulate(seed, processes)
    arrived = arrivals(seed, groups)
    total, since, history = 0, begin, None
    while looks or since < TICKS * TICK + MOST_LATE:
        window = Window(since, since + (looks.pop() if looks else LONGEST_LOOK))
        there = [
            SeriesGroup(
                one.labels, [kept for kept in one.samples if arrived[one.labels["pod"]][kept[0]] <= window.until]
            )
            for one in groups
        ]
        found = looked(held(there, window), window, history)
        total, since, history = total + counted(found), int(window.until), found.history
    assert total == sum(growth_there for time, growth_there in seen.items() if time > begin)


def test_the_gaps_of_the_simulation_are_shorter_than_the_look_back() -> None:
    assert MOST_GAP * TICK < LOOK_BACK_SECONDS
