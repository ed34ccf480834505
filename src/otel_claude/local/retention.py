"""What is kept how long: by age, and by the size of the file."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import threading

    from otel_claude.local.store import Store

logger = logging.getLogger("otel_claude.local")

_EVERY: Final = 300.0  # seconds
_DAY: Final = 86_400 * 1_000_000_000
_TABLES: Final = {
    "calls": "start_ns",
    "spans": "start_ns",
    "events": "time_ns",
    "evaluations": "time_ns",
    "budget_points": "time_ns",
}
_SHARE: Final = 0.1  # of the calls, the oldest, that go at once where the file is too large


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept.

    Attributes:
        days: age from which on everything is deleted; None keeps it for ever.
        size: bytes of the file from which on the oldest is deleted; None is no limit.
    """

    days: float | None = 90.0
    size: int | None = 5 * 1024**3


def sweep(store: Store, retention: Retention, stop: threading.Event) -> None:
    """Apply the retention now and every few minutes, until told to stop. Never raises."""
    while True:
        try:
            apply(store, retention)
        except Exception:
            logger.warning("otel-claude: what is too old could not be deleted", exc_info=True)
        if stop.wait(_EVERY):
            return


def apply(store: Store, retention: Retention, now: int | None = None) -> int:
    """Delete what is too old, then the oldest tenth of the calls as long as it is too much.

    Returns:
        How many calls were deleted.
    """
    deleted = 0
    if retention.days is not None:
        limit = (time.time_ns() if now is None else now) - int(retention.days * _DAY)
        deleted += delete_before(store, limit)
    while retention.size is not None and store.used() > retention.size:
        limit_row = store.rows(f"SELECT quantile_disc(start_ns, {_SHARE}) AS cut FROM calls")
        cut = limit_row[0]["cut"]
        if cut is None:
            break
        gone = delete_before(store, cut + 1)
        deleted += gone
        if not gone:
            break
    return deleted


def delete_before(store: Store, limit: int) -> int:
    """Delete everything before an instant (nanoseconds); return how many calls that were."""
    gone = 0
    with store.writing() as cursor:
        for table, clock in _TABLES.items():
            row = cursor.execute(f"DELETE FROM {table} WHERE {clock} < ?", [limit]).fetchone()
            if table == "calls" and row is not None:
                gone = int(row[0])
        changed = gone
    if changed:
        store.checkpoint()
    return gone
