"""Forecasts of series whose truth is known."""

# mypy: disable-error-code="union-attr,operator,var-annotated"
# None where there should be a value fails the test, too.

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from otel_claude.local.analyses import forecast as module
from otel_claude.local.analyses.forecast import HOUR, Forecast

# A Wednesday at noon in a month of 30 days.
NOW = datetime(2026, 11, 18, 12, tzinfo=timezone.utc)
AT = NOW.timestamp()
CURRENT = int(AT // HOUR)


def forecast(spent, at) -> Any:
    """Its fields are None only without a forecast, which the tests would see."""
    found: Forecast = module.forecast(spent, at)
    return found


def series(hours, usd):
    """USD of that many whole hours before now, by a function of the moment."""
    return {
        hour: usd(datetime.fromtimestamp(hour * HOUR, tz=timezone.utc))
        for hour in range(CURRENT - hours, CURRENT)
    }


def work(moment):
    """Office hours: nothing at night and at weekends."""
    return 3.0 if moment.weekday() < 5 and 8 <= moment.hour < 18 else 0.0


def truth(usd, start, end):
    count = int((end - start).total_seconds()) // HOUR
    return sum(usd(start + timedelta(hours=n)) for n in range(count))


MONTH = (datetime(2026, 11, 1, tzinfo=timezone.utc), datetime(2026, 12, 1, tzinfo=timezone.utc))


@pytest.mark.parametrize("days", [2, 10, 20])
def test_even_spending_goes_on(days):
    found = forecast(series(days * 24, lambda _: 2.0), AT)
    assert found.reason is None
    assert found.burn_rate == pytest.approx(2.0)
    assert found.day.spent == pytest.approx(24.0)
    assert found.day.expected == pytest.approx(48.0)
    # Before the first call there was nothing.
    seen = min(days * 24, 17 * 24 + 12)
    assert found.month.spent == pytest.approx(2.0 * seen)
    assert found.month.expected == pytest.approx(2.0 * (seen + 12.5 * 24))


def test_even_spending_has_no_interval_to_speak_of():
    found = forecast(series(20 * 24, lambda _: 2.0), AT)
    assert found.month.low == pytest.approx(found.month.expected)
    assert found.month.high == pytest.approx(found.month.expected)


def test_a_weekly_pattern_is_found():
    found = forecast(series(28 * 24, work), AT)
    assert found.pattern == "week"
    assert found.day.expected == pytest.approx(30.0)
    assert found.month.expected == pytest.approx(truth(work, *MONTH))
    assert found.profile[8] == pytest.approx(3.0)  # Monday, 8 o'clock
    assert found.profile[5 * 24 + 8] == 0  # Saturday


def test_a_daily_pattern_is_found_in_a_few_days():
    def by_day(moment):
        return 1.0 if moment.hour >= 20 else 0.0

    found = forecast(series(3 * 24, by_day), AT)
    assert found.pattern == "day"
    assert found.day.spent == 0
    assert found.day.expected == pytest.approx(4.0)


def test_the_hour_under_way_counts_as_spent_and_for_what_is_left_of_it():
    spent = {**series(20 * 24, lambda _: 2.0), CURRENT: 1.5}
    found = forecast(spent, AT + HOUR / 2)
    assert found.day.spent == pytest.approx(25.5)
    assert found.day.expected == pytest.approx(25.5 + 1 + 22)


def test_the_interval_holds_in_about_four_of_five_cases():
    """Of many noisy months with a known rest, by the share of those it contains."""
    held = 0
    for seed in range(200):
        rng = random.Random(seed)
        daily: dict[Any, float] = {}

        def noisy(moment, daily=daily, rng=rng):
            factor = daily.setdefault(moment.date(), rng.lognormvariate(0, 0.4))
            return work(moment) * factor

        spent = series(28 * 24, noisy)
        found = forecast(spent, AT)
        rest = truth(noisy, NOW, MONTH[1])
        held += found.month.low <= found.month.spent + rest <= found.month.high
    assert 140 <= held <= 190, held


def test_it_never_falls_below_what_is_spent():
    """Every fifth day is dear, and today was: what other days were makes today no cheaper."""
    found = forecast(series(12 * 24, lambda moment: 50.0 if moment.day % 5 == 3 else 0.0), AT)
    assert found.day.spent == 600
    assert found.day.low == found.day.spent < found.day.expected


@pytest.mark.parametrize("hours", [0, 1, 23])
def test_too_little_history(hours):
    found = forecast(series(hours, lambda _: 1.0), AT)
    assert found.reason is not None
    assert found.reason.startswith("not enough data")
    assert (found.day, found.month, found.burn_rate) == (None, None, None)


def test_a_day_alone_has_no_interval():
    found = forecast(series(24, lambda _: 1.0), AT)
    assert found.day.expected == pytest.approx(24.0)
    assert (found.day.low, found.day.high) == (None, None)
