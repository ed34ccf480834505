"""Windows: the stretch of time that a limit is for.

Calendar windows (`hour`, `day`, `week`, `month`) begin and end by the clock of a time zone, for
everybody at the same moment. Rolling windows (`30 minutes`, `5 hours`, `7 days`) always reach back
from now: what was spent leaves them one by one.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

UNITS: Final = ("hour", "day", "week", "month")
PARTS: Final = 60
"""A rolling window is kept in this many parts; what was spent leaves with the whole of its part."""

_ROLLING: Final = re.compile(r"(?:rolling\s+)?(\d+)\s*(minute|hour|day)s?")
_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_LONGEST: Final = 366 * 86400


class Span(NamedTuple):
    """The window at some moment.

    Attributes:
        mark: names it among the windows of its budget.
        until: POSIX seconds of its end; for a rolling window, when it is empty if nothing follows.
    """

    mark: str
    until: float


class Window:
    """A window of a budget. Immutable but for a memory of the current one.

    Attributes:
        name: as it is said in messages and labels, in one way for each window.
        part: seconds of a part of a rolling window; 0 for a calendar window.
    """

    __slots__ = ("_current", "_start", "_unit", "_zone", "name", "part")

    def __init__(self, text: str, zone_name: str = "UTC") -> None:
        """Read a window.

        Args:
            text: `hour`, `day`, `week`, `month`, or a number of minutes, hours or days.
            zone_name: IANA time zone of a calendar window.

        Raises:
            ValueError: it is none of these, or there is no such zone.
        """
        word = text.strip().lower()
        self._start = float("inf")
        self._current = Span("", float("-inf"))
        self._unit = word
        self._zone: tzinfo = timezone.utc
        if word in UNITS:
            self._zone = _zone(zone_name)
            self.part = 0.0
            self.name = word if zone_name == "UTC" else f"{word} in {zone_name}"
            return
        seconds = _rolling(word)
        self.part = seconds / PARTS
        self.name = _spoken(seconds)

    def at(self, now: float) -> Span:
        """The window that `now` (POSIX seconds) is in."""
        if self.part:
            return Span("rolling", now + self.part * (PARTS + 1))
        if not self._start <= now < self._current.until:
            self._start, end = self._bounds(now)
            self._current = Span(str(int(self._start)), end)
        return self._current

    def _bounds(self, now: float) -> tuple[float, float]:
        local = datetime.fromtimestamp(now, self._zone)
        if self._unit == "hour":
            # By the clock on the wall, but in real time: where it is put back, the hour that is
            # lived twice is two windows.
            start = now - local.minute * 60 - local.second - local.microsecond / 1e6
            return round(start), round(start) + 3600.0
        first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self._unit == "day":
            after = first + timedelta(days=1)
        elif self._unit == "week":
            first -= timedelta(days=first.weekday())
            after = first + timedelta(days=7)
        else:
            first = first.replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
        # Arithmetic on the wall's clock, then back to real time: a day may have 23 or 25 hours.
        return first.timestamp(), after.timestamp()


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc  # needs no database of zones
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r}: give an IANA name such as Europe/Berlin "
            "(where the system has none at all: pip install tzdata)"
        ) from None


def _rolling(word: str) -> int:
    found = _ROLLING.fullmatch(word)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST:
        raise ValueError(
            f"{word!r} is no window: give hour, day, week or month, or a number of minutes, hours "
            "or days up to 366 days, such as '5 hours'"
        )
    return seconds


def _spoken(seconds: int) -> str:
    unit = next(u for u in ("day", "hour", "minute") if seconds % _SECONDS[u] == 0)
    number = seconds // _SECONDS[unit]
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
