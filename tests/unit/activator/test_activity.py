"""When a target is known and when it is wanted, by a clock that the test sets."""

import pytest

from nereid.activator.activity import Activity, TooManyWaitingError
from nereid.activator.targets import InvalidTargetError, Target, parse_target

DIGITS = Target("digits-4hx8l2qz", "shop", "cluster.local")
LETTERS = Target("letters-b7c9d2fg", "shop", "cluster.local")


@pytest.fixture
def activity() -> Activity:
    return Activity(idle_seconds=30, registration_seconds=120, waiting_limit=2, waiting_unregistered=1, target_limit=3)


def test_a_target_is_the_host_of_a_service():
    assert parse_target(DIGITS.host, "cluster.local") == DIGITS


@pytest.mark.parametrize(
    "host",
    [
        "",
        "digits",
        "digits.shop",
        "digits.shop.svc",
        "digits.shop.svc.cluster.local.",
        "digits.shop.svc.cluster.local\n",
        "a.digits.shop.svc.cluster.local",
        "Digits.shop.svc.cluster.local",
        "digits-.shop.svc.cluster.local",
        "digits.shop.svc.cluster.local@example.com",
        "169.254.169.254",
        f"{'a' * 64}.shop.svc.cluster.local",
    ],
)
def test_no_other_host_is_one(host):
    with pytest.raises(InvalidTargetError, match="is not of the form"):
        parse_target(host, "cluster.local")


@pytest.mark.parametrize(
    "name",
    [
        "argocd-server",
        "digits",
        "4hx8l2qz",
        "digits-4hx8l2q",
        "digits-4hx8l2qzz",
        "digits-4hx8l2qa",
        "digits-4hx8l2q3",
        "digits4hx8l2qz",
    ],
)
def test_no_service_but_a_revisions_is_one(name):
    with pytest.raises(
        InvalidTargetError, match="NAME must end in a dash and 8 characters of bcdfghjklmnpqrstvwxz2456789"
    ):
        parse_target(f"{name}.shop.svc.cluster.local", "cluster.local")


def test_a_target_is_known_for_a_while_after_keda_asked(activity):
    assert not activity.registered(DIGITS, now=0)
    activity.note_keda_call(DIGITS, now=0)
    assert activity.registered(DIGITS, now=120)
    assert not activity.registered(DIGITS, now=121)
    assert not activity.registered(LETTERS, now=0)


def test_a_target_is_known_while_a_stream_is_open_and_a_while_beyond(activity):
    notify = lambda: None  # noqa: E731
    activity.open_stream(DIGITS, notify)
    assert activity.registered(DIGITS, now=10_000)
    activity.close_stream(DIGITS, notify, now=10_000)
    assert activity.registered(DIGITS, now=10_120)
    assert not activity.registered(DIGITS, now=10_121)


def test_a_target_is_wanted_from_the_first_request_to_a_while_after_the_last(activity):
    assert not activity.active(DIGITS, now=0)
    activity.begin(DIGITS)
    activity.begin(DIGITS)
    activity.end(DIGITS, now=5)
    assert activity.active(DIGITS, now=1000)
    activity.end(DIGITS, now=1000)
    assert activity.active(DIGITS, now=1030)
    assert not activity.active(DIGITS, now=1031)


def test_the_first_of_the_requests_that_wait_is_told_of(activity):
    told = []
    activity.open_stream(DIGITS, lambda: told.append("digits"))
    activity.open_stream(LETTERS, lambda: told.append("letters"))
    activity.begin(DIGITS)
    with activity.hold(DIGITS, is_registered=True), activity.hold(DIGITS, is_registered=True):
        assert activity.waiting_by_target() == {DIGITS: 2, LETTERS: 0}
    assert told == ["digits"]
    assert activity.waiting(DIGITS) == 0


def test_no_more_wait_than_there_is_room_for(activity):
    with (
        activity.hold(DIGITS, is_registered=True),
        activity.hold(DIGITS, is_registered=True),
        activity.hold(LETTERS, is_registered=True),
    ):
        with pytest.raises(TooManyWaitingError), activity.hold(DIGITS, is_registered=True):
            pass
        assert activity.waiting(DIGITS) == 2


def test_keda_is_heard_while_it_asks_or_has_a_stream_open(activity):
    notify = lambda: None  # noqa: E731
    activity.note_keda_call(DIGITS, now=0)
    activity.open_stream(LETTERS, notify)
    assert activity.keda_called_within(DIGITS, 60, now=60)
    assert not activity.keda_called_within(DIGITS, 60, now=61)
    assert activity.registered(DIGITS, now=61)
    assert activity.keda_called_within(LETTERS, 60, now=1000)


def test_a_target_has_figures_while_it_has_a_stream_or_requests(activity):
    notify = lambda: None  # noqa: E731
    activity.note_keda_call(DIGITS, now=0)
    assert activity.waiting_by_target() == {}
    activity.open_stream(DIGITS, notify)
    activity.begin(DIGITS)
    activity.begin(LETTERS)
    activity.close_stream(DIGITS, notify, now=1)
    activity.end(LETTERS, now=1)
    assert activity.waiting_by_target() == {DIGITS: 0}
    activity.end(DIGITS, now=2)
    assert activity.waiting_by_target() == {}
    assert activity.in_flight == 0


def test_of_too_many_targets_the_one_asked_about_longest_ago_is_forgotten(activity):
    others = [Target(f"other-{revision}", "shop", "cluster.local") for revision in ("b7c9d2fg", "4hx8l2qz")]
    for second, target in enumerate([DIGITS, LETTERS, DIGITS, *others]):
        activity.note_keda_call(target, now=second)
    assert [activity.registered(one, now=5) for one in (DIGITS, LETTERS, *others)] == [True, False, True, True]


def test_a_target_with_a_stream_stays_known_however_many_others_there_are(activity):
    activity.note_keda_call(DIGITS, now=0)
    activity.open_stream(DIGITS, lambda: None)
    for number in range(10):
        activity.note_keda_call(Target(f"other-{number}", "shop", "cluster.local"), now=number)
    assert activity.registered(DIGITS, now=10)
