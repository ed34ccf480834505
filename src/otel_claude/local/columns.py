"""The columns of a stored call: one table, from which schema, ingest, span page and docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from otel_claude import semconv

Kind = Literal["VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "DECIMAL(18,12)"]

MONEY: Final[Kind] = "DECIMAL(18,12)"
"""USD. Sums of decimals are exact in any order; twelve places hold a token of any listed price."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table `calls`.

    Attributes:
        name: its name in SQL and in the REST API.
        kind: its type in SQL.
        note: what it holds, with the unit.
        attribute: the attribute of the span that it is read from; empty where it is computed.
    """

    name: str
    kind: Kind
    note: str
    attribute: str = ""


_OWN: Final = (
    Column("start_ns", "BIGINT", "start of the call, nanoseconds since the epoch"),
    Column("received_ns", "BIGINT", "when it was stored, nanoseconds since the epoch"),
    Column("duration", "DOUBLE", "seconds, retries and reading of the stream included"),
    Column("trace_id", "VARCHAR", "32 hexadecimal digits"),
    Column("span_id", "VARCHAR", "16 hexadecimal digits"),
    Column("parent_id", "VARCHAR", "span above; empty for a root"),
    Column("name", "VARCHAR", "name of the span"),
    Column("kind", "VARCHAR", "client, internal, ..."),
    Column("status", "VARCHAR", "unset, ok, error"),
    Column("scope", "VARCHAR", "instrumentation scope"),
    Column("service", "VARCHAR", "service.name of the resource"),
    Column("environment", "VARCHAR", "deployment.environment.name of the resource"),
    Column("run", "VARCHAR", "claude.run.id of the resource: one `otel-claude run`"),
    Column("model", "VARCHAR", "model asked for; where that is not said, the one that answered"),
)

_READ: Final = (
    Column(
        "operation", "VARCHAR", "chat, text_completion, batch, count_tokens", semconv.OPERATION_NAME
    ),
    Column("provider", "VARCHAR", "anthropic, aws.bedrock, gcp.vertex_ai", semconv.PROVIDER_NAME),
    Column("request_model", "VARCHAR", "model asked for", semconv.REQUEST_MODEL),
    Column("response_model", "VARCHAR", "model that answered", semconv.RESPONSE_MODEL),
    Column("response_id", "VARCHAR", "message id", semconv.RESPONSE_ID),
    Column("request_id", "VARCHAR", "the API's request id", semconv.REQUEST_ID),
    Column("organization", "VARCHAR", "organization that is billed", semconv.ORGANIZATION_ID),
    Column("workspace", "VARCHAR", "workspace that is billed", semconv.WORKSPACE_ID),
    Column("stream", "BOOLEAN", "whether the answer was streamed", semconv.REQUEST_STREAM),
    Column("max_tokens", "BIGINT", "output limit asked for, tokens", semconv.REQUEST_MAX_TOKENS),
    Column("service_tier", "VARCHAR", "standard, priority, batch", semconv.RESPONSE_SERVICE_TIER),
    Column("speed", "VARCHAR", "fast where fast mode served", semconv.USAGE_SPEED),
    Column("inference_geo", "VARCHAR", "region of inference", semconv.USAGE_GEO),
    Column(
        "outcome",
        "VARCHAR",
        "completed, failed, cancelled, abandoned, truncated, rejected",
        semconv.OUTCOME,
    ),
    Column("error_type", "VARCHAR", "the API's error type", semconv.ERROR_TYPE),
    Column(
        "error_category", "VARCHAR", "rate_limit, overloaded, timeout, ...", semconv.ERROR_CATEGORY
    ),
    Column("http_status", "BIGINT", "status of the last attempt", semconv.HTTP_STATUS),
    Column("retries", "BIGINT", "failed attempts that were repeated", semconv.RETRIES),
    Column("stop_reason", "VARCHAR", "as the API says it", semconv.STOP_REASON),
    Column("stop_category", "VARCHAR", "category of a refusal", semconv.STOP_CATEGORY),
    Column(
        "first_token",
        "DOUBLE",
        "seconds to the first content of a stream",
        semconv.RESPONSE_TIME_TO_FIRST_CHUNK,
    ),
    Column(
        "first_event",
        "DOUBLE",
        "seconds to the first event of a stream",
        semconv.TIME_TO_FIRST_EVENT,
    ),
    Column(
        "input_tokens",
        "BIGINT",
        "whole prompt, cache reads and writes included",
        semconv.USAGE_INPUT_TOKENS,
    ),
    Column("output_tokens", "BIGINT", "output, thinking included", semconv.USAGE_OUTPUT_TOKENS),
    Column(
        "cache_read_tokens",
        "BIGINT",
        "part of the prompt read from the cache",
        semconv.USAGE_CACHE_READ,
    ),
    Column(
        "cache_write_tokens",
        "BIGINT",
        "part of the prompt written to the cache",
        semconv.USAGE_CACHE_WRITE,
    ),
    Column(
        "cache_write_5m_tokens", "BIGINT", "of those, to live 5 minutes", semconv.USAGE_CACHE_5M
    ),
    Column("cache_write_1h_tokens", "BIGINT", "of those, to live 1 hour", semconv.USAGE_CACHE_1H),
    Column("thinking_tokens", "BIGINT", "part of the output", semconv.USAGE_REASONING),
    Column(
        "cache_miss_reason", "VARCHAR", "why the prompt cache missed", semconv.CACHE_MISS_REASON
    ),
    Column(
        "cache_missed_tokens", "BIGINT", "tokens a hit would have read", semconv.CACHE_MISSED_TOKENS
    ),
    Column("web_searches", "BIGINT", "web searches run by the server", semconv.USAGE_WEB_SEARCHES),
    Column(
        "context_bucket",
        "VARCHAR",
        "prompt size: small, medium, large, xlarge",
        semconv.CONTEXT_BUCKET,
    ),
    Column(
        "context_utilization",
        "DOUBLE",
        "prompt over the model's window, 0 to 1",
        semconv.CONTEXT_UTILIZATION,
    ),
    Column("messages", "BIGINT", "messages in the request", semconv.REQUEST_MESSAGES),
    Column("tools", "BIGINT", "tools in the request", semconv.REQUEST_TOOLS),
    Column("body_size", "BIGINT", "bytes of the request body", semconv.HTTP_BODY_SIZE),
    Column("cost", MONEY, "USD; empty where no price is known", semconv.COST_TOTAL),
    Column("cost_input", MONEY, "USD", semconv.COST_INPUT),
    Column("cost_output", MONEY, "USD", semconv.COST_OUTPUT),
    Column("cost_cache_read", MONEY, "USD", semconv.COST_CACHE_READ),
    Column("cost_cache_write", MONEY, "USD", semconv.COST_CACHE_WRITE),
    Column("cost_server_tools", MONEY, "USD", semconv.COST_SERVER_TOOLS),
    Column(
        "cost_uncached",
        MONEY,
        "USD the call would have cost without caching; empty: the same",
        semconv.COST_UNCACHED,
    ),
    Column(
        "cost_basis",
        "VARCHAR",
        "list, override, commitment_equivalent, external",
        semconv.COST_BASIS,
    ),
    Column(
        "cost_incomplete",
        "VARCHAR",
        "JSON list: what the cost cannot contain",
        semconv.COST_INCOMPLETE,
    ),
    Column("cost_free_reason", "VARCHAR", "why a cost is truly zero", semconv.COST_FREE_REASON),
    Column("cost_unavailable", "VARCHAR", "why there is no cost", semconv.COST_UNAVAILABLE),
    Column("price_book", "VARCHAR", "version of the price book", semconv.COST_PRICE_BOOK),
    Column(
        "batch_counted",
        "BIGINT",
        "results of a batch that were counted here",
        semconv.BATCH_COUNTED,
    ),
    Column(
        "inferences", "VARCHAR", "JSON list, where there were several", semconv.USAGE_INFERENCES
    ),
    Column("user_id", "VARCHAR", "user", semconv.USER_ID),
    Column("session_id", "VARCHAR", "session", semconv.SESSION_ID),
    Column("tenant", "VARCHAR", "tenant", semconv.TENANT),
    Column("team", "VARCHAR", "team", semconv.TEAM),
    Column("feature", "VARCHAR", "feature", semconv.FEATURE),
    Column("endpoint", "VARCHAR", "endpoint", semconv.ENDPOINT),
    Column("prompt", "VARCHAR", "name of the prompt", semconv.PROMPT_NAME),
    Column("prompt_version", "VARCHAR", "version of the prompt", semconv.PROMPT_VERSION),
    Column("input_messages", "VARCHAR", "JSON: content, where captured", semconv.INPUT_MESSAGES),
    Column("output_messages", "VARCHAR", "JSON: content, where captured", semconv.OUTPUT_MESSAGES),
    Column(
        "system_instructions",
        "VARCHAR",
        "JSON: content, where captured",
        semconv.SYSTEM_INSTRUCTIONS,
    ),
    Column(
        "tool_definitions", "VARCHAR", "JSON: content, where captured", semconv.TOOL_DEFINITIONS
    ),
)

CALLS: Final[tuple[Column, ...]] = (*_OWN, *_READ)
"""Followed by `tags` MAP(VARCHAR, VARCHAR), `attributes` and `resource`, both JSON texts: the
attributes of the span that have no column, and those of the process."""

CONTENT: Final = ("input_messages", "output_messages", "system_instructions", "tool_definitions")
BY_ATTRIBUTE: Final = {column.attribute: column for column in _READ}
