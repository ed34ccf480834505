"""What will have been spent by the end of the day and of the month.

The spending of past hours is averaged into a profile: by hour of the week where two weeks are known,
by hour of the day where two days are, else one level. What is left of the day or month is the sum
of the profile's hours. How far whole days were off their profile in the past gives the interval.
"""

from __future__ import annotations

import statistics
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOUR: Final = 3600  # seconds
_HOURS_A_DAY: Final = 24
_HOURS_A_WEEK: Final = 168
_LEARNED: Final = 4 * _HOURS_A_WEEK  # hours of the past that make the profile, at most
_LEAST: Final = _HOURS_A_DAY  # hours of history without which nothing is said
_DAYS_FOR_SPREAD: Final = 3
_WIDE: Final = statistics.NormalDist().inv_cdf(0.9)  # an interval of 80 %

Pattern = Literal["week", "day", "level"]


@dataclass(frozen=True)
class Projection:
    """What a period will have cost at its end, USD.

    Attributes:
        start: of the period, seconds since the epoch.
        end: likewise.
        spent: so far.
        expected: in all.
        low: with 80 % certainty not less; None where too few days are known to tell.
        high: likewise, not more.
    """

    start: float
    end: float
    spent: float
    expected: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Forecast:
    """A forecast of spending.

    Attributes:
        reason: why there is none, else None.
        hours: of history that were used.
        pattern: what the profile tells apart.
        burn_rate: USD an hour over the last 24 whole hours.
        profile: USD an hour: 168 by hour of the week (Monday first, UTC), 24 by hour of the day, or
            one.
        day: the UTC day.
        month: the month, in UTC.
    """

    reason: str | None
    hours: int
    pattern: Pattern | None = None
    burn_rate: float | None = None
    profile: tuple[float, ...] = ()
    day: Projection | None = None
    month: Projection | None = None


def forecast(spent: Mapping[int, float], now: float) -> Forecast:
    """Project the day and the month.

    Args:
        spent: USD by hour, as whole hours since the epoch; hours without calls may be missing.
        now: seconds since the epoch. The hour that is under way counts as spent, not as history.
    """
    current = int(now // HOUR)
    known = [hour for hour, usd in spent.items() if hour < current and usd > 0]
    first = min(known, default=current)
    length = min(current - first, _LEARNED)
    if length < _LEAST:
        return Forecast(f"not enough data: {length} whole hours are known, of {_LEAST}", length)
    past = [spent.get(hour, 0.0) for hour in range(current - length, current)]
    pattern, profile = _profile(past, current - length)
    spread = _spread(past, current - length, profile)
    day, month = _periods(now)
    return Forecast(
        None,
        length,
        pattern,
        sum(past[-_HOURS_A_DAY:]) / _HOURS_A_DAY,
        profile,
        _project(spent, profile, spread, day, now, length / _HOURS_A_DAY),
        _project(spent, profile, spread, month, now, length / _HOURS_A_DAY),
    )


def _profile(past: Sequence[float], first: int) -> tuple[Pattern, tuple[float, ...]]:
    if len(past) >= 2 * _HOURS_A_WEEK:
        return "week", _means(past, first, _HOURS_A_WEEK)
    if len(past) >= 2 * _HOURS_A_DAY:
        return "day", _means(past, first, _HOURS_A_DAY)
    return "level", (statistics.fmean(past),)


def _means(past: Sequence[float], first: int, places: int) -> tuple[float, ...]:
    by_place: list[list[float]] = [[] for _ in range(places)]
    for hour, usd in enumerate(past, first):
        by_place[_place(hour, places)].append(usd)
    return tuple(statistics.fmean(found) if found else 0.0 for found in by_place)


def _place(hour: int, places: int) -> int:
    """The place of an hour in a profile; the epoch began on a Thursday, and weeks do on Monday."""
    return (hour + 3 * _HOURS_A_DAY) % places


def _spread(past: Sequence[float], first: int, profile: Sequence[float]) -> float | None:
    """How far the sum of 24 hours is off the profile, as a standard deviation; None: unknown.

    The mean of as many values lies nearer to each of them than the truth does, hence the correction.
    """
    # From midnight to midnight: what makes a day dear is often the same all day long.
    skip = -first % _HOURS_A_DAY
    days = (len(past) - skip) // _HOURS_A_DAY
    if days < _DAYS_FOR_SPREAD:
        return None
    errors = []
    for start in range(skip, skip + days * _HOURS_A_DAY, _HOURS_A_DAY):
        usual = sum(profile[_place(first + start + n, len(profile))] for n in range(_HOURS_A_DAY))
        errors.append(sum(past[start : start + _HOURS_A_DAY]) - usual)
    repeats = max(2.0, len(past) / len(profile)) if len(profile) > 1 else days
    squared = statistics.fmean(error * error for error in errors)
    return float((squared * repeats / (repeats - 1)) ** 0.5)


def _periods(now: float) -> tuple[tuple[float, float], tuple[float, float]]:
    moment = datetime.fromtimestamp(now, tz=timezone.utc)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.replace(day=1)
    days = monthrange(first.year, first.month)[1]
    return (
        (midnight.timestamp(), (midnight + timedelta(days=1)).timestamp()),
        (first.timestamp(), (first + timedelta(days=days)).timestamp()),
    )


def _project(
    spent: Mapping[int, float],
    profile: Sequence[float],
    spread: float | None,
    period: tuple[float, float],
    now: float,
    days: float,
) -> Projection:
    start, end = period
    so_far = sum(usd for hour, usd in spent.items() if start <= hour * HOUR < min(end, now))
    current = int(now // HOUR)
    rest = (1 - now % HOUR / HOUR) * profile[_place(current, len(profile))]
    rest += sum(
        profile[_place(hour, len(profile))] for hour in range(current + 1, int(end // HOUR))
    )
    expected = so_far + rest
    if spread is None:
        return Projection(start, end, so_far, expected, None, None)
    # Days differ on their own: their errors add up like the sides of a right angle. That of the
    # profile itself, which comes from so many days, is the same on each.
    left = (end - now) / HOUR / _HOURS_A_DAY
    off = _WIDE * spread * (left + left * left / days) ** 0.5
    return Projection(start, end, so_far, expected, max(so_far, expected - off), expected + off)
