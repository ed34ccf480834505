"""How sure one can be of a figure: intervals of 95 %."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from math import sqrt
from typing import Final

_Z: Final = statistics.NormalDist().inv_cdf(0.975)
LEAST: Final = 5
"""Calls below which an interval says nothing."""


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


def of_share(count: int, total: int) -> Interval | None:
    """Of a share, by Wilson's score; None without cases. Holds for few cases and rare events, too."""
    if total <= 0:
        return None
    share, squared = count / total, _Z * _Z
    middle = (share + squared / (2 * total)) / (1 + squared / total)
    off = sqrt(share * (1 - share) / total + squared / (4 * total * total))
    off *= _Z / (1 + squared / total)
    return Interval(max(0.0, middle - off), min(1.0, middle + off))


def of_mean(mean: float | None, deviation: float | None, count: int) -> Interval | None:
    """Of a mean, by Student's t; None for fewer than `LEAST` values.

    Args:
        mean: of the values.
        deviation: their sample standard deviation.
        count: how many they are.
    """
    if mean is None or deviation is None or count < LEAST:
        return None
    off = _student(count - 1) * deviation / sqrt(count)
    return Interval(mean - off, mean + off)


def _student(freedom: int) -> float:
    """The quantile of t by its expansion around the normal one (Abramowitz and Stegun, 26.7.5)."""
    z = _Z
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def levels(share: float, count: int) -> tuple[float, float] | None:
    """The quantiles between which the true one lies; None for fewer than `LEAST` values.

    Which of the values are below the true quantile is a matter of heads and tails: no assumption
    on how they are distributed is needed.
    """
    if count < LEAST:
        return None
    off = _Z * sqrt(share * (1 - share) / count)
    return max(0.0, share - off), min(1.0, share + off)
