"""The embedded backend as a whole: file, writer, event streams, and what it knows of itself."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from otel_claude import __version__
from otel_claude.local.hub import Hub
from otel_claude.local.retention import Retention, sweep
from otel_claude.local.store import MEMORY, Store
from otel_claude.local.writer import Writer

if TYPE_CHECKING:
    from concurrent.futures import Future

    from otel_claude.local.alerts.alerter import Alerter
    from otel_claude.local.engine import Engine
    from otel_claude.local.rows import Batch

NO_ALERTS: Final = "there are no alert rules: give some with otel-claude up --alerts FILE"
_DECODING: Final = 2  # requests that are taken apart at the same time: memory is bounded by it


@dataclass(slots=True)
class Counts:
    """What came in.

    Attributes:
        received: rows of requests that were acknowledged.
        refused: items inside of them that could not be taken.
        refused_requests: requests that were refused as a whole.
    """

    received: int = 0
    refused: int = 0
    refused_requests: int = 0
    query_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    @property
    def query_seconds_p95(self) -> float | None:
        """95th percentile of the times of the last questions; None before the first."""
        times = sorted(self.query_seconds)
        return times[int(len(times) * 0.95)] if times else None


class Backend:
    """Everything behind one address.

    Attributes:
        receives: whether it takes what exporters send.

    Args:
        path: the file; `:memory:` for none.
        retention: what is kept how long.

    Raises:
        BusyError: another process has the file open.
        StoreError: it cannot be used.
    """

    receives: ClassVar = True

    def __init__(
        self,
        path: str = MEMORY,
        *,
        retention: Retention | None = None,
    ) -> None:
        self.store = Store(path)
        self.engine: Engine = self.store
        self.hub = Hub()
        self.counts = Counts()
        self.retention = retention or Retention()
        self.writer = Writer(self.store, self.hub.publish)
        self.turns = asyncio.Semaphore(_DECODING)
        self.began = time.time()
        self.alerter: Alerter | None = None
        self.no_alerts = NO_ALERTS
        self._stop = threading.Event()
        self._sweeper = threading.Thread(
            target=sweep,
            args=(self.store, self.retention, self._stop),
            name="otel-claude-retention",
            daemon=True,
        )
        self._sweeper.start()

    def take(self, batch: Batch) -> Future[None]:
        """Have a batch stored; done when it is on disk."""
        return self.writer.submit(batch)

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        if self.alerter is not None:
            self.alerter.close()
        self._stop.set()
        self._sweeper.join()
        self.writer.close()
        self.store.close()

    def health(self) -> dict[str, Any]:
        """The state of the server itself."""
        waiting, size = self.writer.waiting
        written = self.writer.counts
        row = self.store.rows(
            "SELECT (SELECT count(*) FROM calls) AS calls, (SELECT count(*) FROM spans) AS spans, "
            "(SELECT count(*) FROM events) + (SELECT count(*) FROM evaluations) AS events, "
            "(SELECT min(start_ns) FROM calls) AS oldest_ns, "
            "(SELECT max(start_ns) FROM calls) AS newest_ns"
        )[0]
        return {
            "status": "degraded" if written.last_error else "ok",
            "version": __version__,
            "pid": os.getpid(),
            "database": self.store.path,
            **row,
            "store_bytes": self.store.size(),
            "queue_items": waiting,
            "queue_bytes": size,
            "received_items": self.counts.received,
            "stored_items": written.stored,
            "duplicate_items": written.duplicates,
            "rejected_items": self.counts.refused,
            "rejected_requests": self.counts.refused_requests,
            "last_error": written.last_error,
            "query_seconds_p95": self.counts.query_seconds_p95,
            "streams": self.hub.streams,
            "uptime_seconds": time.time() - self.began,
            "retention_days": self.retention.days,
            "retention_bytes": self.retention.size,
        }


def default_path() -> str:
    """The file in the user's data directory."""
    from platformdirs import user_data_path

    return str(Path(user_data_path("otel-claude", appauthor=False)) / "calls.duckdb")
