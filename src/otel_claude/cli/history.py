"""A made-up past for the demo's dashboard: what one run did, done again over weeks.

Tokens, costs, errors and structure are those of the run; only ids, instants and speed are new.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from math import cos, pi
from random import Random
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage, Status

from otel_claude import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from otel_claude.cli.received import Span

_SECOND: Final = 1_000_000_000
_DAY: Final = 24 * 3600 * _SECOND
_BUSIEST: Final = 14  # o'clock, UTC
_WEEKEND: Final = 0.35  # of a working day's traffic
_SLOWNESS: Final = 0.18  # spread of the speed, of the logarithm
_TIMES: Final = {semconv.RESPONSE_TIME_TO_FIRST_CHUNK, semconv.TIME_TO_FIRST_EVENT}
_SESSION: Final = {semconv.SESSION_ID, semconv.CONVERSATION_ID}


def replay(
    spans: Sequence[Span], *, days: float, a_day: float, until: int, seed: int = 0
) -> Iterator[list[Span]]:
    """Sessions and single traces of the days before an instant, oldest first.

    There are more by day than by night, and fewer on weekends.

    Args:
        spans: of the run; each session, and each trace outside of one, is taken equally often.
        days: how far back.
        a_day: how many begin on an ordinary working day.
        until: end, nanoseconds since the epoch.
        seed: the same makes the same past.
    """
    rng = Random(seed)  # noqa: S311 - must be reproducible
    done = _together(spans)
    at = until - int(days * _DAY)
    busiest = 2 * a_day  # a day, at its peak
    while done:
        # As a Poisson process whose rate changes: drawn at the highest rate, thinned to the present.
        at += int(rng.expovariate(busiest / _DAY))
        if at >= until:
            return
        if rng.random() < _busy(at):
            yield _again(rng.choice(done), at, rng)


def _together(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans of one trace, and traces of one session, belong together."""
    session_of = {
        span.trace_id: span.attributes[semconv.SESSION_ID]
        for span in spans
        if semconv.SESSION_ID in span.attributes
    }
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(session_of.get(span.trace_id, span.trace_id), []).append(span)
    return list(found.values())


def _busy(at: int) -> float:
    """Traffic at an instant as a share of the highest."""
    moment = datetime.fromtimestamp(at / _SECOND, timezone.utc)
    hours = moment.hour + moment.minute / 60 - _BUSIEST
    by_day = 0.5 + 0.45 * cos(hours * pi / 12)
    return by_day * (_WEEKEND if moment.weekday() >= 5 else 1)


def _again(done: list[Span], at: int, rng: Random) -> list[Span]:
    began = min(span.start for span in done)
    slower = rng.lognormvariate(0, _SLOWNESS)
    traces = {span.trace_id: f"{rng.getrandbits(128):032x}" for span in done}
    ids = {span.span_id: f"{rng.getrandbits(64):016x}" for span in done}
    session = f"session-{rng.getrandbits(32):08x}"

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
            start=at + int((span.start - began) * slower),
            end=at + int((span.end - began) * slower),
            attributes=attributes,
        )

    return [moved(span) for span in done]


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
