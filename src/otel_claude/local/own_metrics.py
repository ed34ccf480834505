"""The server's own state as Prometheus metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from otel_claude.local.alerts.alerter import Alerter
    from otel_claude.local.backend import Backend
    from otel_claude.local.fleet.view import View

_PREFIX: Final = "otel_claude_"
_GAUGES: Final = {
    "calls": "Calls in the store.",
    "spans": "Other spans in the store.",
    "events": "Events in the store.",
    "store_bytes": "Size of the store.",
    "queue_items": "Requests that wait to be written.",
    "queue_bytes": "Bytes of requests that wait to be written.",
    "streams": "Open event streams.",
    "query_seconds_p95": "Time of the last 1,000 questions, 95th percentile.",
    "uptime_seconds": "Time since the start.",
}
_COUNTERS: Final = {
    "received_items": "Rows of requests that were acknowledged.",
    "stored_items": "Rows that were stored.",
    "duplicate_items": "Rows that were there already.",
    "rejected_items": "Items that could not be taken.",
    "rejected_requests": "Requests that were refused.",
}


class Own(Collector):
    """Reads the state when it is asked for."""

    def __init__(self, backend: Backend | View) -> None:
        self._backend = backend

    def collect(self) -> Iterator[Metric]:
        """The metrics, as they are now."""
        health = self._backend.health()
        yield GaugeMetricFamily(
            _PREFIX + "up",
            "1 if all that was taken could be stored.",
            float(health["status"] == "ok"),
        )
        for name, note in _GAUGES.items():
            if health[name] is not None:
                yield GaugeMetricFamily(_PREFIX + name, note, health[name])
        for name, note in _COUNTERS.items():
            yield CounterMetricFamily(_PREFIX + name, note, health[name])
        if self._backend.alerter is not None:
            yield from _alerts(self._backend.alerter)


def _alerts(alerter: Alerter) -> Iterator[Metric]:
    firing = GaugeMetricFamily(
        _PREFIX + "alert_firing", "1 while the alert fires.", labels=["rule", "severity"]
    )
    for name, severity, state in alerter.states():
        firing.add_metric([name, severity], float(state == "firing"))
    yield firing
    results = CounterMetricFamily(
        _PREFIX + "alert_messages",
        "Messages that were sent or given up (lost), and attempts that failed.",
        labels=["channel", "result"],
    )
    for name, delivery in alerter.deliveries.items():
        counts = delivery.counts
        for result in ("sent", "failed", "lost"):
            results.add_metric([name, result], getattr(counts, result))
    yield results
