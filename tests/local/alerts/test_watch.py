"""When an alert fires and when it is over, by a clock of the test's own."""

from __future__ import annotations

import itertools

from hypothesis import given, strategies as st

from otel_claude.local.alerts.watch import Watch


def told(watch, looks):
    """What was told, and when: looks are (seconds, holds)."""
    return [(now, said) for now, holds in looks if (said := watch.look(now, holds)) is not None]


def at(seconds, holds):
    return [(second, holds) for second in seconds]


def test_it_fires_once_the_condition_has_held_and_is_over_once_it_has_not():
    watch = Watch(hold=60, resolve=120, cooldown=0)
    looks = [*at(range(0, 30, 10), False), *at(range(30, 200, 10), True)]
    looks += at(range(200, 400, 10), False)
    assert told(watch, looks) == [(90, "fired"), (320, "resolved")]
    assert watch.state == "quiet"


def test_what_goes_away_in_time_is_not_told():
    watch = Watch(hold=60, resolve=0, cooldown=0)
    looks = [(0, True), (50, True), (59, False), (60, True), (100, True), (119, True)]
    assert told(watch, looks) == []
    assert watch.state == "pending"
    assert told(watch, [(120, True)]) == [(120, "fired")]


def test_what_goes_to_and_fro_is_told_once():
    watch = Watch(hold=0, resolve=60, cooldown=0)
    looks = [(second, second % 20 == 0) for second in range(0, 1000, 10)]
    assert told(watch, looks) == [(0, "fired")]
    assert watch.state == "firing"


def test_messages_are_a_cooldown_apart():
    watch = Watch(hold=0, resolve=0, cooldown=100)
    looks = [(0, True), (10, False), (20, True), (30, False), (40, True), (99, True), (100, True)]
    assert told(watch, looks) == [(0, "fired"), (10, "resolved"), (100, "fired")]


def test_what_was_never_told_has_no_end():
    watch = Watch(hold=0, resolve=0, cooldown=100)
    assert told(watch, [(0, True), (10, False), (20, True), (30, False), (200, False)]) == [
        (0, "fired"),
        (10, "resolved"),
    ]


@given(
    st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=60),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 200),
)
def test_messages_alternate_and_keep_their_distance(steps, hold, resolve, cooldown):
    watch = Watch(hold=hold, resolve=resolve, cooldown=cooldown)
    now, looks = 0, []
    for step, holds in steps:
        now += step
        looks.append((now, holds))
    found = told(watch, looks)
    assert [said for _, said in found] == (["fired", "resolved"] * len(found))[: len(found)]
    fired = [when for when, said in found if said == "fired"]
    assert all(after - before >= cooldown for before, after in itertools.pairwise(fired))
