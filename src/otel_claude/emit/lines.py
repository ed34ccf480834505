"""Log lines for people without a telemetry stack: one JSON line per call, and slow calls."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import format_trace_id

from otel_claude.pricing import Cost, Unpriced
from otel_claude.pricing.result import COMPONENTS

if TYPE_CHECKING:
    from otel_claude.call.call import Call
    from otel_claude.emit.bill import Bill
    from otel_claude.settings import Settings

calls = logging.getLogger("otel_claude.calls")


def _trace_id(call: Call) -> str | None:
    return None if call.span is None else format_trace_id(call.span.get_span_context().trace_id)


def _instant(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line_of(call: Call, bill: Bill) -> dict[str, Any]:
    """The facts of a call as one flat mapping: no content, times in seconds, cost in USD."""
    attribution = call.attribution
    return {
        "time": _instant(call.started_at / 1e9),
        "request_id": call.response_headers.get("request-id"),
        "operation": call.operation,
        "provider": call.endpoint.provider,
        "server_address": call.endpoint.address,
        "workspace_id": call.response_headers.get("anthropic-workspace-id"),
        "batch_id": call.batch_id,
        "batch_created": None if call.batch_created is None else _instant(call.batch_created),
        "custom_id": call.custom_id,
        "model": call.resolved_model,
        "user": attribution and attribution.user,
        "feature": attribution and attribution.feature,
        **_usage_of(call, bill),
        "first_token_seconds": call.time_to_first_token,
        "duration_seconds": call.duration,
        "outcome": call.outcome,
        "status": call.status,
        "error_type": call.failure and call.failure.type,
        "retries": len(call.retried_errors),
        **_cost_of(bill.cost),
        "trace_id": _trace_id(call),
    }


def _usage_of(call: Call, bill: Bill) -> dict[str, Any]:
    usage = call.usage
    return {
        "input_tokens": bill.prompt_tokens,
        "output_tokens": bill.output_tokens,
        "cache_read_tokens": bill.cache_read,
        "cache_write_tokens": bill.cache_write,
        "cache_write_1h_tokens": usage.ephemeral_1h_input_tokens,
        "web_searches": usage.web_search_requests,
        "service_tier": usage.service_tier,
        "speed": usage.speed,
        "inference_geo": usage.inference_geo,
        "inferences": bill.inferences,
    }


def _cost_of(cost: Cost | Unpriced | None) -> dict[str, Any]:
    if type(cost) is Cost:
        return {
            "cost_usd": cost.total_usd,
            **{f"cost_{name}_usd": getattr(cost, f"{name}_usd") for name in COMPONENTS},
            "cost_basis": cost.basis,
            "price_book": cost.price_book,
            "cost_incomplete": list(cost.incomplete),
            "cost_free_reason": cost.free_reason,
        }
    return {"cost_unavailable": cost.reason} if type(cost) is Unpriced else {}


class Lines:
    """Writes the lines that the settings ask for."""

    def __init__(self, settings: Settings) -> None:
        self._every = settings.log_calls
        self._slow = settings.slow_call_seconds

    def write(self, call: Call, bill: Bill) -> None:
        """Log the lines about a call that has ended."""
        if self._every:
            write_line(call, bill)
        if self._slow is not None and call.whole is None:
            warn_if_slow(call, self._slow)


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
