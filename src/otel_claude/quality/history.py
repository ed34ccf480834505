"""`Histories`: how numbers have been so far, in this process; of old values little remains."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from otel_claude.call.fork import new_lock

_KEPT: Final = 1_000  # histories; the one not added to for longest goes first
_ENOUGH: Final = 30  # values, before anything is unusual
_WEIGHT: Final = 0.05  # of a new value, from then on


class Usual(NamedTuple):
    """Mean and standard deviation of what was seen before."""

    mean: float
    deviation: float


class Histories:
    """Keeps the mean and spread of numbers by key. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._seen: dict[Any, tuple[int, float, float]] = {}

    def add(self, key: Any, value: float) -> Usual | None:
        """Add a number to a history.

        Returns:
            How that history was before it; None where it was too short to tell.
        """
        with self._lock:
            count, mean, variance = self._seen.pop(key, (0, 0.0, 0.0))
            before = Usual(mean, math.sqrt(variance)) if count >= _ENOUGH else None
            # An exponentially weighted mean, which begins as a plain one:
            # https://en.wikipedia.org/wiki/Algorithms_for_calculating_variance
            weight = max(_WEIGHT, 1 / (count + 1))
            step = value - mean
            mean += weight * step
            variance = (1 - weight) * (variance + weight * step * step)
            self._seen[key] = (count + 1, mean, variance)
            if len(self._seen) > _KEPT:
                del self._seen[next(iter(self._seen))]
            return before
