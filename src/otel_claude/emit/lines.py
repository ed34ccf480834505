"""Log lines for people without a telemetry stack: one JSON line per call, and slow calls."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import format_trace_id

from otel_claude.pricing import Cost

if TYPE_CHECKING:
    from otel_claude.call import Call
    from otel_claude.emit.bill import Bill

calls = logging.getLogger("otel_claude.calls")


def _trace_id(call: Call) -> str | None:
    return None if call.span is None else format_trace_id(call.span.get_span_context().trace_id)


def line_of(call: Call, bill: Bill) -> dict[str, Any]:
    """The facts of a call as one flat mapping: no content, times in seconds, cost in USD."""
    attribution = call.attribution
    usage = call.usage
    began = datetime.fromtimestamp(call.started_at / 1e9, tz=timezone.utc)
    return {
        "time": began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": call.response_headers.get("request-id"),
        "operation": call.operation,
        "model": call.resolved_model,
        "user": attribution and attribution.user,
        "feature": attribution and attribution.feature,
        "input_tokens": bill.prompt_tokens,
        "output_tokens": bill.output_tokens,
        "cache_read_tokens": usage.cache_read_input_tokens,
        "cache_write_tokens": usage.cache_creation_input_tokens,
        "first_token_seconds": call.time_to_first_token,
        "duration_seconds": call.duration,
        "outcome": call.outcome,
        "status": call.status,
        "error_type": call.failure and call.failure.type,
        "retries": len(call.retried_errors),
        "cost_usd": bill.total,
        "cost_incomplete": list(bill.cost.incomplete) if type(bill.cost) is Cost else None,
        "trace_id": _trace_id(call),
    }


def write_line(call: Call, bill: Bill) -> None:
    """Log the line of a call at INFO on `otel_claude.calls`; what is unknown is left out."""
    if calls.isEnabledFor(logging.INFO):
        facts = {k: v for k, v in line_of(call, bill).items() if v is not None and v != []}
        calls.info("%s", json.dumps(facts, separators=(",", ":")))


def warn_if_slow(call: Call, limit: float) -> None:
    """Log one warning where a call took longer than `limit` seconds."""
    if call.duration > limit:
        calls.warning(
            "slow call: %s took %.3f s (limit %g s), outcome %s, trace %s",
            call.resolved_model,
            call.duration,
            limit,
            call.outcome,
            _trace_id(call) or "none",
        )
