"""Hours that differ from their own history, and the calls that explain them.

An hour is compared with the hours of the same time of the day, in the four weeks before: with their
median, which stays where it is when a few of them are wild. How far hours usually are off is learned
from how far all of the past ones were (median and outer tenth), so that a few that happen to be alike
make no alarm. Money, tokens, times and numbers of calls are compared as ratios: they are skewed, and
twice as much means the same by day and by night. A share of failures must also be more than chance.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left, insort
from collections import defaultdict, deque
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NORMAL: Final = statistics.NormalDist()
_HALF: Final = 1 / _NORMAL.inv_cdf(0.75)  # median distance -> standard deviation
_TENTH: Final = 1 / _NORMAL.inv_cdf(0.95)  # distance of the outer tenth, likewise
_OUTER: Final = 1 / _NORMAL.inv_cdf(0.9)  # distance of the outer tenth of one side, likewise
_FAR: Final = 5.0  # standard deviations
_CHANCE: Final = 1e-4  # that so many calls fail at the usual rate
_LEAST: Final = 24  # hours with calls before one can be judged
_SAME_TIME: Final = 7  # hours of the same time of the day, from which they count alone
_DAY: Final = 24  # hours
_HISTORY: Final = 28 * _DAY


@dataclass(frozen=True)
class Measure:
    """What is watched.

    Attributes:
        name: as in the answers.
        unit: of its values.
        floor: a difference smaller than this is none, in the unit.
        share: nor is one smaller than this share of the median.
        both: whether a fall is an anomaly, too.
        calls: calls that an hour must have for its value to mean anything.
    """

    name: str
    unit: str
    floor: float
    share: float = 0.5
    both: bool = False
    calls: int = 1


MEASURES: Final = (
    Measure("cost", "usd", 0.01),
    Measure("tokens_per_call", "tokens", 200, calls=5),
    Measure("error_rate", "share", 0.05, calls=10),
    Measure("first_token", "seconds", 0.25, calls=5),
    Measure("calls", "calls", 10, share=0.8, both=True),
)


@dataclass(frozen=True)
class Hour:
    """One hour with calls. `values` are by name of a measure; what was not measured is missing."""

    hour: int
    calls: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Anomaly:
    """An hour that stands out.

    Attributes:
        measure: what stands out.
        hour: since the epoch.
        value: what it was.
        usual: the median of the hours it was compared with.
        deviations: how far it is off, in standard deviations; 0 where the others do not vary at all.
        hours: how many it was compared with.
    """

    measure: Measure
    hour: int
    value: float
    usual: float
    deviations: float
    hours: int


def anomalies(
    series: Sequence[Hour], first: int, measures: Sequence[Measure] = MEASURES
) -> list[Anomaly]:
    """The anomalies from an hour on, the newest first.

    Args:
        series: hours with calls, the oldest first, with history before `first`.
        first: the first hour, since the epoch, that is judged.
        measures: what to watch.
    """
    found = []
    for measure in measures:
        past = _Past()
        for hour in series:
            if hour.calls < measure.calls or measure.name not in hour.values:
                continue
            past.forget(hour.hour - _HISTORY)
            point = _point(measure, hour)
            usual = past.usual(hour.hour) if hour.hour >= first else None
            if usual is not None and _differs(measure, point, usual):
                off = (point.level - usual.level) / usual.scale if usual.scale else 0.0
                found.append(
                    Anomaly(measure, hour.hour, point.value, usual.value, off, usual.hours)
                )
            past.add(point)
    return sorted(found, key=lambda one: (-one.hour, -abs(one.deviations), one.measure.name))


class _Point(NamedTuple):
    """A value, and on which level it is compared."""

    hour: int
    calls: int
    value: float
    level: float


class _Usual(NamedTuple):
    """What an hour is compared with: value and level, how far off is usual, of how many hours."""

    value: float
    level: float
    scale: float
    hours: int
    share: float  # of all calls of the past, where the measure is one


def _point(measure: Measure, hour: Hour) -> _Point:
    value = hour.values[measure.name]
    level = value if measure.unit == "share" else log(max(value, 0.0) + measure.floor)
    return _Point(hour.hour, hour.calls, value, level)


def _differs(measure: Measure, point: _Point, usual: _Usual) -> bool:
    off = point.value - usual.value
    if off < 0 and not measure.both:
        return False
    if abs(off) < max(measure.floor, measure.share * abs(usual.value)):
        return False
    if abs(point.level - usual.level) < _FAR * usual.scale:
        return False
    return measure.unit != "share" or _chance(point, usual.share) < log(_CHANCE)


def _chance(point: _Point, usual: float) -> float:
    """The logarithm of a bound on the chance of such a share, or one further off (Chernoff)."""
    share = min(point.value, 1.0)
    far = share * log(share / usual) if share else 0.0
    rest = (1 - share) * log((1 - share) / (1 - usual)) if share < 1 else 0.0
    return -point.calls * (far + rest)


class _Past:
    """The hours of one measure before the one that is judged."""

    def __init__(self) -> None:
        self._hours: deque[_Point] = deque()
        self._same: defaultdict[int, deque[_Point]] = defaultdict(deque)
        self._misses: deque[tuple[int, float]] = deque()
        self._sizes: list[float] = []  # of the misses, sorted
        self._calls = self._counted = 0.0

    def forget(self, before: int) -> None:
        """Leave out hours before one."""
        while self._hours and self._hours[0].hour < before:
            old = self._hours.popleft()
            self._same[old.hour % _DAY].popleft()
            self._calls -= old.calls
            self._counted -= old.calls * old.value
        while self._misses and self._misses[0][0] < before:
            del self._sizes[bisect_left(self._sizes, self._misses.popleft()[1])]

    def add(self, point: _Point) -> None:
        """One more, later than all."""
        same = self._same[point.hour % _DAY]
        if len(same) >= _SAME_TIME:
            size = abs(point.level - statistics.median(p.level for p in same))
            self._misses.append((point.hour, size))
            insort(self._sizes, size)
        self._hours.append(point)
        same.append(point)
        self._calls += point.calls
        self._counted += point.calls * point.value

    def usual(self, hour: int) -> _Usual | None:
        """What is usual for an hour; None where too little is known."""
        if len(self._hours) < _LEAST:
            return None
        same = self._same[hour % _DAY]
        alike = len(same) >= _SAME_TIME and len(self._sizes) >= _LEAST
        compared: Iterable[_Point] = same if alike else self._hours
        values = [point.value for point in compared]
        levels = [point.level for point in compared]
        level = statistics.median(levels)
        scale = _HALF * statistics.median(abs(one - level) for one in levels)
        if alike:
            count = len(self._sizes)
            usual_miss = _HALF * self._sizes[count // 2]
            scale = max(scale, usual_miss, _TENTH * self._sizes[count * 9 // 10])
        else:
            # Days and nights together have two middles: how far the outer tenths are tells more.
            tenths = statistics.quantiles(levels, n=10)
            scale = max(scale, _OUTER * max(tenths[-1] - level, level - tenths[0]))
        share = (self._counted + 1) / (self._calls + 2)
        return _Usual(statistics.median(values), level, scale, len(values), share)


def reason(series: Sequence[Hour]) -> str | None:
    """Why nothing can be said, None where it can."""
    if len(series) > _LEAST:
        return None
    return f"not enough data: {len(series)} hours with calls are known, more than {_LEAST} needed"
