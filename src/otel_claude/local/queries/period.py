"""The time a question is about."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

SECOND: Final = 1_000_000_000  # nanoseconds
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR

_LONGEST: Final = 10 * 366 * DAY
_STEPS: Final = tuple(
    seconds * SECOND for seconds in (10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
)
_BARS: Final = 120  # a chart has about as many points at most


class PeriodError(ValueError):
    """No such period; the message says what was wrong."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (included) to `end` (excluded), nanoseconds since the epoch."""

    start: int
    end: int

    @classmethod
    def last(cls, *, hours: float, now: int | None = None) -> Period:
        """The hours up to now.

        Raises:
            PeriodError: not a positive number, or more than ten years.
        """
        end = time.time_ns() + SECOND if now is None else now
        if not 0 < hours * HOUR <= _LONGEST:  # NaN is neither
            raise PeriodError("hours (or days) must be more than 0 and at most ten years")
        return cls(end - int(hours * HOUR), end)

    @classmethod
    def given(
        cls,
        *,
        hours: float | None = None,
        days: float | None = None,
        start: str | None = None,
        end: str | None = None,
        now: int | None = None,
    ) -> Period:
        """From the parameters `hours`, `days`, `from` and `to`; the last 24 hours without any.

        Args:
            hours: length in hours, up to `end` or now.
            days: length in days, likewise.
            start: ISO 8601 instant or seconds since the epoch; UTC where it names no zone.
            end: likewise; now by default.
            now: nanoseconds since the epoch.

        Raises:
            PeriodError: they contradict one another, or are no instants.
        """
        if (hours is not None) + (days is not None) + (start is not None) > 1:
            raise PeriodError("give one of hours, days and from")
        until = instant(end) if end is not None else None
        if start is None:
            length = days * 24 if days is not None else 24 if hours is None else hours
            return cls.last(hours=length, now=until if until is not None else now)
        begin = instant(start)
        if until is None:
            until = time.time_ns() + SECOND if now is None else now
        if not 0 < until - begin <= _LONGEST:
            raise PeriodError("from must be before to, and the period at most ten years")
        return cls(begin, until)

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start) / SECOND

    @property
    def before(self) -> Period:
        """The period of the same length just before."""
        return Period(self.start - (self.end - self.start), self.start)

    @property
    def step(self) -> int:
        """A round length, nanoseconds, that cuts the period into at most about 120 parts."""
        return next((s for s in _STEPS if (self.end - self.start) / s <= _BARS), _STEPS[-1])


def instant(text: str) -> int:
    """Nanoseconds since the epoch, of an ISO 8601 instant or of seconds since the epoch.

    Raises:
        PeriodError: it is neither.
    """
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if not abs(seconds) < 1e11:
            raise PeriodError(f"{text!r} is no number of seconds since the epoch")
        return int(seconds * SECOND)
    try:
        # A plus sign in a URL is a blank.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+").replace("Z", "+00:00"))
    except ValueError:
        raise PeriodError(
            f"{text!r} is no instant; give one as 2026-11-21T14:00:00Z, or seconds since the epoch"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    delta = moment - datetime.fromtimestamp(0, tz=timezone.utc)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * 1000
