"""What the checker finds where otel-claude goes beyond the conventions on purpose.

`EXPECTED` lists it for the default mode, which adds names of its own; strict mode has none of it.
A new attribute or metric of ours is one word here.
"""

from __future__ import annotations

from typing import Final

Keys = frozenset[tuple[str, str]]


def _keys(finding: str, contexts: str, prefix: str = "") -> Keys:
    return frozenset((finding, prefix + context) for context in contexts.split())


# Facts of Anthropic under the names of its SDK's own tracing, and ours.
_ATTRIBUTES: Final = _keys(
    "missing_attribute",
    """
    anthropic.beta anthropic.message.stop_reason anthropic.organization.id anthropic.request.id
    anthropic.response.service_tier anthropic.stop_details.category
    anthropic.thinking.budget_tokens anthropic.thinking.type
    claude.usage.inferences anthropic.usage.cache_creation.ephemeral_1h_input_tokens
    anthropic.usage.cache_creation.ephemeral_5m_input_tokens
    anthropic.usage.compaction.input_tokens anthropic.usage.compaction.output_tokens
    anthropic.usage.inference_geo anthropic.usage.server_tool_use.web_fetch_requests
    anthropic.usage.server_tool_use.web_search_requests anthropic.workspace.id
    claude.context.bucket claude.context.utilization claude.cost.basis claude.cost.bucket
    claude.cost.cache_read claude.cost.cache_write claude.cost.component claude.cost.free_reason
    claude.cost.incomplete claude.cost.input claude.cost.output claude.cost.price_book
    claude.cost.server_tools claude.cost.total claude.cost.uncached claude.error.category claude.finish_reason
    claude.outcome claude.ratelimit.kind claude.request.messages claude.request.tools
    claude.retried claude.retries claude.stream.events claude.tenant claude.time_to_first_event
    claude.token.type
    """,
)
# No convention has money yet; backends read this name.
_COST: Final = _keys("missing_attribute", "gen_ai.usage.cost")
# General conventions' names, which the GenAI span does not list.
_GENERAL: Final = _keys(
    "unexpected_attribute",
    """
    http.request.body.size http.request.resend_count http.response.status_code session.id user.id
    """,
    prefix="chat ",
)
_METRICS: Final = _keys(
    "missing_metric",
    """
    claude.client.active_requests claude.client.cost claude.client.cost.uncached
    claude.client.output_rate claude.client.ratelimit.limit claude.client.ratelimit.remaining
    claude.client.ratelimit.reset claude.client.requests claude.client.retries
    claude.client.tokens
    """,
)
# Some stores drop the field that holds an event's name.
_EVENTS: Final = _keys("deprecated", "event.name")
# Counting tokens is no operation of the conventions.
_COUNTING: Final = (
    _keys("genai_operation_name_unknown", "count_tokens")
    | _keys("undefined_enum_variant", "gen_ai.operation.name")
    | _keys("missing_attribute", "anthropic.message.count_tokens.input_tokens")
)
_OWN: Final = _ATTRIBUTES | _COST | _GENERAL | _METRICS | _EVENTS | _COUNTING


def _stream_label(client: str) -> Keys:
    """What splits latency is a label of the standard metrics that measure it."""
    names = f"{client}.duration {client}.time_to_first_chunk"
    return frozenset(
        ("unexpected_attribute", f"{name} gen_ai.request.stream") for name in names.split()
    )


# The cache's writes stand under both names, and each generation knows one of them.
_RELEASED: Final = _stream_label("gen_ai.client.operation")
_LATEST: Final = _stream_label("gen_ai.client.inference")
EXPECTED: Final = {
    "released": _OWN
    | _RELEASED
    | _keys("missing_attribute", "gen_ai.usage.cache_write.input_tokens"),
    "latest": _OWN | _LATEST | _keys("deprecated", "gen_ai.usage.cache_creation.input_tokens"),
    "both": _OWN | _RELEASED | _LATEST,
}

EVALUATIONS: Final = (
    _keys(
        "missing_metric",
        "claude.evaluation.score claude.evaluations claude.evaluations.low",
    )
    | _keys("missing_attribute", "claude.anomaly.kind claude.evaluation.baseline")
    | _keys("missing_event", "claude.anomaly")
    | _keys("unexpected_attribute", "user.id", prefix="gen_ai.evaluation.result ")
)
"""What evaluations and feedback add."""

# --- what the suite asks of calls that got no whole answer --------------------------------------

_NO_OUTPUT: Final = _keys("genai_expected_attribute_missing", "gen_ai.usage.output_tokens")
_NO_ANSWER: Final = _NO_OUTPUT | _keys(
    "genai_expected_attribute_missing",
    "gen_ai.response.id gen_ai.response.model gen_ai.usage.input_tokens",
)

ON_FAILED_CALLS: Final = {
    "bad_request": _NO_ANSWER,
    "overloaded": _NO_ANSWER,
    "lost_connection": _NO_ANSWER,
    # The start of the stream told who answers and how long the prompt is.
    "error_in_stream": _NO_OUTPUT,
    "truncated": _NO_OUTPUT,
    "abandoned": _NO_OUTPUT,
    "cancelled": _NO_OUTPUT,
}
"""By scenario."""

CANCELLED_WHILE_WAITING: Final = _NO_ANSWER

# --- what strict mode fills ----------------------------------------------------------------------

_ALWAYS: Final = """
    gen_ai.operation.name gen_ai.provider.name gen_ai.request.model gen_ai.request.max_tokens
    gen_ai.response.id gen_ai.response.model gen_ai.response.finish_reasons
    gen_ai.usage.input_tokens gen_ai.usage.output_tokens gen_ai.usage.cache_read.input_tokens
    server.address server.port
"""
_STREAM: Final = "gen_ai.request.stream gen_ai.response.time_to_first_chunk"
_WISHED: Final = """
    gen_ai.conversation.compacted gen_ai.conversation.id gen_ai.output.type gen_ai.prompt.name
    gen_ai.prompt.version gen_ai.request.reasoning.level gen_ai.request.temperature
    gen_ai.request.top_k gen_ai.request.top_p gen_ai.usage.reasoning.output_tokens
"""
CACHE_WRITES: Final = {
    "released": "gen_ai.usage.cache_creation.input_tokens",
    "latest": "gen_ai.usage.cache_write.input_tokens",
}
"""By generation; of `both`, strict mode writes one of the two."""

COVERAGE: Final = {
    "inference": frozenset(_ALWAYS.split()),
    "streaming": frozenset(_ALWAYS.split() + _STREAM.split()),
    "tool_calling": frozenset(_ALWAYS.split()),
    "automatic_tool_calling": frozenset(_ALWAYS.split()),
    "multimodal": frozenset(_ALWAYS.split()),
    "wishes": frozenset(_ALWAYS.split() + _WISHED.split()),
}
"""The attributes of the chat spans of a scenario, cache writes aside."""
