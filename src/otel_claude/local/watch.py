"""Looks for anomalies while the server runs, and writes each into the store once, as an event."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude.local.queries import Filters, Period
from otel_claude.local.queries.hours import anomalies_of
from otel_claude.local.queries.period import DAY, HOUR
from otel_claude.local.rows import events_made
from otel_claude.local.values import dumped

if TYPE_CHECKING:
    from types import TracebackType

    from otel_claude.local.backend import Backend

logger = logging.getLogger("otel_claude.local")

_EVERY: Final = 60.0  # seconds
_FIRST: Final = 7 * DAY  # how far the first look goes back: what happened while no server ran
_LATE: Final = 6 * HOUR  # later ones: exporters may be as late as that
_MOST: Final = 200  # anomalies of one look
_PATIENCE: Final = 60.0  # seconds until the store has what was found


class Watch:
    """A thread that looks every minute, where something has arrived since or an hour has ended.

        with Watch(backend):
            server.run()

    Args:
        backend: whose calls are looked at, and where events go.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._looked = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otel-claude-watch", daemon=True)

    def look(self, now: int) -> int:
        """Look once, and write down what is new.

        An hour is told of once for each measure, also if calls that come late change its value.

        Args:
            now: nanoseconds since the epoch; the hour that is under way is left out.

        Returns:
            How many anomalies were new.

        Raises:
            OverloadedError: the store takes nothing now.
            QueryError: it does not answer.
        """
        store = self._backend.store
        period = Period(now - (_LATE if self._looked else _FIRST), now)
        found = anomalies_of(store, period, Filters(), limit=_MOST)["anomalies"]
        known = store.rows(
            "SELECT event_id FROM events WHERE name = $name AND time_ns >= $start",
            {"name": semconv.EVENT_ANOMALY, "start": period.start},
        )
        told = {row["event_id"] for row in known}
        new = [one for one in found if _id(one) not in told]
        if new:
            rows = [_row(one, now) for one in new]
            self._backend.take(events_made(rows)).result(_PATIENCE)
        for one in new:
            message = {"from_ns": one["from_ns"], "to_ns": one["to_ns"], **_attributes(one)}
            self._backend.hub.tell("anomaly", message)
        self._looked = True
        return len(new)

    def _run(self) -> None:
        seen: tuple[int, int] | None = None
        while not self._stop.is_set():
            now = time.time_ns()
            state = (now // HOUR, self._backend.writer.counts.stored)
            try:
                if state != seen:
                    self.look(now)
                    seen = state
            except Exception:
                logger.warning("otel-claude: anomalies could not be looked for", exc_info=True)
            self._stop.wait(_EVERY)

    def __enter__(self) -> Watch:  # noqa: PYI034 - Self came with Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()


def _id(anomaly: dict[str, Any]) -> str:
    return f"{semconv.EVENT_ANOMALY}/{anomaly['measure']}/{anomaly['from_ns'] // HOUR}"


def _row(anomaly: dict[str, Any], now: int) -> dict[str, Any]:
    """The event, at the end of its hour, on the call that explains it best."""
    call = anomaly["calls"][0] if anomaly["calls"] else {}
    return {
        "time_ns": anomaly["to_ns"],
        "received_ns": now,
        "event_id": _id(anomaly),
        "name": semconv.EVENT_ANOMALY,
        "severity": "WARN",
        "trace_id": call.get("trace_id"),
        "span_id": call.get("id"),
        "scope": semconv.SCOPE,
        "attributes": dumped(_attributes(anomaly)),
    }


def _attributes(anomaly: dict[str, Any]) -> dict[str, Any]:
    return {
        semconv.ANOMALY_KIND: anomaly["measure"],
        semconv.ANOMALY_VALUE: anomaly["value"],
        semconv.ANOMALY_USUAL: anomaly["usual"],
        semconv.ANOMALY_UNIT: anomaly["unit"],
        semconv.ANOMALY_DEVIATIONS: anomaly["deviations"],
        semconv.ANOMALY_HOURS: anomaly["hours"],
        semconv.ANOMALY_CALLS: [call["id"] for call in anomaly["calls"]],
    }
