"""OTLP requests as plain data: spans, metric points and log records, without protobuf."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage, Status

from otel_claude.local.values import attributes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """One span. Ids are hexadecimal, times nanoseconds since the epoch.

    Attributes:
        parent_id: empty for a root.
        kind: client, internal, ...
        status: unset, ok or error.
        scope: name of the instrumentation scope.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    status: str
    start: int
    end: int
    scope: str
    attributes: Attributes
    resource: Attributes

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start) / 1e9


@dataclass(frozen=True)
class Point:
    """One point of a metric.

    Attributes:
        kind: sum, gauge or histogram.
        delta: whether the value counts from the point before, instead of from the start.
        value: of a sum or gauge; for a histogram the sum of what was recorded.
        count: of a histogram, how often something was recorded.
        buckets: of a histogram, how often per bucket.
    """

    name: str
    unit: str
    kind: str
    delta: bool
    start: int
    time: int
    value: float
    scope: str
    attributes: Attributes
    count: int = 0
    buckets: tuple[int, ...] = ()


@dataclass(frozen=True)
class Record:
    """One log record."""

    name: str
    severity: str
    time: int
    trace_id: str
    span_id: str
    scope: str
    attributes: Attributes


@dataclass
class Received:
    """Everything that has arrived, in order of arrival."""

    spans: list[Span] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def spans_in(message: ExportTraceServiceRequest) -> Iterator[Span]:
    """The spans of an export request."""
    for group in message.resource_spans:
        resource = attributes_of(group.resource.attributes)
        for scoped in group.scope_spans:
            for span in scoped.spans:
                yield Span(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    kind=SpanMessage.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    status=Status.StatusCode.Name(span.status.code)
                    .removeprefix("STATUS_CODE_")
                    .lower(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    scope=scoped.scope.name,
                    attributes=attributes_of(span.attributes),
                    resource=resource,
                )


def points_in(message: ExportMetricsServiceRequest) -> Iterator[Point]:
    """The sums, gauges and histograms of an export request."""
    for group in message.resource_metrics:
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                yield from _points_of(metric, scoped.scope.name)


def _points_of(metric: Metric, scope: str) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind not in ("sum", "gauge", "histogram"):
        return
    data = getattr(metric, kind)
    delta = kind != "gauge" and data.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA
    point: Any
    for point in data.data_points:
        yield Point(
            name=metric.name,
            unit=metric.unit,
            kind=kind,
            delta=delta,
            start=point.start_time_unix_nano,
            time=point.time_unix_nano,
            scope=scope,
            attributes=attributes_of(point.attributes),
            **(_of_histogram(point) if kind == "histogram" else _of_number(point)),
        )


def _of_number(point: NumberDataPoint) -> dict[str, Any]:
    kind = point.WhichOneof("value")
    return {"value": getattr(point, kind) if kind else 0}


def _of_histogram(point: HistogramDataPoint) -> dict[str, Any]:
    return {"value": point.sum, "count": point.count, "buckets": tuple(point.bucket_counts)}


def records_in(message: ExportLogsServiceRequest) -> Iterator[Record]:
    """The log records of an export request."""
    for group in message.resource_logs:
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                yield Record(
                    name=record.event_name,
                    severity=record.severity_text,
                    time=record.time_unix_nano,
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    scope=scoped.scope.name,
                    attributes=attributes_of(record.attributes),
                )
