from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from otel_claude.pricing import Estimate, Unpriced, estimate

M = Decimal(1_000_000)
REQUEST = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello, how are you today?"}],
}


def estimated(request: Any, **facts: Any) -> Any:
    result = estimate(request, **facts)
    assert isinstance(result, Estimate), result
    assert result.lower <= result.expected
    assert result.upper is None or result.expected <= result.upper
    return result


def test_counted_tokens() -> None:
    result = estimated(REQUEST, input_tokens=1000)
    assert result.lower == 1000 * Decimal(1) / M
    assert result.expected == result.upper == (1000 * Decimal(1) + 100 * Decimal(5)) / M
    assert result.unbounded == ()


def test_usual_output() -> None:
    result = estimated(REQUEST, input_tokens=1000, output_tokens=20)
    assert result.expected == (1000 * Decimal(1) + 20 * Decimal(5)) / M
    assert result.upper == (1000 * Decimal(1) + 100 * Decimal(5)) / M
    assert estimated(REQUEST, input_tokens=1, output_tokens=900).output_tokens.expected == 100


def test_no_output_is_a_number_too() -> None:
    prompt = 1000 * Decimal(1) / M
    assert estimated(REQUEST, input_tokens=1000, output_tokens=0).expected == prompt
    warming = estimated(REQUEST | {"max_tokens": 0}, input_tokens=1000, output_tokens=500)
    assert (warming.expected, warming.upper, warming.unbounded) == (prompt, prompt, ())


def test_estimated_tokens_are_bounds() -> None:
    result = estimated(REQUEST)
    assert 0 < result.input_tokens.lower < result.input_tokens.expected < result.input_tokens.upper
    # No byte makes more than one token.
    text = {"role": "user", "content": "\u4f60\u597d" * 1000}
    assert estimated(REQUEST | {"messages": [text]}).input_tokens.upper >= 6000


def test_cache_writes_at_their_dearest() -> None:
    block = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    request = REQUEST | {"messages": [{"role": "user", "content": [block]}]}
    result = estimated(request, input_tokens=1000)
    assert result.lower == 1000 * Decimal("0.10") / M
    assert result.expected == (1000 * Decimal(1) + 100 * Decimal(5)) / M
    assert result.upper == (1000 * Decimal(2) + 100 * Decimal(5)) / M


def test_geo_and_fast() -> None:
    request = REQUEST | {"model": "claude-opus-5"}
    plain = (1000 * Decimal(5) + 100 * Decimal(25)) / M
    assert estimated(request, input_tokens=1000).expected == plain
    assert estimated(request, input_tokens=1000).upper == plain * Decimal("1.1")
    said = estimated(request | {"inference_geo": "global"}, input_tokens=1000)
    assert said.upper == plain
    fast = estimated(request | {"speed": "fast", "inference_geo": "global"}, input_tokens=1000)
    assert (fast.lower, fast.upper) == (1000 * Decimal(5) / M, 2 * plain)


def test_fallbacks_are_added() -> None:
    request = REQUEST | {"fallbacks": [{"model": "claude-haiku-4-5"}]}
    one, two = estimated(REQUEST, input_tokens=10), estimated(request, input_tokens=10)
    assert one.upper is not None
    assert two.upper == 2 * one.upper
    unknown = REQUEST | {"fallbacks": [{"model": "claude-opus-9"}]}
    assert estimated(unknown, input_tokens=10).unbounded == ("fallbacks",)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "server_tools"),
        ({"tools": [{"type": "advisor_20260301", "name": "advisor"}]}, "advisor"),
        ({"mcp_servers": [{"url": "x"}]}, "server_tools"),
        ({"context_management": {"edits": []}}, "compaction"),
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "url"}}]}]}, "files"),
    ],
)  # fmt: skip
def test_what_cannot_be_bounded(more: Any, reason: Any) -> None:
    result = estimated(REQUEST | more)
    assert (result.upper, result.unbounded) == (None, (reason,))


def test_client_tools_and_images_are_bounded() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 100_000}}
    tool = {"name": "get_weather", "input_schema": {"type": "object"}}
    request = REQUEST | {"messages": [{"role": "user", "content": [image]}], "tools": [tool]}
    result = estimated(request)
    assert result.unbounded == ()
    assert result.input_tokens.upper < 20_000


@pytest.mark.parametrize("request_", [{}, None, 5, {"model": 5}, {"model": "claude-opus-9"}])
def test_unknown(request_: Any) -> None:
    assert isinstance(estimate(request_), Unpriced)


@pytest.mark.parametrize(
    "messages", [None, 5, "x", [None], [{"content": object()}], [[[1.5, True]]]]
)
def test_odd_requests_never_raise(messages: Any) -> None:
    assert isinstance(estimate(REQUEST | {"messages": messages}), Estimate)
