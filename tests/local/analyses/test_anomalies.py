"""Anomalies that were put into a series are found; nothing else is."""

from __future__ import annotations

import random

import pytest

from otel_claude.local.analyses.anomalies import MEASURES, Hour, anomalies, reason

FIRST = 490_000  # hours since the epoch
BY_NAME = {measure.name: measure for measure in MEASURES}


def quiet(hours, seed=0, calls=100):
    """Hours as usual, with noise, and twice as much from 8 to 20 o'clock."""
    rng = random.Random(seed)
    found = []
    for hour in range(FIRST, FIRST + hours):
        busy = 2 if 8 <= hour % 24 < 20 else 1
        found.append(
            Hour(
                hour,
                calls * busy,
                {
                    "cost": busy * rng.gauss(5, 0.3),
                    "calls": calls * busy * rng.uniform(0.95, 1.05),
                    "tokens_per_call": rng.gauss(1500, 60),
                    "error_rate": abs(rng.gauss(0.01, 0.004)),
                    "first_token": rng.gauss(0.8, 0.05),
                },
            )
        )
    return found


def changed(series, at, calls=None, **values):
    old = series[at]
    new = Hour(old.hour, old.calls if calls is None else calls, {**old.values, **values})
    return [*series[:at], new, *series[at + 1 :]]


@pytest.mark.parametrize(
    ("name", "value"),
    [("cost", 60.0), ("tokens_per_call", 6000), ("error_rate", 0.3), ("first_token", 4.0)],
)
def test_what_was_put_in_is_found_and_nothing_else(name, value):
    series = changed(quiet(10 * 24), 220, **{name: value})
    (found,) = anomalies(series, FIRST)
    assert (found.measure.name, found.hour, found.value) == (name, FIRST + 220, value)
    assert found.usual < value
    assert found.deviations > 5


@pytest.mark.parametrize("seed", range(20))
def test_usual_noise_is_none(seed):
    assert anomalies(quiet(14 * 24, seed), FIRST) == []


def skewed(hours, seed=0, calls=40):
    """Hours of few calls, some of them a hundred times as dear as others; every 40th fails."""
    rng = random.Random(seed)
    found = []
    for hour in range(FIRST, FIRST + hours):
        costs = [rng.lognormvariate(-5, 1.2) for _ in range(calls)]
        firsts = sorted(rng.lognormvariate(0, 0.5) for _ in range(calls))
        values = {
            "cost": sum(costs),
            "tokens_per_call": 1e6 * sum(costs) / calls,
            "error_rate": sum(rng.random() < 0.025 for _ in range(calls)) / calls,
            "first_token": firsts[-2],
        }
        found.append(Hour(hour, calls, values))
    return found


def test_few_and_uneven_calls_make_no_alarms():
    """8,000 hours that are as usual: a person may look at a handful of them."""
    false = [one for seed in range(20) for one in anomalies(skewed(20 * 24, seed), FIRST)]
    assert len(false) <= 5, false


@pytest.mark.parametrize(
    ("name", "value"),
    [("cost", 4.0), ("tokens_per_call", 90_000), ("error_rate", 0.25), ("first_token", 20.0)],
)
@pytest.mark.parametrize("at", [6 * 24, 15 * 24])
def test_among_uneven_ones_what_was_put_in_is_found(name, value, at):
    series = changed(skewed(20 * 24), at, **{name: value})
    assert [(one.measure.name, one.hour) for one in anomalies(series, FIRST)] == [
        (name, FIRST + at)
    ]


@pytest.mark.parametrize(("failed", "found"), [(3, 0), (6, 0), (9, 1)])
def test_failures_must_be_more_than_chance(failed, found):
    series = changed(skewed(15 * 24), 300, error_rate=failed / 40)
    assert len(anomalies(series, FIRST, [BY_NAME["error_rate"]])) == found


@pytest.mark.parametrize(("failed", "found"), [(1, 0), (2, 1)])
def test_one_failure_where_there_was_none_is_chance_and_two_are_not(failed, found):
    never = [Hour(FIRST + n, 10, {"error_rate": 0.0}) for n in range(200)]
    assert len(anomalies(changed(never, 150, error_rate=failed / 10), FIRST)) == found


def test_a_busy_hour_of_the_day_is_as_usual_at_that_time():
    """Twice as much at 8 o'clock is what every day does; the same at night is not."""
    series = quiet(12 * 24)
    night = next(n for n in range(240, 264) if series[n].hour % 24 == 3)
    (found,) = anomalies(changed(series, night, cost=11.0), FIRST)
    assert found.hour == series[night].hour


def test_wild_hours_of_the_past_do_not_hide_a_new_one():
    series = quiet(20 * 24)
    for at in range(100, 160, 10):
        series = changed(series, at, cost=500.0)
    found = anomalies(changed(series, 470, cost=100.0), FIRST + 400)
    assert [one.hour for one in found] == [FIRST + 470]


def test_a_fall_counts_for_calls_alone():
    series = changed(quiet(10 * 24), 220, cost=0.0, first_token=0.01)
    assert anomalies(series, FIRST) == []
    fallen = Hour(FIRST + 220, 2, {**series[220].values, "calls": 2.0})
    series = [*series[:220], fallen, *series[221:]]
    (found,) = anomalies(series, FIRST, [BY_NAME["calls"]])
    assert found.deviations < 0


def test_rates_of_few_calls_mean_nothing():
    series = changed(quiet(10 * 24), 220, calls=2, error_rate=1.0)
    assert anomalies(series, FIRST, [BY_NAME["error_rate"]]) == []


def test_history_without_any_change():
    same = [Hour(FIRST + n, 50, {"cost": 1.0}) for n in range(100)]
    (found,) = anomalies(changed(same, 99, cost=2.0), FIRST)
    assert (found.usual, found.deviations) == (1.0, 0.0)
    assert anomalies(changed(same, 99, cost=1.2), FIRST) == []


def test_only_hours_that_are_asked_about():
    series = changed(quiet(10 * 24), 100, cost=99.0)
    assert anomalies(series, FIRST + 101) == []


def test_what_is_older_than_four_weeks_is_forgotten():
    series = quiet(10 * 24)
    late = series[-1].hour + 24 * 28
    for gap, found in ((-24, 1), (0, 0)):
        hour = Hour(late + gap, 100, {"cost": 500.0})
        assert len(anomalies([*series, hour], FIRST + 240)) == found


def test_stored_costs_below_zero_are_as_nothing():
    hours = [Hour(FIRST + n, 50, {"cost": -7.0 if n == 40 else 1.0}) for n in range(100)]
    assert anomalies(hours, FIRST) == []


def test_too_little_history():
    series = changed(quiet(24), 23, cost=1e6)
    assert anomalies(series, FIRST) == []
    assert reason(series) is not None
    assert reason(quiet(25)) is None
