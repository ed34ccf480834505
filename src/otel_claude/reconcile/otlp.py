"""OTLP in JSON: the spans of calls in an export request, as the fields of a log line.

One request a line is what the file exporter of the OpenTelemetry Collector writes.
"""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from otel_claude import semconv
from otel_claude._otlp_json import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Field of a log line -> attribute of a span.
_FIELDS: Final[Mapping[str, str]] = {
    "request_id": semconv.REQUEST_ID,
    "operation": semconv.OPERATION_NAME,
    "provider": semconv.PROVIDER_NAME,
    "server_address": semconv.SERVER_ADDRESS,
    "workspace_id": semconv.WORKSPACE_ID,
    "input_tokens": semconv.USAGE_INPUT_TOKENS,
    "output_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "cache_read_tokens": semconv.USAGE_CACHE_READ,
    "cache_write_tokens": semconv.USAGE_CACHE_WRITE,
    "cache_write_1h_tokens": semconv.USAGE_CACHE_1H,
    "web_searches": semconv.USAGE_WEB_SEARCHES,
    "service_tier": semconv.RESPONSE_SERVICE_TIER,
    "speed": semconv.USAGE_SPEED,
    "inference_geo": semconv.USAGE_GEO,
    "outcome": semconv.OUTCOME,
    "status": semconv.HTTP_STATUS,
    "batch_counted": semconv.BATCH_COUNTED,
    "cost_usd": semconv.COST_TOTAL,
    "cost_input_usd": semconv.COST_INPUT,
    "cost_output_usd": semconv.COST_OUTPUT,
    "cost_cache_read_usd": semconv.COST_CACHE_READ,
    "cost_cache_write_usd": semconv.COST_CACHE_WRITE,
    "cost_server_tools_usd": semconv.COST_SERVER_TOOLS,
    "cost_basis": semconv.COST_BASIS,
    "cost_incomplete": semconv.COST_INCOMPLETE,
    "cost_free_reason": semconv.COST_FREE_REASON,
    "cost_unavailable": semconv.COST_UNAVAILABLE,
}


def calls(request: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The calls in an export request; None where it is no export request at all.

    Only spans of this instrumentation count, or spans of the SDK that it wrote on (`adopt`):
    Anthropic's server-side spans in the same trace would count calls twice.
    """
    groups = request.get("resourceSpans")
    if groups is None:
        return [] if "resourceMetrics" in request or "resourceLogs" in request else None
    return [
        fields_of(
            int(span.get("startTimeUnixNano", 0)),
            f"{span.get('traceId')}/{span.get('spanId')}",
            said,
        )
        for scope, span, said in _spans(groups)
        if scope == semconv.SCOPE or semconv.OUTCOME in said
    ]


def _spans(groups: Any) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for group in groups or ():
        for scoped in group.get("scopeSpans") or ():
            scope = (scoped.get("scope") or {}).get("name", "")
            for span in scoped.get("spans") or ():
                yield scope, span, attributes(span.get("attributes"))


def fields_of(start_ns: int, id_: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a log line.

    Args:
        start_ns: start of the span, nanoseconds since the epoch.
        id_: stands for the request id where the span has none.
        said: attributes of the span.
    """
    fields = {
        "time": datetime.fromtimestamp(start_ns / 1e9, tz=timezone.utc).isoformat(),
        "model": said.get(semconv.RESPONSE_MODEL) or said.get(semconv.REQUEST_MODEL),
        **{name: said[key] for name, key in _FIELDS.items() if key in said},
    }
    fields.setdefault("provider", "anthropic")
    fields.setdefault("request_id", id_)
    text = said.get(semconv.USAGE_INFERENCES)
    if isinstance(text, str):
        with contextlib.suppress(ValueError):  # cut by an attribute limit: the totals still stand
            fields["inferences"] = json.loads(text, parse_float=Decimal)
    return fields
