"""Windows begin and end when people say they do."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from otel_claude.budgets.window import UNITS, Window

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # had days that began at 01:00
    "America/Havana",  # puts the clock back at midnight
    "Asia/Kolkata",  # half past
    "Australia/Lord_Howe",  # shifts by half an hour
    "Pacific/Apia",  # left a day out
]


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def bounds(window: Window, at: str) -> tuple[str, str]:
    span = window.at(utc(at))
    ends = (float(span.mark), span.until)
    start, end = (datetime.fromtimestamp(t, timezone.utc).isoformat()[:19] for t in ends)
    return start, end


@pytest.mark.parametrize(
    ("unit", "zone", "at", "start", "end"),
    [
        ("day", "UTC", "2026-11-21T00:00:00", "2026-11-21T00:00:00", "2026-11-22T00:00:00"),
        ("day", "UTC", "2026-11-21T23:59:59", "2026-11-21T00:00:00", "2026-11-22T00:00:00"),
        # Germany: 23 hours when the clock goes forward, 25 when it goes back.
        ("day", "Europe/Berlin", "2026-03-29T10:00:00", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),
        ("day", "Europe/Berlin", "2026-10-25T22:30:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
        # Midnight that does not exist: the day begins at 01:00, which is 03:00 UTC.
        ("day", "America/Sao_Paulo", "2018-11-04T12:00:00", "2018-11-04T03:00:00", "2018-11-05T02:00:00"),
        # Midnight that comes twice: the day begins at the first.
        ("day", "America/Havana", "2026-11-01T05:30:00", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),
        ("hour", "Asia/Kolkata", "2026-11-21T10:05:00", "2026-11-21T09:30:00", "2026-11-21T10:30:00"),
        # The hour that is lived twice is two windows.
        ("hour", "Europe/Berlin", "2026-10-25T00:30:00", "2026-10-25T00:00:00", "2026-10-25T01:00:00"),
        ("hour", "Europe/Berlin", "2026-10-25T01:30:00", "2026-10-25T01:00:00", "2026-10-25T02:00:00"),
        # Weeks begin on Monday.
        ("week", "UTC", "2026-11-22T23:59:59", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        ("week", "UTC", "2026-11-23T00:00:00", "2026-11-23T00:00:00", "2026-11-30T00:00:00"),
        ("week", "UTC", "2027-01-01T12:00:00", "2026-12-28T00:00:00", "2027-01-04T00:00:00"),
        ("month", "UTC", "2026-02-28T12:00:00", "2026-02-01T00:00:00", "2026-03-01T00:00:00"),
        ("month", "UTC", "2028-02-29T12:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
        ("month", "UTC", "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("month", "Europe/Berlin", "2026-10-31T23:30:00", "2026-10-31T23:00:00", "2026-11-30T23:00:00"),
    ],
)  # fmt: skip
def test_calendar_windows(unit, zone, at, start, end):
    assert bounds(Window(unit, zone), at) == (start, end)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", UNITS)
def test_calendar_windows_leave_no_gap_over_twenty_years(unit, zone):
    window, now, last = Window(unit, zone), utc("2010-01-01T00:30:00"), None
    steps = 3000 if unit in ("hour", "day") else 240
    for _ in range(steps):
        span = window.at(now)
        # Where the clock shifts by half an hour, an hour by the clock ends with it.
        if last is not None and (unit, zone) != ("hour", "Australia/Lord_Howe"):
            assert abs(float(span.mark) - last) < 1, "it begins where the one before ended"
        assert float(span.mark) <= now < span.until
        last = now = span.until


@given(
    now=st.integers(0, 4_000_000_000),
    zone=st.sampled_from([z for z in ZONES if z != "Pacific/Apia"]),
    unit=st.sampled_from(["day", "week", "month"]),
)
@settings(max_examples=300, deadline=None)
def test_both_ends_are_the_first_moment_of_a_local_day(now, zone, unit):
    span = Window(unit, zone).at(float(now))
    where = ZoneInfo(zone)
    assert float(span.mark) <= now < span.until
    for end in (float(span.mark), span.until):
        local = datetime.fromtimestamp(end, where)
        before = datetime.fromtimestamp(end - 1, where)
        assert before.date() + timedelta(days=1) == local.date()
        assert unit != "month" or local.day == 1
        assert unit != "week" or local.weekday() == 0


def test_a_window_seen_before_does_not_hide_another():
    window = Window("day")
    marks = [window.at(utc(f"2026-11-{day}T12:00:00")).mark for day in (20, 21, 20, 22, 21)]
    assert marks[0] == marks[2]
    assert marks[1] == marks[4]
    assert len(set(marks)) == 3


@pytest.mark.parametrize(
    ("text", "name", "part"),
    [
        ("5 hours", "5 hours", 300),
        ("rolling 5 hours", "5 hours", 300),
        ("300 minutes", "5 hours", 300),
        ("1 minute", "1 minute", 1),
        ("90minutes", "90 minutes", 90),
        ("24 hours", "1 day", 1440),
        ("7 days", "7 days", 10080),
    ],
)
def test_rolling_windows(text, name, part):
    window = Window(text)
    assert (window.name, window.part) == (name, part)


@pytest.mark.parametrize("text", ["fortnight", "", "0 minutes", "-5 hours", "400 days", "5"])
def test_no_window(text):
    with pytest.raises(ValueError, match="is no window"):
        Window(text)


@pytest.mark.parametrize("zone", ["Europe/Berlln", "", "../etc", "CET/"])
def test_no_zone(zone):
    with pytest.raises(ValueError, match="no time zone"):
        Window("day", zone)
