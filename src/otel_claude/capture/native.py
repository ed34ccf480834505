"""The SDK's own spans (1.14 and later), and the trace context that goes to the API.

One span per call. In mode `replace` the SDK's is dropped for the calls that we trace and ours takes
its place, also on the wire, so that Anthropic's server-side spans hang under the span that is
exported. In mode `adopt` the SDK's stands, and our attributes are written on it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import get_current_span, get_tracer_provider, set_span_in_context

if TYPE_CHECKING:
    from otel_claude.call.call import Call


def _options_of(client: Any) -> Mapping[str, Any]:
    """The resolved `open_telemetry` option of a client; empty where the SDK has none."""
    resolved = getattr(client, "_open_telemetry", None)
    return resolved if type(resolved) is dict or isinstance(resolved, Mapping) else {}


def traces(client: Any, options: Any) -> bool:
    """Whether the SDK makes its own span for this request."""
    return getattr(options, "span_name", None) is not None and makes_spans(client)


def makes_spans(client: Any) -> bool:
    """Whether the SDK makes spans that anybody sees, those of tool runners and their tools too."""
    return getattr(client, "_tracer", None) is not None and not _stands_in(client)


def _stands_in(client: Any) -> bool:
    """Whether a client's spans are nothing: no OpenTelemetry SDK is behind them."""
    provider = _options_of(client).get("tracer_provider") or get_tracer_provider()
    return type(provider).__name__ in ("ProxyTracerProvider", "NoOpTracerProvider")


def read_client(call: Call, client: Any) -> None:
    """Read what a client's `open_telemetry` option says about the spans of its calls."""
    said = _options_of(client)
    if said:
        get = said.get
        call.tracer_provider = get("tracer_provider")
        call.propagates = get("propagation", True) is not False
        conversation = get("conversation_id")
        call.conversation_id = conversation if isinstance(conversation, str) else None


def adopt(call: Call, span: Any) -> None:
    """Make the SDK's span the span of a call."""
    call.span = span
    call.context = set_span_in_context(span)


def without_span(options: Any) -> Any:
    """A copy of request options for which the SDK makes no span; the same where it makes none.

    Fields of the copy can be set freely: options given by the application stay as they are.
    """
    if getattr(options, "span_name", None) is None:
        return options
    replaced = copy.copy(options)
    replaced.span_name = None
    return replaced


def drop_idle_span(client: Any, options: Any) -> None:
    """Spare the SDK the preparation of a span that would be nothing.

    It reads the whole request for that span, even where no OpenTelemetry SDK is set up. Where a
    trace context came from elsewhere, such a span would pass it on, and stands.
    """
    if (
        getattr(options, "span_name", None) is not None
        and getattr(client, "_tracer", None) is not None
        and _stands_in(client)
        and not get_current_span().get_span_context().is_valid
    ):
        options.span_name = None  # these options were made for this one request, by the SDK


def with_span_of(call: Call, options: Any) -> Any:
    """Request options that carry our trace context in place of the SDK's span.

    The same options where we have nothing to put in its place: then the SDK's span stands.
    """
    if not call.headers:
        return options
    # Options with a span name were made by a method of the SDK, for this one request.
    if getattr(options, "span_name", None) is None:
        options = copy.copy(options)
    else:
        options.span_name = None
    if call.propagates:
        given, ours = options.headers, call.headers
        if not (type(given) is dict or isinstance(given, Mapping)):
            given = {}
        options.headers = {**{k: v for k, v in given.items() if k.lower() not in ours}, **ours}
    return options
