"""Telemetry as plain, immutable data, so that the checker is pure and tests can bend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricsData,
    NumberDataPoint,
    Sum,
)


@dataclass(frozen=True)
class Span:
    """An ended span. Times are nanoseconds."""

    scope: str
    name: str
    kind: str
    status: str
    attributes: Mapping[str, Any]
    start: int
    end: int
    span_id: int
    parent_id: int | None
    events: tuple[str, ...] = ()

    @property
    def operation(self) -> Any:
        """`gen_ai.operation.name`."""
        return self.attributes.get("gen_ai.operation.name")

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start) / 1e9


@dataclass(frozen=True)
class Point:
    """One data point: of a counter `total` is its value and `count` 1."""

    attributes: Mapping[str, Any]
    total: float
    count: int = 1
    buckets: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Metric:
    """One metric stream."""

    scope: str
    name: str
    unit: str
    instrument: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Record:
    """One log record."""

    scope: str
    event_name: str | None
    severity: int | None
    attributes: Mapping[str, Any]
    body: Any
    span_id: int


@dataclass(frozen=True)
class Telemetry:
    """Everything that a program emitted."""

    spans: tuple[Span, ...]
    metrics: tuple[Metric, ...]
    logs: tuple[Record, ...]


def read(spans: Iterable[Any], metrics: MetricsData | None, logs: Iterable[Any]) -> Telemetry:
    """What the in-memory exporters of the OpenTelemetry SDK hold.

    Args:
        spans: `InMemorySpanExporter.get_finished_spans()`.
        metrics: `InMemoryMetricReader.get_metrics_data()`, None where nothing was recorded.
        logs: `InMemoryLogRecordExporter.get_finished_logs()`.
    """
    return Telemetry(
        tuple(_span(span) for span in spans),
        tuple(_metrics(metrics)),
        tuple(_record(item) for item in logs),
    )


def _span(span: Any) -> Span:
    return Span(
        scope=span.instrumentation_scope.name,
        name=span.name,
        kind=span.kind.name,
        status=span.status.status_code.name,
        attributes=dict(span.attributes),
        start=span.start_time,
        end=span.end_time,
        span_id=span.context.span_id,
        parent_id=None if span.parent is None else span.parent.span_id,
        events=tuple(event.name for event in span.events),
    )


def _metrics(data: MetricsData | None) -> Iterable[Metric]:
    for resource in () if data is None else data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield Metric(
                    scope.scope.name,
                    metric.name,
                    metric.unit or "",
                    _instrument(metric.data),
                    tuple(_point(point) for point in metric.data.data_points),
                )


def _instrument(data: Any) -> str:
    if isinstance(data, Sum):
        return "counter" if data.is_monotonic else "updowncounter"
    if isinstance(data, Gauge):
        return "gauge"
    return "histogram" if isinstance(data, Histogram) else type(data).__name__


def _point(point: Any) -> Point:
    attributes = dict(point.attributes or {})
    if isinstance(point, HistogramDataPoint):
        return Point(attributes, point.sum, point.count, tuple(point.explicit_bounds))
    if isinstance(point, NumberDataPoint):
        return Point(attributes, point.value)
    return Point(attributes, point.sum, point.count)


def _record(item: Any) -> Record:
    record = getattr(item, "log_record", item)
    severity = record.severity_number
    return Record(
        scope=item.instrumentation_scope.name,
        event_name=record.event_name,
        severity=None if severity is None else severity.value,
        attributes=dict(record.attributes or {}),
        body=record.body,
        span_id=record.span_id or 0,
    )
