"""What the collector's ClickHouse exporter does with OTLP: its tables, and its rows.

It speaks ClickHouse's native protocol, which chDB does not have; so its work is done again here, by
`exporter_traces.go`, `exporter_logs.go` and `internal/metrics` of the version in `builder.yaml`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
_MAP: Final = "Map(LowCardinality(String), String)"
_TIME: Final = "DateTime64(9)"
_WORD: Final = "LowCardinality(String)"
_SCOPE: Final = {
    "ResourceAttributes": _MAP,
    "ResourceSchemaUrl": "String",
    "ScopeName": "String",
    "ScopeVersion": "String",
    "ScopeAttributes": _MAP,
    "ScopeDroppedAttrCount": "UInt32",
    "ScopeSchemaUrl": "String",
    "ServiceName": _WORD,
}
_METRIC: Final = {
    **_SCOPE,
    "MetricName": _WORD,
    "MetricDescription": "String",
    "MetricUnit": "String",
    "Attributes": _MAP,
    "StartTimeUnix": "DateTime",
    "TimeUnix": "DateTime",
    "Value": "Float64",
    "Flags": "UInt32",
}

TABLES: Final = {
    "otel_traces": {
        "Timestamp": _TIME,
        "TraceId": "String",
        "SpanId": "String",
        "ParentSpanId": "String",
        "TraceState": "String",
        "SpanName": _WORD,
        "SpanKind": _WORD,
        "ServiceName": _WORD,
        "ResourceAttributes": _MAP,
        "ScopeName": "String",
        "ScopeVersion": "String",
        "SpanAttributes": _MAP,
        "Duration": "UInt64",
        "StatusCode": _WORD,
        "StatusMessage": "String",
    },
    "otel_logs": {
        "Timestamp": _TIME,
        "TraceId": "String",
        "SpanId": "String",
        "TraceFlags": "UInt8",
        "SeverityText": _WORD,
        "SeverityNumber": "UInt8",
        "ServiceName": _WORD,
        "Body": "String",
        "ResourceSchemaUrl": _WORD,
        "ResourceAttributes": _MAP,
        "ScopeSchemaUrl": _WORD,
        "ScopeName": "String",
        "ScopeVersion": _WORD,
        "ScopeAttributes": _MAP,
        "LogAttributes": _MAP,
        "EventName": "String",
    },
    "otel_metrics_gauge": _METRIC,
    "otel_metrics_sum": {**_METRIC, "AggregationTemporality": "Int32", "IsMonotonic": "Boolean"},
}
"""Table -> its columns and their types; events, links and exemplars (nested) are left out."""

_METRIC_ORDER: Final = (
    "(ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)"
)
ORDER: Final = {
    "otel_traces": "(ServiceName, SpanName, toDateTime(Timestamp))",
    "otel_logs": "(toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)",
    "otel_metrics_gauge": _METRIC_ORDER,
    "otel_metrics_sum": _METRIC_ORDER,
}
PARTITION: Final = {"otel_traces": "toDate(Timestamp)", "otel_logs": "toDate(Timestamp)",
                    "otel_metrics_gauge": "toDate(TimeUnix)",
                    "otel_metrics_sum": "toDate(TimeUnix)"}  # fmt: skip
_INDEXES: Final = {
    "otel_traces": "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
    "otel_logs": "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
}


def create(table: str) -> str:
    """The statement that makes a table."""
    columns = [f"`{name}` {kind}" for name, kind in TABLES[table].items()]
    if index := _INDEXES.get(table):
        columns.append(index)
    return (
        f"CREATE TABLE {table} ({', '.join(columns)}) ENGINE = MergeTree "
        f"PARTITION BY {PARTITION[table]} ORDER BY {ORDER[table]} "
        "SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"
    )


_TEMPLATES: Final = {
    "otel_traces": "traces_table.sql",
    "otel_logs": "logs_table.sql",
    "otel_metrics_gauge": "metrics_gauge_table.sql",
    "otel_metrics_sum": "metrics_sum_table.sql",
}


def templates(cache: str, module: str) -> dict[str, str] | None:
    """The statements in the exporter's own source; None where that is not there."""
    folder = Path(cache) / module / "internal" / "sqltemplates"
    if not cache or not folder.is_dir():
        return None
    return {
        table: (folder / name).read_text(encoding="utf-8") for table, name in _TEMPLATES.items()
    }


def rows(signal: str, message: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and row of all that an export request brings."""
    yield from _READERS[signal](message)


def _traces(message: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in message.resource_spans:
        resource = _texts(group.resource.attributes)
        for scoped in group.scope_spans:
            for span in scoped.spans:
                length = span.end_time_unix_nano - span.start_time_unix_nano
                yield (
                    "otel_traces",
                    {
                        "Timestamp": _instant(span.start_time_unix_nano),
                        "TraceId": span.trace_id.hex(),
                        "SpanId": span.span_id.hex(),
                        "ParentSpanId": span.parent_span_id.hex(),
                        "TraceState": span.trace_state,
                        "SpanName": span.name,
                        "SpanKind": _KINDS[span.kind],
                        "ServiceName": resource.get("service.name", ""),
                        "ResourceAttributes": resource,
                        "ScopeName": scoped.scope.name,
                        "ScopeVersion": scoped.scope.version,
                        "SpanAttributes": _texts(span.attributes),
                        "Duration": length % 2**64,
                        "StatusCode": _STATUSES[span.status.code],
                        "StatusMessage": span.status.message,
                    },
                )


_KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUSES: Final = ("Unset", "Ok", "Error")


def _logs(message: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in message.resource_logs:
        resource = _texts(group.resource.attributes)
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                at = record.time_unix_nano or record.observed_time_unix_nano
                yield (
                    "otel_logs",
                    {
                        "Timestamp": _instant(at),
                        "TraceId": record.trace_id.hex(),
                        "SpanId": record.span_id.hex(),
                        "SeverityText": record.severity_text,
                        "SeverityNumber": record.severity_number,
                        "ServiceName": resource.get("service.name", ""),
                        "Body": _text(record.body),
                        "ResourceAttributes": resource,
                        "ScopeName": scoped.scope.name,
                        "ScopeVersion": scoped.scope.version,
                        "LogAttributes": _texts(record.attributes),
                        "EventName": record.event_name,
                    },
                )


def _metrics(message: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in message.resource_metrics:
        resource = _texts(group.resource.attributes)
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                kind = metric.WhichOneof("data")
                if kind not in ("gauge", "sum"):
                    continue
                more = {}
                if kind == "sum":
                    more["AggregationTemporality"] = metric.sum.aggregation_temporality
                    more["IsMonotonic"] = metric.sum.is_monotonic
                for point in getattr(metric, kind).data_points:
                    yield (
                        f"otel_metrics_{kind}",
                        {
                            "ResourceAttributes": resource,
                            "ServiceName": resource.get("service.name", ""),
                            "ScopeName": scoped.scope.name,
                            "MetricName": metric.name,
                            "MetricUnit": metric.unit,
                            "Attributes": _texts(point.attributes),
                            "StartTimeUnix": point.start_time_unix_nano // 10**9,
                            "TimeUnix": point.time_unix_nano // 10**9,
                            "Value": float(
                                getattr(point, point.WhichOneof("value") or "as_double")
                            ),
                            **more,
                        },
                    )


_READERS: Final = {"traces": _traces, "logs": _logs, "metrics": _metrics}


def _instant(nanoseconds: int) -> str:
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}"


def _texts(pairs: Iterable[Any]) -> dict[str, str]:
    return {pair.key: _text(pair.value) for pair in pairs}


def _text(value: Any) -> str:
    """A value as `pcommon.Value.AsString` writes it."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    if kind == "string_value":
        return str(value.string_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "double_value":
        return number(value.double_value)
    if kind in ("array_value", "kvlist_value"):
        return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)
    return str(getattr(value, kind))


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)


def number(value: float) -> str:
    """A double as `float64AsString` writes it: shortest, with an exponent beyond 1e-6 and 1e21."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    digits, _, exponent = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent):+d}"
