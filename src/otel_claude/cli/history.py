"""A made-up past for the demo's dashboard: what one run did, done again over weeks.

Tokens, costs, errors and structure are those of the run; only ids, instants and speed are new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from math import cos, pi
from random import Random
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage, Status

from otel_claude import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from otel_claude.cli.received import Record, Span

_SECOND: Final = 1_000_000_000
_DAY: Final = 24 * 3600 * _SECOND
_BUSIEST: Final = 14  # o'clock, UTC
_WEEKEND: Final = 0.35  # of a working day's traffic
_SLOWNESS: Final = 0.18  # spread of the speed, of the logarithm
_TIMES: Final = {semconv.RESPONSE_TIME_TO_FIRST_CHUNK, semconv.TIME_TO_FIRST_EVENT}
_SESSION: Final = {semconv.SESSION_ID, semconv.CONVERSATION_ID}


@dataclass(frozen=True)
class Session:
    """What belongs together: a session, or a trace outside of one, and what was said of it."""

    spans: list[Span]
    records: list[Record]


def replay(
    spans: Sequence[Span],
    records: Sequence[Record] = (),
    *,
    days: float,
    a_day: float,
    until: int,
    seed: int = 0,
) -> Iterator[Session]:
    """Sessions and single traces of the days before an instant, oldest first.

    There are more by day than by night, and fewer on weekends.

    Args:
        spans: of the run; each session, and each trace outside of one, is taken equally often.
        records: of the run; evaluations follow their spans, the others are left out.
        days: how far back.
        a_day: how many begin on an ordinary working day.
        until: end, nanoseconds since the epoch.
        seed: the same makes the same past.
    """
    rng = Random(seed)  # noqa: S311 - must be reproducible
    done = _together(spans, records)
    at = until - int(days * _DAY)
    busiest = 2 * a_day  # a day, at its peak
    while done:
        # As a Poisson process whose rate changes: drawn at the highest rate, thinned to the present.
        at += int(rng.expovariate(busiest / _DAY))
        if at >= until:
            return
        if rng.random() < _busy(at):
            yield _again(rng.choice(done), at, rng)


def _together(spans: Sequence[Span], records: Sequence[Record]) -> list[Session]:
    """Spans of one trace, and traces of one session, belong together."""
    session_of = {
        span.trace_id: span.attributes[semconv.SESSION_ID]
        for span in spans
        if semconv.SESSION_ID in span.attributes
    }
    found: dict[str, Session] = {}
    for span in spans:
        key = session_of.get(span.trace_id, span.trace_id)
        found.setdefault(key, Session([], [])).spans.append(span)
    for record in records:
        key = session_of.get(record.trace_id, record.trace_id)
        if record.name == semconv.EVENT_EVALUATION and key in found:
            found[key].records.append(record)
    return list(found.values())


def _busy(at: int) -> float:
    """Traffic at an instant as a share of the highest."""
    moment = datetime.fromtimestamp(at / _SECOND, timezone.utc)
    hours = moment.hour + moment.minute / 60 - _BUSIEST
    by_day = 0.5 + 0.45 * cos(hours * pi / 12)
    return by_day * (_WEEKEND if moment.weekday() >= 5 else 1)


def _again(done: Session, at: int, rng: Random) -> Session:
    began = min(span.start for span in done.spans)
    slower = rng.lognormvariate(0, _SLOWNESS)
    traces = {span.trace_id: f"{rng.getrandbits(128):032x}" for span in done.spans}
    ids = {span.span_id: f"{rng.getrandbits(64):016x}" for span in done.spans}
    session = f"session-{rng.getrandbits(32):08x}"

    def moment(then: int) -> int:
        return at + int((then - began) * slower)

    def moved(span: Span) -> Span:
        attributes = dict(span.attributes)
        for name in _TIMES & attributes.keys():
            attributes[name] *= slower
        for name in _SESSION & attributes.keys():
            attributes[name] = session
        return replace(
            span,
            trace_id=traces[span.trace_id],
            span_id=ids[span.span_id],
            parent_id=ids.get(span.parent_id, ""),
            start=moment(span.start),
            end=moment(span.end),
            attributes=attributes,
        )

    records = [
        replace(
            record,
            trace_id=traces[record.trace_id],
            span_id=ids.get(record.span_id, ""),
            time=moment(record.time),
        )
        for record in done.records
    ]
    return Session([moved(span) for span in done.spans], records)


def messages(spans: Iterable[Span], size: int = 512) -> Iterator[ExportTraceServiceRequest]:
    """Spans as export requests of at most `size` spans of one process and scope each."""
    groups: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        key = (span.scope, str(span.resource))
        group = groups.setdefault(key, [])
        group.append(span)
        if len(group) == size:
            yield _message(groups.pop(key))
    for group in groups.values():
        yield _message(group)


def _message(spans: Sequence[Span]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(_pairs(spans[0].resource))
    scoped = group.scope_spans.add()
    scoped.scope.name = spans[0].scope
    for span in spans:
        scoped.spans.add(
            trace_id=bytes.fromhex(span.trace_id),
            span_id=bytes.fromhex(span.span_id),
            parent_span_id=bytes.fromhex(span.parent_id),
            name=span.name,
            kind=SpanMessage.SpanKind.Value(f"SPAN_KIND_{span.kind.upper()}"),
            status=Status(code=Status.StatusCode.Value(f"STATUS_CODE_{span.status.upper()}")),
            start_time_unix_nano=span.start,
            end_time_unix_nano=span.end,
            attributes=_pairs(span.attributes),
        )
    return request


def logs(
    records: Iterable[Record], resource: dict[str, Any], size: int = 512
) -> Iterator[ExportLogsServiceRequest]:
    """Records as export requests of at most `size`, all of one process."""
    waiting = list(records)
    for first in range(0, len(waiting), size):
        request = ExportLogsServiceRequest()
        group = request.resource_logs.add()
        group.resource.attributes.extend(_pairs(resource))
        scoped = group.scope_logs.add()
        for record in waiting[first : first + size]:
            scoped.scope.name = record.scope
            scoped.log_records.add(
                trace_id=bytes.fromhex(record.trace_id),
                span_id=bytes.fromhex(record.span_id),
                event_name=record.name,
                severity_text=record.severity,
                severity_number=SeverityNumber.Value(f"SEVERITY_NUMBER_{record.severity}"),
                time_unix_nano=record.time,
                observed_time_unix_nano=record.time,
                attributes=_pairs(record.attributes),
            )
        yield request


def _pairs(attributes: dict[str, Any]) -> Iterator[KeyValue]:
    for key, value in attributes.items():
        yield KeyValue(key=key, value=_value(value))


def _value(value: Any) -> AnyValue:
    """A value as `received.value_of` reads it."""
    found = AnyValue()
    if isinstance(value, bool):
        found.bool_value = value
    elif isinstance(value, int):
        found.int_value = value
    elif isinstance(value, float):
        found.double_value = value
    elif isinstance(value, list):
        found.array_value.values.extend(map(_value, value))
    else:
        found.string_value = str(value)
    return found
