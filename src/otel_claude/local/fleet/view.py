"""What stands behind the dashboard of a fleet: ClickHouse answers, nothing is received or kept."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from otel_claude import __version__
from otel_claude.local.backend import Counts
from otel_claude.local.engine import QueryError
from otel_claude.local.hub import Hub

if TYPE_CHECKING:
    from otel_claude.local.alerts.alerter import Alerter
    from otel_claude.local.fleet.engine import ClickHouse


NO_FLEET_ALERTS: Final = (
    "alert rules watch a file; over ClickHouse Prometheus does, with the rules of deploy/prometheus"
)


class View:
    """As much of a `Backend` as a server needs that only shows.

    Attributes:
        receives: whether it takes what exporters send.
        alerter, no_alerts: there are none, and why.

    Args:
        engine: is closed by whoever made it.
    """

    receives: ClassVar = False
    alerter: ClassVar[Alerter | None] = None
    no_alerts: ClassVar = NO_FLEET_ALERTS

    def __init__(self, engine: ClickHouse) -> None:
        self.engine = engine
        self.hub = Hub()
        self.counts = Counts()
        self.began = time.time()

    def health(self) -> dict[str, Any]:
        """The state of the server itself; a fleet's calls are not counted for that."""
        error = self._error()
        return {
            "status": "degraded" if error else "ok",
            "version": __version__,
            "pid": os.getpid(),
            "database": str(self.engine),
            **dict.fromkeys(_NOT_COUNTED),
            **dict.fromkeys(_NOTHING, 0),
            "last_error": error,
            "query_seconds_p95": self.counts.query_seconds_p95,
            "streams": self.hub.streams,
            "uptime_seconds": time.time() - self.began,
        }

    def _error(self) -> str | None:
        try:
            self.engine.native("SELECT 1 AS one", {})
        except QueryError as error:
            return str(error)
        return None


_NOT_COUNTED = ("calls", "spans", "events", "store_bytes", "oldest_ns", "newest_ns",
                "retention_days", "retention_bytes")  # fmt: skip
_NOTHING = ("queue_items", "queue_bytes", "received_items", "stored_items", "duplicate_items",
            "rejected_items", "rejected_requests")  # fmt: skip
