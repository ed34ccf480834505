"""From OTLP messages to rows: one Arrow batch per table.

A receiver spends most of its time here, so attributes go straight into the places of a row, with
nothing between. What cannot be in a column (another type, a number that is below 0 or not finite,
too long) is kept with the other attributes, cut where it is too long; nothing of it is an error.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_claude import semconv
from otel_claude.local.columns import BY_ATTRIBUTE, CALLS, CONTENT, MONEY
from otel_claude.local.values import MOST, attributes_of, cut, dumped, rest_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_CONTENT: Final = 1024 * 1024
LARGEST: Final = 10**15
"""Of a count: sums of these never overflow."""
_LATEST: Final = 2**63 - 1  # nanoseconds

# Money travels as a double and is made a decimal where it is stored.
_TYPES: Final = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    MONEY: pa.float64(),
}
_TAGS: Final = pa.map_(pa.string(), pa.string())
_TEXT: Final = pa.string()
_NUMBER: Final = pa.int64()


def _schema(texts: str, numbers: str, doubles: str = "", booleans: str = "") -> pa.Schema:
    kinds = ((texts, _TEXT), (numbers, _NUMBER), (doubles, pa.float64()), (booleans, pa.bool_()))
    return pa.schema([(name, kind) for names, kind in kinds for name in names.split()])


SCHEMAS: Final = {
    "calls": pa.schema(
        [
            *((column.name, _TYPES[column.kind]) for column in CALLS),
            ("tags", _TAGS),
            ("attributes", _TEXT),
            ("resource", _TEXT),
        ]
    ),
    "spans": _schema(
        "trace_id span_id parent_id name kind status scope service attributes resource",
        "start_ns received_ns",
        "duration",
    ),
    "events": _schema(
        "event_id name severity trace_id span_id scope service body attributes",
        "time_ns received_ns",
    ),
    "evaluations": _schema(
        "event_id name label explanation error_type trace_id span_id response_id service "
        "attributes",
        "time_ns received_ns",
        "score",
    ),
    "budget_points": _schema(
        "point_id metric kind budget budget_scope budget_window unit series service attributes",
        "time_ns start_ns received_ns",
        "value",
        "delta",
    ),
}
"""Table -> the columns of its batches."""

_PLACES: Final = {column.name: place for place, column in enumerate(CALLS)}
_WIDTH: Final = len(CALLS) + 3
_TAGS_AT, _REST_AT, _RESOURCE_AT = len(CALLS), len(CALLS) + 1, len(CALLS) + 2


@dataclass(slots=True)
class Batch:
    """What one export request brings.

    Attributes:
        tables: table -> rows.
        size: bytes of the unpacked request, as a measure of the memory this takes.
        rejected: items that could not be taken, for the reason in `why`.
    """

    size: int
    tables: dict[str, pa.RecordBatch] = field(default_factory=dict)
    rejected: int = 0
    why: str = ""

    @property
    def items(self) -> int:
        """How many rows."""
        return sum(table.num_rows for table in self.tables.values())

    def refuse(self, why: str) -> None:
        """Count an item that cannot be taken."""
        self.rejected += 1
        self.why = why


def _batch(name: str, rows: list[Any]) -> pa.RecordBatch:
    schema = SCHEMAS[name]
    if rows and isinstance(rows[0], dict):
        rows = [[row.get(column) for column in schema.names] for row in rows]
    columns = zip(*rows, strict=True)
    return pa.record_batch(
        [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)],
        schema=schema,
    )


def _fill(batch: Batch, tables: dict[str, list[Any]]) -> Batch:
    batch.tables = {name: _batch(name, rows) for name, rows in tables.items() if rows}
    return batch


def events_made(rows: list[dict[str, Any]]) -> Batch:
    """Events that the server itself makes; each has the columns of its table by name."""
    return _fill(Batch(len(json.dumps(rows))), {"events": rows})


# --- spans -------------------------------------------------------------------------------------

_KINDS: Final = {
    number: name.removeprefix("SPAN_KIND_").lower() for name, number in Span.SpanKind.items()
}
_STATUSES: Final = {
    number: name.removeprefix("STATUS_CODE_").lower() for name, number in Status.StatusCode.items()
}
_FIELDS: Final = {
    "VARCHAR": "string_value",
    "BIGINT": "int_value",
    "DOUBLE": "double_value",
    "BOOLEAN": "bool_value",
    MONEY: "double_value",
}
# Attribute -> place in the row, field of the OTLP value.
_SLOTS: Final = {
    name: (_PLACES[column.name], _FIELDS[column.kind])
    for name, column in BY_ATTRIBUTE.items()
    if column.name not in CONTENT
}
_CONTENT_SLOTS: Final = {
    name: _PLACES[column.name] for name, column in BY_ATTRIBUTE.items() if column.name in CONTENT
}
_OPERATION, _OUTCOME = _PLACES["operation"], _PLACES["outcome"]
_CACHE_WRITE = _PLACES["cache_write_tokens"]
_LISTED: Final = _PLACES["cost_incomplete"]


@dataclass(slots=True)
class _Process:
    """What the spans of one resource have in common."""

    service: str | None
    environment: str | None
    run: str | None
    text: str

    @classmethod
    def of(cls, resource: Any) -> _Process:
        attributes = attributes_of(resource.attributes)

        def said(name: str) -> str | None:
            value = attributes.get(name)
            return value if isinstance(value, str) else None

        return cls(
            said(semconv.SERVICE_NAME),
            said(semconv.DEPLOYMENT_ENVIRONMENT),
            said(semconv.RUN_ID),
            rest_of(attributes),
        )


def spans_of(message: Any, size: int) -> Batch:
    """Calls and other spans of an export request."""
    batch = Batch(size)
    now = time.time_ns()
    calls: list[Any] = []
    others: list[Any] = []
    for group in message.resource_spans:
        process = _Process.of(group.resource)
        for scoped in group.scope_spans:
            scope = cut(scoped.scope.name, 256)
            for span in scoped.spans:
                if len(span.trace_id) != 16 or len(span.span_id) != 8:
                    batch.refuse("ids must have 16 and 8 bytes")
                elif not 0 < span.start_time_unix_nano <= _LATEST:
                    batch.refuse("a span must say when it started")
                elif (call := _call_of(span, scope, process, now)) is not None:
                    calls.append(call)
                else:
                    others.append(_other(span, scope, process, now))
    return _fill(batch, {"calls": calls, "spans": others})


def _call_of(span: Any, scope: str, process: _Process, now: int) -> list[Any] | None:
    """The row of a call; None for any other span.

    Calls are spans of this instrumentation, or of the SDK where it wrote on them (`adopt`).
    """
    if scope != semconv.SCOPE and all(pair.key != semconv.OUTCOME for pair in span.attributes):
        return None
    row: list[Any] = [None] * _WIDTH
    tags, rest = _spread(span.attributes, row)
    if row[_OPERATION] not in semconv.CALL_OPERATIONS:
        return None
    status = _STATUSES.get(span.status.code, "unset")
    if row[_OUTCOME] is None:  # strict mode
        row[_OUTCOME] = "failed" if status == "error" else "completed"
    start = span.start_time_unix_nano
    row[: len(_OWN)] = (
        start,
        now,
        max(0, span.end_time_unix_nano - start) / 1e9,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        cut(span.name, 512),
        _KINDS.get(span.kind, "unspecified"),
        status,
        scope,
        process.service,
        process.environment,
        process.run,
        row[_PLACES["request_model"]] or row[_PLACES["response_model"]],
    )
    row[_TAGS_AT] = tags
    row[_REST_AT] = rest_of(rest) if rest else "{}"
    row[_RESOURCE_AT] = process.text
    return row


_OWN: Final = tuple(column.name for column in CALLS if not column.attribute)


def _spread(pairs: Iterable[Any], row: list[Any]) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Put attributes into the places of a row; return tags, and those without a place."""
    tags: dict[str, str] = {}
    rest: dict[str, Any] = {}
    for pair in islice(pairs, MOST):
        key, value = pair.key, pair.value
        if (slot := _SLOTS.get(key)) is not None:
            kind = value.WhichOneof("value")
            place, wanted = slot
            if kind == "int_value" and (
                wanted == "int_value" or wanted == "double_value"  # noqa: PLR1714 - twice as fast
            ):
                number = value.int_value
                if 0 <= number <= LARGEST:
                    row[place] = number
                    continue
            elif kind == wanted:
                if kind == "string_value":
                    row[place] = cut(value.string_value)
                    continue
                found = getattr(value, kind)
                if kind != "double_value" or 0 <= found < math.inf:
                    row[place] = found
                    continue
            elif place == _LISTED and kind == "array_value":
                row[place] = cut(dumped(value_of(value)))
                continue
        elif (content := _CONTENT_SLOTS.get(key)) is not None:
            row[content] = _content(value)
            continue
        elif key.startswith(semconv.TAG_PREFIX):
            tags[cut(key[len(semconv.TAG_PREFIX) :], 256)] = _text(value)
            continue
        elif key == semconv.USAGE_CACHE_CREATION and row[_CACHE_WRITE] is None:
            row[_CACHE_WRITE] = min(max(value.int_value, 0), LARGEST)
        rest[cut(key, 256)] = value_of(value)
    return list(tags.items()), rest


def _content(value: Any) -> str:
    kind = value.WhichOneof("value")
    text = value.string_value if kind == "string_value" else dumped(value_of(value))
    return cut(text, _LONGEST_CONTENT)


def _text(value: Any) -> str:
    found = value_of(value)
    return found if isinstance(found, str) else dumped(found)


def _other(span: Any, scope: str, process: _Process, now: int) -> dict[str, Any]:
    start = span.start_time_unix_nano
    return {
        "start_ns": start,
        "received_ns": now,
        "duration": max(0, span.end_time_unix_nano - start) / 1e9,
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "name": cut(span.name, 512),
        "kind": _KINDS.get(span.kind, "unspecified"),
        "status": _STATUSES.get(span.status.code, "unset"),
        "scope": scope,
        "service": process.service,
        "attributes": rest_of(attributes_of(span.attributes)),
        "resource": process.text,
    }


# --- events ------------------------------------------------------------------------------------

OWN_EVENTS: Final = ("claude.", "gen_ai.")
"""How the names of events that are kept begin."""


def events_of(message: Any, size: int) -> Batch:
    """Events of Claude calls in an export request; other log records are passed over."""
    batch = Batch(size)
    now = time.time_ns()
    events: list[Any] = []
    evaluations: list[Any] = []
    for group in message.resource_logs:
        process = _Process.of(group.resource)
        for scoped in group.scope_logs:
            scope = cut(scoped.scope.name, 256)
            for record in scoped.log_records:
                attributes = attributes_of(record.attributes)
                name = record.event_name or attributes.pop(semconv.EVENT_NAME, None)
                attributes.pop(semconv.EVENT_NAME, None)
                if not isinstance(name, str) or not name.startswith(OWN_EVENTS):
                    continue
                at = record.time_unix_nano or record.observed_time_unix_nano
                if not 0 < at <= _LATEST:
                    batch.refuse("an event must say when it was")
                    continue
                common = {
                    "time_ns": at,
                    "received_ns": now,
                    "event_id": _digest(process.text, record.SerializeToString(deterministic=True)),
                    "trace_id": record.trace_id.hex() or None,
                    "span_id": record.span_id.hex() or None,
                    "service": process.service,
                }
                if name == semconv.EVENT_EVALUATION:
                    evaluations.append({**common, **_evaluation(attributes)})
                else:
                    events.append(
                        {
                            **common,
                            "name": cut(name, 256),
                            "severity": cut(record.severity_text, 64),
                            "scope": scope,
                            "body": _body(record),
                            "attributes": _whole(record, attributes),
                        }
                    )
    return _fill(batch, {"events": events, "evaluations": evaluations})


def _body(record: Any) -> str | None:
    if not record.HasField("body"):
        return None
    return cut(dumped(value_of(record.body)), _LONGEST_CONTENT)


def _whole(record: Any, attributes: dict[str, Any]) -> str:
    """Attributes of an event; content on it may be long."""
    content = {pair.key: pair.value for pair in record.attributes if pair.key in _CONTENT_SLOTS}
    for name in content:
        attributes.pop(name, None)
    text = rest_of(attributes)
    if not content:
        return text
    return dumped(
        {**json.loads(text), **{name: _parsed(_content(value)) for name, value in content.items()}}
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


EVALUATION_KEYS: Final = {
    semconv.EVALUATION_NAME: "name",
    semconv.EVALUATION_LABEL: "label",
    semconv.EVALUATION_EXPLANATION: "explanation",
    semconv.ERROR_TYPE: "error_type",
    semconv.RESPONSE_ID: "response_id",
}
"""Attribute of an evaluation that is a text -> its column."""


def _evaluation(attributes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute, name in EVALUATION_KEYS.items():
        value = attributes.pop(attribute, None)
        found[name] = value if isinstance(value, str) or value is None else dumped(value)
    score = attributes.pop(semconv.EVALUATION_SCORE, None)
    if isinstance(score, int | float) and not isinstance(score, bool):
        found["score"] = float(score)
    found["attributes"] = rest_of(attributes)
    return found


def _digest(*parts: str | bytes) -> str:
    found = blake2b(digest_size=12)
    for part in parts:
        found.update(part if isinstance(part, bytes) else part.encode("utf-8", "replace"))
        found.update(b"\0")
    return found.hexdigest()


# --- metrics -----------------------------------------------------------------------------------

BUDGET_KEYS: Final = {
    semconv.BUDGET_NAME: "budget",
    semconv.BUDGET_SCOPE: "budget_scope",
    semconv.BUDGET_WINDOW: "budget_window",
    semconv.BUDGET_UNIT: "unit",
}
"""Attribute of such a point -> its column."""


def budgets_of(message: Any, size: int) -> Batch:
    """Points of budgets in an export request; other metrics are passed over."""
    batch = Batch(size)
    now = time.time_ns()
    rows: list[Any] = []
    for group in message.resource_metrics:
        process = _Process.of(group.resource)
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                kind = metric.WhichOneof("data")
                if not metric.name.startswith(semconv.BUDGET_METRICS) or kind not in (
                    "gauge",
                    "sum",
                ):
                    continue
                delta = kind == "sum" and metric.sum.aggregation_temporality == _DELTA
                for point in getattr(metric, kind).data_points:
                    row = _point(metric.name, kind, point, process)
                    if row is None:
                        batch.refuse("a point needs a finite value and a time")
                    else:
                        rows.append({**row, "delta": delta, "received_ns": now})
    return _fill(batch, {"budget_points": rows})


_DELTA: Final = 1  # AGGREGATION_TEMPORALITY_DELTA


def _point(metric: str, kind: str, point: Any, process: _Process) -> dict[str, Any] | None:
    field = point.WhichOneof("value")
    value = float(getattr(point, field)) if field else math.nan
    times = point.time_unix_nano, point.start_time_unix_nano
    if not math.isfinite(value) or not 0 < times[0] <= _LATEST or times[1] > _LATEST:
        return None
    attributes = attributes_of(point.attributes)
    series = _digest(rest_of(dict(sorted(attributes.items()))), process.text)
    found = {
        column: None if (said := attributes.pop(name, None)) is None else str(said)
        for name, column in BUDGET_KEYS.items()
    }
    return {
        **found,
        "time_ns": times[0],
        "start_ns": times[1],
        "point_id": _digest(metric, series, repr(times)),
        "metric": cut(metric, 256),
        "kind": kind,
        "value": value,
        "series": series,
        "service": process.service,
        "attributes": rest_of(attributes),
    }


DECODERS: Final = {"traces": spans_of, "logs": events_of, "metrics": budgets_of}
"""Signal -> how its message becomes rows."""
