"""What the tables of the collector's ClickHouse exporter mean: the columns of `schema.py`, from theirs.

The exporter keeps attributes as texts in maps, and what is not there as an empty text. Columns are
made nullable throughout, so that joins and sums of nothing are empty as everywhere else, whatever
the server's settings. What an exporter sent twice is there once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_claude import semconv
from otel_claude.local.columns import CALLS, MONEY, Column
from otel_claude.local.rows import BUDGET_KEYS, EVALUATION_KEYS, LARGEST, OWN_EVENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TRACES: Final = "otel_traces"
LOGS: Final = "otel_logs"
GAUGES: Final = "otel_metrics_gauge"
SUMS: Final = "otel_metrics_sum"

_FIRST: Final = 0
_LAST: Final = 4_102_444_800_000_000_000  # the year 2100: dates of ClickHouse end in 2149


@dataclass(frozen=True, slots=True)
class Table:
    """One of our tables.

    Attributes:
        base: the table of the exporter that it is read from.
        columns: its columns, in ClickHouse's SQL over `base`.
        condition: which rows of `base` belong to it.
        once: columns of `base` that are the same in what was sent twice.
        time: our column of the time.
        base_time: the column of `base` by whose days it is divided.
    """

    base: str
    columns: Mapping[str, str]
    condition: str
    once: str
    time: str
    base_time: str = "Timestamp"

    def lacks(self, there: Collection[str]) -> str:
        """What has to be added to `base` as it is, since older exporters did not make it."""
        missing = [name for name in _LATER.get(self.base, ()) if name not in there]
        return ", ".join(f"'' AS {name}" for name in missing)

    def where(self, column: str, comparison: str, value: str) -> str | None:
        """What a condition on one of our columns says of `base`, so that it reads no more than that.

        Args:
            column: ours.
            comparison: `=`, `>`, `>=`, `<` or `<=`.
            value: an expression in ClickHouse's SQL that is the same for all rows.
        """
        if column == self.time and comparison != "=":
            # Whole seconds on either side of it: some tables know no less.
            second = f"intDiv(least(greatest({value}, {_FIRST}), {_LAST}), 1000000000)"
            if comparison in (">", ">="):
                return f"{self.base_time} >= toDateTime({second}, 'UTC')"
            return f"{self.base_time} <= toDateTime({second} + 1, 'UTC')"
        if comparison == "=" and self.base_time == "Timestamp" and column in _IDS:
            return f"{_IDS[column]} = {value}"
        return None


_LATER: Final = {LOGS: ("EventName",)}
_IDS: Final = {"trace_id": "TraceId", "span_id": "SpanId"}


def text(value: str) -> str:
    """A text in ClickHouse's SQL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _said(attributes: str, name: str) -> str:
    """An attribute; NULL where there is none."""
    key = text(name)
    return f"if(mapContains({attributes}, {key}), {attributes}[{key}], NULL)"


def _count(attributes: str, name: str) -> str:
    number = f"toInt64OrNull({attributes}[{text(name)}])"
    return f"if({number} BETWEEN 0 AND {LARGEST}, {number}, NULL)"


def _double(attributes: str, name: str) -> str:
    number = f"toFloat64OrNull({attributes}[{text(name)}])"
    return f"if(isFinite({number}), {number}, NULL)"


def _money(attributes: str, name: str) -> str:
    # From the text, which is the shortest one of the double: no digit is lost on the way.
    exact = f"toDecimal128OrNull({attributes}[{text(name)}], 20)"
    return f"CAST(round({exact}, 12) AS Nullable(Decimal(38, 12)))"


def _boolean(attributes: str, name: str) -> str:
    said = _said(attributes, name)
    return f"CAST({said} = 'true' AS Nullable(Bool))"


_READERS: Final = {
    "VARCHAR": _said,
    "BIGINT": _count,
    "DOUBLE": _double,
    "BOOLEAN": _boolean,
    MONEY: _money,
}


def _document(attributes: str) -> str:
    """A map of texts as a JSON object; what was no text becomes again what it was."""
    value = "if(isValidJSON(v), v, toJSONString(v))"
    pairs = f"arrayMap((k, v) -> concat(toJSONString(k), ':', {value}), mapKeys(m), mapValues(m))"
    inner = pairs.replace("(m)", f"({attributes})")
    return f"concat('{{', arrayStringConcat({inner}, ','), '}}')"


def _without(attributes: str, names: Collection[str], prefix: str = "") -> str:
    listed = ", ".join(map(text, sorted(names)))
    kept = f"k NOT IN ({listed})"
    if prefix:
        kept += f" AND NOT startsWith(k, {text(prefix)})"
    return f"mapFilter((k, v) -> {kept}, {attributes})"


def _nanoseconds(column: str) -> str:
    return f"toUnixTimestamp64Nano(toDateTime64({column}, 9))"


_NOTHING: Final = "CAST(NULL AS Nullable(Int64))"  # it is not known when something was stored
_SPAN: Final[Mapping[str, str]] = {
    "start_ns": _nanoseconds("Timestamp"),
    "received_ns": _NOTHING,
    # A span that ended before it began has a length beyond all numbers there.
    "duration": "greatest(toInt64(Duration), 0) / 1e9",
    "trace_id": "TraceId",
    "span_id": "SpanId",
    "parent_id": "ParentSpanId",
    "name": "SpanName",
    "kind": "lower(SpanKind)",
    "status": "lower(StatusCode)",
    "scope": "ScopeName",
    "service": "nullIf(ServiceName, '')",
}
_ATTRIBUTES: Final = "SpanAttributes"
_IS_CALL: Final = (
    f"((ScopeName = {text(semconv.SCOPE)} OR mapContains(SpanAttributes, {text(semconv.OUTCOME)})) "
    f"AND SpanAttributes[{text(semconv.OPERATION_NAME)}] IN "
    f"({', '.join(map(text, semconv.CALL_OPERATIONS))}))"
)
_RESOURCE: Final = _document("ResourceAttributes")


def _nullable(columns: Mapping[str, str]) -> dict[str, str]:
    return {name: f"toNullable({made})" for name, made in columns.items()}


def _call_column(column: Column) -> str:
    if column.attribute:
        return _READERS[column.kind](_ATTRIBUTES, column.attribute)
    return _SPAN[column.name]


def _calls() -> dict[str, str]:
    attributes = {column.attribute for column in CALLS if column.attribute}
    own = {
        "environment": _said("ResourceAttributes", semconv.DEPLOYMENT_ENVIRONMENT),
        "run": _said("ResourceAttributes", semconv.RUN_ID),
        "model": f"coalesce({_said(_ATTRIBUTES, semconv.REQUEST_MODEL)}, "
        f"{_said(_ATTRIBUTES, semconv.RESPONSE_MODEL)})",
        # In strict mode there is one of the two names, and no outcome.
        "outcome": f"coalesce({_said(_ATTRIBUTES, semconv.OUTCOME)}, "
        "if(StatusCode = 'Error', 'failed', 'completed'))",
        "cache_write_tokens": f"coalesce({_count(_ATTRIBUTES, semconv.USAGE_CACHE_WRITE)}, "
        f"{_count(_ATTRIBUTES, semconv.USAGE_CACHE_CREATION)})",
    }
    columns = {c.name: own[c.name] if c.name in own else _call_column(c) for c in CALLS}
    rest = _without(_ATTRIBUTES, attributes, semconv.TAG_PREFIX)
    prefix = text(semconv.TAG_PREFIX)
    tags = f"mapFilter((k, v) -> startsWith(k, {prefix}), SpanAttributes)"
    key = f"substring(k, {len(semconv.TAG_PREFIX) + 1})"
    return {
        **_nullable(columns),
        "tags": f"CAST(mapApply((k, v) -> ({key}, v), {tags}) AS Map(String, String))",
        **_nullable({"attributes": _document(rest), "resource": _RESOURCE}),
    }


_LOG: Final = "LogAttributes"
_EVENT: Final = f"LogAttributes[{text(semconv.EVENT_NAME)}]"
_EVENT_NAME: Final = f"if(EventName = '', {_EVENT}, EventName)"
_EVENT_ID: Final = (
    "hex(sipHash128(Timestamp, TraceId, SpanId, EventName, Body, "
    "toString(LogAttributes), toString(ResourceAttributes)))"
)
_OURS: Final = " OR ".join(f"startsWith({_EVENT_NAME}, {text(prefix)})" for prefix in OWN_EVENTS)
_VERDICT: Final = f"{_EVENT_NAME} = {text(semconv.EVENT_EVALUATION)}"
_OCCURRED: Final = {
    "time_ns": _nanoseconds("Timestamp"),
    "received_ns": _NOTHING,
    "event_id": _EVENT_ID,
    "trace_id": "nullIf(TraceId, '')",
    "span_id": "nullIf(SpanId, '')",
    "service": "nullIf(ServiceName, '')",
}
_SAME_EVENT: Final = (
    "Timestamp, TraceId, SpanId, EventName, Body, toString(LogAttributes), "
    "toString(ResourceAttributes)"
)


def _evaluations() -> dict[str, str]:
    names = {*EVALUATION_KEYS, semconv.EVALUATION_SCORE, semconv.EVENT_NAME}
    return {
        **_OCCURRED,
        **{column: _said(_LOG, name) for name, column in EVALUATION_KEYS.items()},
        "score": _double(_LOG, semconv.EVALUATION_SCORE),
        "attributes": _document(_without(_LOG, names)),
    }


def _points(delta: str) -> dict[str, str]:
    return {
        "time_ns": _nanoseconds("TimeUnix"),
        "start_ns": _nanoseconds("StartTimeUnix"),
        "received_ns": _NOTHING,
        "point_id": "hex(sipHash128(MetricName, TimeUnix, StartTimeUnix, toString(Attributes), "
        "toString(ResourceAttributes)))",
        "metric": "MetricName",
        "delta": delta,
        "value": "Value",
        **{column: _said("Attributes", name) for name, column in BUDGET_KEYS.items()},
        "series": "hex(sipHash128(toString(Attributes), toString(ResourceAttributes)))",
        "service": "nullIf(ServiceName, '')",
        "attributes": _document(_without("Attributes", BUDGET_KEYS)),
    }


def _budget_table(base: str, kind: str, delta: str) -> Table:
    return Table(
        base,
        _nullable({**_points(delta), "kind": text(kind)}),
        f"startsWith(MetricName, {text(semconv.BUDGET_METRICS)})",
        "MetricName, TimeUnix, StartTimeUnix, toString(Attributes), toString(ResourceAttributes)",
        "time_ns",
        "TimeUnix",
    )


_ONE_SPAN: Final = "TraceId, SpanId"
_REST: Final = {"attributes": _document(_ATTRIBUTES), "resource": _RESOURCE}

TABLES: Final[Mapping[str, tuple[Table, ...]]] = {
    "calls": (Table(TRACES, _calls(), _IS_CALL, _ONE_SPAN, "start_ns"),),
    "spans": (
        Table(TRACES, _nullable({**_SPAN, **_REST}), f"NOT {_IS_CALL}", _ONE_SPAN, "start_ns"),
    ),
    "events": (
        Table(
            LOGS,
            _nullable(
                {
                    **_OCCURRED,
                    "name": _EVENT_NAME,
                    "severity": "SeverityText",
                    "scope": "ScopeName",
                    "body": "nullIf(Body, '')",
                    "attributes": _document(_without(_LOG, (semconv.EVENT_NAME,))),
                }
            ),
            f"({_OURS}) AND NOT {_VERDICT}",
            _SAME_EVENT,
            "time_ns",
        ),
    ),
    "evaluations": (Table(LOGS, _nullable(_evaluations()), _VERDICT, _SAME_EVENT, "time_ns"),),
    "budget_points": (
        _budget_table(GAUGES, "gauge", "false"),
        _budget_table(SUMS, "sum", "CAST(AggregationTemporality = 1 AS Bool)"),
    ),
}
"""Table of ours -> what it is read from, one after the other."""
