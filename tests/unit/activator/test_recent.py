"""What is remembered of targets, and that it stays bounded."""

from nereid.activator.recent import Recent
from nereid.activator.targets import Target

ONE, TWO, THREE = (Target(f"{name}-4hx8l2qz", "shop", "cluster.local") for name in ("one", "two", "three"))


def test_a_time_is_kept_for_a_while():
    recent = Recent(10, limit=3)
    recent.note(ONE, time=0)
    assert recent.within(ONE, 100, now=10)
    assert not recent.within(ONE, 100, now=11)
    assert not recent.within(ONE, 5, now=6)
    assert not recent.within(TWO, 100, now=0)


def test_a_note_forgets_what_is_too_long_ago():
    recent = Recent(10, limit=3)
    recent.note(ONE, time=0)
    recent.note(TWO, time=5)
    recent.note(THREE, time=11)
    # At an earlier time than that of the note, all that is still kept shows.
    assert [recent.within(target, 10, now=0) for target in (ONE, TWO, THREE)] == [False, True, True]


def test_beyond_the_limit_the_oldest_goes():
    recent = Recent(10, limit=2)
    for second, target in enumerate((ONE, TWO, ONE, THREE)):
        recent.note(target, time=second)
    assert [recent.within(target, 10, now=3) for target in (ONE, TWO, THREE)] == [True, False, True]
