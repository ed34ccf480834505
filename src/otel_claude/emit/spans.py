"""The span of a call. Its attributes are tables: a new attribute is one row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from opentelemetry.context import get_current
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_tracer,
    set_span_in_context,
)

from otel_claude import __version__, semconv
from otel_claude._sources import at_home
from otel_claude.emit.bill import utilization
from otel_claude.pricing import Cost, Unpriced

if TYPE_CHECKING:
    from otel_claude._attribution import Attribution
    from otel_claude.call.batch import Tally
    from otel_claude.call.call import Call
    from otel_claude.emit.bill import Bill

_ERROR: Final = Status(StatusCode.ERROR)

FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}
"""The API's stop reasons in the conventions' words; others stay as they are."""

# Field of `Call.request` -> attribute, and how its value is written.
_REQUEST: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "top_k": (semconv.REQUEST_TOP_K, int),
    "effort": (semconv.REQUEST_REASONING_LEVEL, str),
    "output_type": (semconv.OUTPUT_TYPE, str),
    "service_tier": (semconv.REQUEST_SERVICE_TIER, str),
    "thinking_type": (semconv.THINKING_TYPE, str),
    "thinking_budget": (semconv.THINKING_BUDGET, int),
    "betas": (semconv.BETA, tuple),
    "messages": (semconv.REQUEST_MESSAGES, int),
    "tools": (semconv.REQUEST_TOOLS, int),
    "requests": (semconv.BATCH_REQUESTS, int),
}

Rows = tuple[tuple[str, str], ...]
Table = tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]


def first_attributes(call: Call) -> dict[str, Any]:
    """What is known of a call before it is sent."""
    endpoint = call.endpoint
    attributes: dict[str, Any] = {
        semconv.OPERATION_NAME: call.operation,
        semconv.PROVIDER_NAME: endpoint.provider,
    }
    if call.model is not None:
        attributes[semconv.REQUEST_MODEL] = call.model
    if endpoint.address is not None:
        attributes[semconv.SERVER_ADDRESS] = endpoint.address
        if endpoint.port is not None:
            attributes[semconv.SERVER_PORT] = endpoint.port
    return attributes


def finish_reason(call: Call) -> str | None:
    """Why the answer ended, in the conventions' words; `error` where the reason never came.

    A call without an outcome is about to complete: a span that is not ours is written just before.
    """
    if call.outcome not in ("completed", None):
        return "error"
    if call.stop_reason is None:
        return None
    return FINISH_REASONS.get(call.stop_reason, call.stop_reason)


# Attribute <- where it stands in a `Call`. None is written nowhere.
_CALL: Final[Rows] = (
    (semconv.RESPONSE_ID, "response_id"),
    (semconv.RESPONSE_MODEL, "response_model"),
    (semconv.STOP_REASON, "stop_reason"),
    (semconv.STOP_CATEGORY, "stop_category"),
    (semconv.HTTP_STATUS, "status"),
    (semconv.HTTP_BODY_SIZE, "body_size"),
    (semconv.CACHE_MISS_REASON, "cache_miss_reason"),
    (semconv.CACHE_MISSED_TOKENS, "cache_missed_tokens"),
    (semconv.COUNTED_INPUT_TOKENS, "counted_input_tokens"),
    (semconv.BATCH_ID, "batch_id"),
    (semconv.CONVERSATION_ID, "conversation_id"),
)

# The same, in its `Usage`.
_USAGE: Final[Rows] = (
    (semconv.RESPONSE_SERVICE_TIER, "service_tier"),
    (semconv.USAGE_REASONING, "thinking_tokens"),
    (semconv.USAGE_CACHE_5M, "ephemeral_5m_input_tokens"),
    (semconv.USAGE_CACHE_1H, "ephemeral_1h_input_tokens"),
    (semconv.USAGE_SPEED, "speed"),
    (semconv.USAGE_GEO, "inference_geo"),
    (semconv.USAGE_WEB_SEARCHES, "web_search_requests"),
    (semconv.USAGE_WEB_FETCHES, "web_fetch_requests"),
)

# The same, where the call is a stream.
_STREAM: Final[Rows] = (
    (semconv.RESPONSE_TIME_TO_FIRST_CHUNK, "time_to_first_token"),
    (semconv.TIME_TO_FIRST_EVENT, "time_to_first_event"),
    (semconv.STREAM_EVENTS, "events"),
)

_HEADERS: Final[Mapping[str, str]] = {
    "request-id": semconv.REQUEST_ID,
    "anthropic-organization-id": semconv.ORGANIZATION_ID,
    "anthropic-workspace-id": semconv.WORKSPACE_ID,
}

_COST: Final[Rows] = (
    (semconv.COST_TOTAL, "total_usd"),
    (semconv.COST_BASIS, "basis"),
    (semconv.COST_PRICE_BOOK, "price_book"),
    (semconv.COST_FREE_REASON, "free_reason"),
)

# Parts of the total, in the order of `COMPONENTS`: those of zero are left out.
_COST_PARTS: Final = (
    semconv.COST_INPUT,
    semconv.COST_OUTPUT,
    semconv.COST_CACHE_READ,
    semconv.COST_CACHE_WRITE,
    semconv.COST_SERVER_TOOLS,
)


def _table(rows: Rows) -> Table:
    """The names of rows, and what reads the values of all of them at once."""
    fields = [field for _, field in rows]
    # With one field alone it would return no tuple: the class comes last, and has no name.
    return tuple(name for name, _ in rows), attrgetter(*fields, "__class__")


_COST_TABLE: Final = _table(_COST)


def _add(attributes: dict[str, Any], table: Table, source: object) -> None:
    """Add what is known of a table's values."""
    names, read = table
    for name, value in zip(names, read(source), strict=False):
        if value is not None:
            attributes[name] = value  # noqa: PERF403 - a dict to copy from takes longer


class Spans:
    """Starts and ends the spans of calls.

    Args:
        tracer: where the spans come from.
        strict: write only attributes that the GenAI conventions declare.
        generation: of the conventions: released, latest or both.
    """

    def __init__(self, tracer: Tracer, *, strict: bool, generation: str) -> None:
        self._tracer = tracer
        self._tracers: WeakKeyDictionary[Any, Tracer] = WeakKeyDictionary()
        self._strict = strict
        self._registry = semconv.registry(generation)
        # Older backends read the older name, so outside strict mode there are both.
        self._cache_writes = tuple(
            name
            for name in (semconv.USAGE_CACHE_WRITE, semconv.USAGE_CACHE_CREATION)
            if not strict or name in self._registry
        )
        self._call_table = _table(self._allowed(_CALL))
        self._usage_table = _table(self._allowed(_USAGE))
        self._stream_table = _table(self._allowed(_STREAM))
        self._request_rows = {
            field: row for field, row in _REQUEST.items() if not strict or row[0] in self._registry
        }

    def _allowed(self, rows: Rows) -> Rows:
        if not self._strict:
            return rows
        return tuple(row for row in rows if row[0] in self._registry)

    def start(self, call: Call) -> None:
        """Start the span of a call, with what a sampler may want to see."""
        here = get_current()
        context = at_home(here) if here else here
        if context is not here:
            call.context = context
        if call.adopts or (self._strict and not call.is_inference):
            return
        tracer = self._tracer if call.tracer_provider is None else self._tracer_of(call)
        span = tracer.start_span(
            call.operation if call.model is None else f"{call.operation} {call.model}",
            context=here,
            kind=SpanKind.CLIENT,
            attributes=first_attributes(call),
            start_time=call.started_at,
        )
        trace_id, span_id, _, flags, state, valid = span.get_span_context()
        if not valid:
            return  # no SDK: whatever span is current stays so, and the SDK's own stands
        call.span = span
        call.context = set_span_in_context(span, context)
        # W3C trace context (https://www.w3.org/TR/trace-context/). Never baggage: it stays at home.
        call.headers = {"traceparent": f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}"}
        if state:
            call.headers["tracestate"] = state.to_header()

    def _tracer_of(self, call: Call) -> Tracer:
        """The tracer for a client that was given a provider of its own: from there."""
        provider = call.tracer_provider
        tracer = self._tracers.get(provider)
        if tracer is None:
            tracer = get_tracer(semconv.SCOPE, __version__, tracer_provider=provider)
            self._tracers[provider] = tracer
        return tracer

    def write(self, call: Call, bill: Bill) -> None:
        """Write everything that is known on the span of a call, ours or the SDK's."""
        span: Span | None = call.span
        if span is not None and span.is_recording():
            span.set_attributes(self.attributes(call, bill))
            if call.captured is not None:
                span.set_attributes(call.captured.on_span(strict=self._strict))
            if call.failure is not None and not call.adopts:
                span.set_status(_ERROR)

    def close(self, call: Call) -> None:
        """End the span of a call, unless it is the SDK's."""
        if call.span is not None and not call.adopts:
            ended = call.ended or call.started
            call.span.end(end_time=call.started_at + ended - call.started)

    def attributes(self, call: Call, bill: Bill) -> dict[str, Any]:
        """Everything that is known of a call that has ended, content aside."""
        attributes: dict[str, Any] = {}
        for field, value in call.request.items():
            row = self._request_rows.get(field)
            if row is not None:
                attributes[row[0]] = row[1](value)
        _add(attributes, self._call_table, call)
        if call.stream:
            attributes[semconv.REQUEST_STREAM] = True
            _add(attributes, self._stream_table, call)
        if call.is_inference and (reason := finish_reason(call)) is not None:
            attributes[semconv.RESPONSE_FINISH_REASONS] = (reason,)
        if call.failure is not None:
            attributes[semconv.ERROR_TYPE] = call.failure.type
        if call.compacted:
            attributes[semconv.CONVERSATION_COMPACTED] = True
        if call.usage.said:
            _add(attributes, self._usage_table, call.usage)
            self._add_tokens(attributes, bill)
        if call.attribution is not None:
            self._add_attribution(attributes, call.attribution)
        if not self._strict:
            _add_own(attributes, call, bill)
        return attributes

    def _add_tokens(self, attributes: dict[str, Any], bill: Bill) -> None:
        if bill.prompt_tokens is not None:
            attributes[semconv.USAGE_INPUT_TOKENS] = bill.prompt_tokens
        if bill.output_tokens is not None:
            attributes[semconv.USAGE_OUTPUT_TOKENS] = bill.output_tokens
        if bill.cache_read is not None:
            attributes[semconv.USAGE_CACHE_READ] = bill.cache_read
        if bill.cache_write is not None:
            for name in self._cache_writes:
                attributes[name] = bill.cache_write

    def _add_attribution(self, attributes: dict[str, Any], attribution: Attribution) -> None:
        for field, names in semconv.ATTRIBUTION.items():
            if (value := getattr(attribution, field)) is not None:
                for name in names:
                    if not self._strict or name in self._registry:
                        attributes[name] = value
        if not self._strict:
            for key, value in attribution.tags.items():
                attributes[semconv.TAG_PREFIX + key] = value


def _add_own(attributes: dict[str, Any], call: Call, bill: Bill) -> None:
    """What the conventions have no name for."""
    # A span that is not ours is written when its call is about to complete.
    attributes[semconv.OUTCOME] = call.outcome or "completed"
    headers = call.response_headers
    for header, name in _HEADERS.items():
        if (value := headers.get(header)) is not None:
            attributes[name] = value
    if retries := len(call.retried_errors):
        attributes[semconv.RETRIES] = retries
        attributes[semconv.HTTP_RESEND_COUNT] = retries
    if call.failure is not None:
        attributes[semconv.ERROR_CATEGORY] = call.failure.category
    if bill.context_bucket is not None:
        attributes[semconv.CONTEXT_BUCKET] = bill.context_bucket
        used = utilization(call)
        if used is not None:
            attributes[semconv.CONTEXT_UTILIZATION] = used
    if (inferences := bill.inferences) is not None:
        attributes[semconv.USAGE_INFERENCES] = json.dumps(inferences, separators=(",", ":"))
    if bill.compaction is not None:
        attributes[semconv.USAGE_COMPACTION_INPUT] = bill.compaction[0]
        attributes[semconv.USAGE_COMPACTION_OUTPUT] = bill.compaction[1]
    if call.tally is not None:
        _add_tally(attributes, call.tally)
    _add_cost(attributes, bill.cost)


def _add_cost(attributes: dict[str, Any], cost: Cost | Unpriced | None) -> None:
    if type(cost) is Cost:
        _add(attributes, _COST_TABLE, cost)
        attributes[semconv.USAGE_COST] = attributes[semconv.COST_TOTAL]
        for name, part in zip(_COST_PARTS, cost.components_usd, strict=True):
            if part:
                attributes[name] = part  # noqa: PERF403 - as above
        if cost.free_reason is None and (uncached := cost.uncached_usd) != cost.total_usd:
            attributes[semconv.COST_UNCACHED] = uncached
        if cost.incomplete:
            attributes[semconv.COST_INCOMPLETE] = cost.incomplete
    elif type(cost) is Unpriced:
        attributes[semconv.COST_UNAVAILABLE] = cost.reason


def _add_tally(attributes: dict[str, Any], tally: Tally) -> None:
    """What the results of a batch add up to; results that were counted before are left out."""
    attributes[semconv.BATCH_RESULTS] = tally.results
    attributes[semconv.BATCH_COUNTED] = tally.counted
    if tally.counted:
        attributes[semconv.USAGE_INPUT_TOKENS] = tally.input_tokens
        attributes[semconv.USAGE_OUTPUT_TOKENS] = tally.output_tokens
    if tally.counted > tally.unpriced:
        attributes[semconv.COST_TOTAL] = attributes[semconv.USAGE_COST] = float(tally.cost)
