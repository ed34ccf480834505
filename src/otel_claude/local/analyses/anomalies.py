"""Hours that differ from their own history, and the calls that explain them.

A value is an anomaly where it is far from the median of the hours before it, in units of their
median absolute deviation (MAD): both stay where they are when a few hours are wild. Hours of the
same time of the day count alone, where there are enough of them.
"""

from __future__ import annotations

import statistics
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_claude.local.analyses.intervals import of_share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NORMAL: Final = 1.4826  # MAD -> standard deviation, for a normal distribution
_FAR: Final = 5.0  # standard deviations
_TENTH: Final = statistics.NormalDist().inv_cdf(0.9)  # standard deviations to the outer tenth
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
        usable = [h for h in series if h.calls >= measure.calls and measure.name in h.values]
        same: defaultdict[int, deque[Hour]] = defaultdict(deque)
        oldest = 0
        for place, hour in enumerate(usable):
            known = same[hour.hour % _DAY]
            while usable[oldest].hour < hour.hour - _HISTORY:
                same[usable[oldest].hour % _DAY].popleft()
                oldest += 1
            if hour.hour >= first:
                one = judged(measure, hour, usable[oldest:place], known)
                if one is not None:
                    found.append(one)
            known.append(hour)
    return sorted(found, key=lambda one: (-one.hour, -abs(one.deviations), one.measure.name))


def judged(
    measure: Measure, hour: Hour, before: Sequence[Hour], same: Sequence[Hour]
) -> Anomaly | None:
    """Whether an hour differs from those before it; None where not, or where too few are known.

    Args:
        measure: what is judged.
        hour: of which.
        before: hours that it is compared with.
        same: those of them of the same time of the day.
    """
    if len(before) < _LEAST:
        return None
    compared = same if len(same) >= _SAME_TIME else before
    past = [h.values[measure.name] for h in compared]
    usual = statistics.median(past)
    value = hour.values[measure.name]
    off = value - usual
    scale = _NORMAL * statistics.median(abs(value - usual) for value in past)
    if compared is before:
        # Days and nights together have two middles: how far the outer tenth is tells more.
        outer = statistics.quantiles(past, n=10)[-1 if off > 0 else 0]
        scale = max(scale, abs(outer - usual) / _TENTH)
    if off < 0 and not measure.both:
        return None
    if abs(off) < max(measure.floor, measure.share * abs(usual), _FAR * scale):
        return None
    if measure.unit == "share":
        # One failure in a few calls is chance, also where most hours have none.
        sure = of_share(round(value * hour.calls), hour.calls)
        if sure is None or sure.low <= statistics.fmean(past):
            return None
    return Anomaly(measure, hour.hour, value, usual, off / scale if scale else 0.0, len(past))


def reason(series: Sequence[Hour]) -> str | None:
    """Why nothing can be said, None where it can."""
    if len(series) > _LEAST:
        return None
    return f"not enough data: {len(series)} hours with calls are known, more than {_LEAST} needed"
