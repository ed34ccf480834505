"""The emulator's own clock: tests move it, and caches, rate limits and batches follow."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """Wall time plus an offset that only tests change.

    `clock.advance(301)` makes every five-minute cache entry expire at once.
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        self._offset += seconds

    def reset(self) -> None:
        """Go back to wall time."""
        self._offset = 0.0


def rfc3339(seconds: float, *, fraction: bool = False) -> str:
    """An instant as the API writes it, in UTC with a `Z`."""
    at = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return at.isoformat(timespec="microseconds" if fraction else "seconds").replace("+00:00", "Z")
