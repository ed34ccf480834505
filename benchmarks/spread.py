"""Medians and spreads of rounds that were taken side by side."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Spread:
    """Median, and the middle half of what was seen."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of one value or more."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(median(values), low, high)


@dataclass(frozen=True)
class Cost:
    """What a subject costs beside the plain SDK.

    Every figure is taken round by round, against the plain SDK in the same round, so that a
    machine that slows down for a while slows both.

    Attributes:
        total: microseconds of one call or event, everything included.
        added: microseconds more than the plain SDK.
        ratio: how many times the plain SDK.
    """

    total: Spread
    added: Spread
    ratio: Spread

    @classmethod
    def beside(cls, plain: Sequence[float], subject: Sequence[float]) -> Cost:
        """The cost from seconds per unit, round by round."""
        pairs = list(zip(plain, subject, strict=True))
        return cls(
            Spread.of([s * 1e6 for s in subject]),
            Spread.of([(s - p) * 1e6 for p, s in pairs]),
            Spread.of([s / p for p, s in pairs]),
        )
