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
_TARGET: Final = 0.8  # of the size, down to which is deleted where the file is too large


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
    """Delete what is too old and, where the file is too large, its oldest part.

    Returns:
        How many calls were deleted.
    """
    deleted = 0
    if retention.days is not None:
        limit = (time.time_ns() if now is None else now) - int(retention.days * _DAY)
        deleted += delete_before(store, limit)
    if retention.size is not None and (used := store.used()) > retention.size:
        share = 1 - _TARGET * retention.size / used
        row = store.rows(f"SELECT quantile_disc(start_ns, {share}) AS cut FROM calls")[0]
        if row["cut"] is not None:
            deleted += delete_before(store, row["cut"] + 1)
            for _ in range(2):
                # Room is given back by the hundred thousand rows: less only by writing anew. DuckDB
                # before 2.0 gives back what that frees when it is done the next time.
                if store.used() > retention.size:
                    compact(store)
    return deleted


def compact(store: Store) -> None:
    """Write all tables anew, so that nothing of the file is taken by what was deleted."""
    with store.writing() as cursor:
        for table, clock in _TABLES.items():
            cursor.execute(f"CREATE OR REPLACE TABLE {table} AS FROM {table} ORDER BY {clock}")
    store.checkpoint()


def delete_before(store: Store, limit: int) -> int:
    """Delete everything before an instant (nanoseconds); return how many calls that were."""
    gone = 0
    with store.writing() as cursor:
        for table, clock in _TABLES.items():
            row = cursor.execute(f"DELETE FROM {table} WHERE {clock} < ?", [limit]).fetchone()
            if table == "calls" and row is not None:
                gone = int(row[0])
    if gone:
        store.checkpoint()
    return gone
