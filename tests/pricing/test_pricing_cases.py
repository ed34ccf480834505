"""Worked cases: one row per rate and rule, with its arithmetic in USD per million tokens.

Every expectation is written out from small numbers, so that a reader can check it against the
pricing page without reading the code.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from otel_claude.pricing import Cost, Unpriced, cost

M = Decimal(1_000_000)
NOW = "2026-11-21"


def moment(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp()


def usage(
    plain: int = 0, out: int = 0, read: int = 0, short: int = 0, long: int = 0, **more: Any
) -> dict[str, Any]:
    return {
        "input_tokens": plain,
        "output_tokens": out,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {
            "ephemeral_5m_input_tokens": short,
            "ephemeral_1h_input_tokens": long,
        },
    } | more


def entry(kind: str, model: str | None, plain: int, out: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, **usage(plain, out), **({"model": model} if model else {}), **more}


def priced(said: dict[str, Any], model: str, at: str = NOW, **facts: Any) -> Cost:
    result = cost(said, model, at=moment(at), **facts)
    assert isinstance(result, Cost), result
    parts = (result.input, result.output, result.cache_read, result.cache_write)
    assert sum(parts, result.server_tools) == result.total
    assert sum((line.amount for line in result.explain()), Decimal(0)) == result.total
    for line in result.explain():
        per = 1 if line.component == "web_search" else M
        amount = line.quantity * line.rate / per
        for factor, _ in line.multipliers:
            amount *= factor
        assert amount == line.amount
    grouped = sum((sum(group.cost.values()) for group in result.groups), result.server_tools)
    assert grouped == result.total
    return result


# 10 uncached, 20 written for 5 minutes, 30 for 1 hour, 40 read, 50 out: one row per model.
RATES = [
    #  model                input    w5m      w1h      read     output
    ("claude-fable-5-2", "8", "10", "16", "0.20", "40"),
    ("claude-mythos-5-2", "8", "10", "16", "0.20", "40"),
    ("claude-fable-5-1", "10", "12.5", "20", "0.25", "50"),
    ("claude-mythos-5-1", "10", "12.5", "20", "0.25", "50"),
    ("claude-fable-5", "10", "12.5", "20", "1", "50"),
    ("claude-mythos-5", "10", "12.5", "20", "1", "50"),
    ("claude-opus-5-5", "4", "5", "8", "0.20", "20"),
    ("claude-opus-5", "5", "6.25", "10", "0.50", "25"),
    ("claude-opus-4-8", "5", "6.25", "10", "0.50", "25"),
    ("claude-opus-4-7", "5", "6.25", "10", "0.50", "25"),
    ("claude-opus-4-6", "5", "6.25", "10", "0.50", "25"),
    ("claude-opus-4-5-20251101", "5", "6.25", "10", "0.50", "25"),
    ("claude-opus-4-1-20250805", "15", "18.75", "30", "1.50", "75"),
    ("claude-opus-4-20250514", "15", "18.75", "30", "1.50", "75"),
    ("claude-sonnet-5-5", "2", "2.5", "4", "0.10", "10"),
    ("claude-sonnet-5", "2", "2.5", "4", "0.20", "10"),
    ("claude-sonnet-4-6", "3", "3.75", "6", "0.30", "15"),
    ("claude-sonnet-4-5-20250929", "3", "3.75", "6", "0.30", "15"),
    ("claude-sonnet-4-20250514", "3", "3.75", "6", "0.30", "15"),
    ("claude-haiku-5-5", "0.10", "0.125", "0.20", "0.01", "0.50"),
    ("claude-haiku-4-5-20251001", "1", "1.25", "2", "0.10", "5"),
    ("claude-3-5-haiku-20241022", "0.80", "1", "1.60", "0.08", "4"),
    ("claude-3-7-sonnet-20250219", "3", "3.75", "6", "0.30", "15"),
    ("claude-3-5-sonnet-20241022", "3", "3.75", "6", "0.30", "15"),
    ("claude-3-opus-20240229", "15", "18.75", "30", "1.50", "75"),
    ("claude-3-haiku-20240307", "0.25", "0.30", "0.50", "0.03", "1.25"),
]


@pytest.mark.parametrize(("model", "plain", "short", "long", "read", "out"), RATES)
def test_every_rate_of_every_model(
    model: Any, plain: Any, short: Any, long: Any, read: Any, out: Any
) -> None:
    said = usage(plain=10, short=20, long=30, read=40, out=50)
    result = priced(said, model)
    assert result.input == 10 * Decimal(plain) / M
    assert result.cache_write == (20 * Decimal(short) + 30 * Decimal(long)) / M
    assert result.cache_read == 40 * Decimal(read) / M
    assert result.output == 50 * Decimal(out) / M
    assert result.uncached == ((10 + 20 + 30 + 40) * Decimal(plain) + 50 * Decimal(out)) / M
    assert result.basis == "list"
    assert result.incomplete == ()
    assert result.free_reason is None
    half = priced(said, model, batch=True)
    assert half.total == result.total / 2
    assert half.cache_read == result.cache_read / 2


FAST = [
    ("claude-fable-5-2", NOW, "16", "20", "32", "0.40", "80"),
    ("claude-mythos-5-2", NOW, "16", "20", "32", "0.40", "80"),
    ("claude-opus-5-5", NOW, "8", "10", "16", "0.40", "40"),
    ("claude-opus-5", NOW, "10", "12.5", "20", "1", "50"),
    ("claude-opus-4-8", "2026-11-29", "10", "12.5", "20", "1", "50"),
    ("claude-opus-4-7", "2026-07-23", "30", "37.5", "60", "3", "150"),
    ("claude-opus-4-6", "2026-04-01", "30", "37.5", "60", "3", "150"),
]


@pytest.mark.parametrize(("model", "at", "plain", "short", "long", "read", "out"), FAST)
def test_fast_card(
    model: Any, at: Any, plain: Any, short: Any, long: Any, read: Any, out: Any
) -> None:
    said = usage(plain=10, short=20, long=30, read=40, out=50, speed="fast")
    worked = (
        10 * Decimal(plain)
        + 20 * Decimal(short)
        + 30 * Decimal(long)
        + 40 * Decimal(read)
        + 50 * Decimal(out)
    )
    assert priced(said, model, at).total == worked / M
    geo = priced(said | {"inference_geo": "us"}, model, at)
    assert geo.total == worked / M * Decimal("1.1")


# What, usage, model, facts, exact USD.
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any], Decimal]] = [
    # Dates: the last moment before a change and the first after it.
    ("Sonnet 5.5 read, day before", usage(read=100), "claude-sonnet-5-5", {"at": "2026-10-06T23:59:59"}, 100 * Decimal("0.20") / M),
    ("Sonnet 5.5 read, from that day", usage(read=100), "claude-sonnet-5-5", {"at": "2026-10-07"}, 100 * Decimal("0.10") / M),
    ("Sonnet 5.5 read, batch before", usage(read=100), "claude-sonnet-5-5", {"at": "2026-10-06", "batch": True}, 100 * Decimal("0.10") / M),
    ("Sonnet 5.5 input never changed", usage(plain=100), "claude-sonnet-5-5", {"at": "2026-10-01"}, 100 * Decimal(2) / M),
    ("Sonnet 5 was not raised in September", usage(plain=100, out=10), "claude-sonnet-5", {"at": "2026-09-01"}, (100 * Decimal(2) + 10 * Decimal(10)) / M),
    ("Sonnet 5 before that day", usage(plain=100, out=10), "claude-sonnet-5", {"at": "2026-08-31"}, (100 * Decimal(2) + 10 * Decimal(10)) / M),
    ("Opus 4.8 fast, last day", usage(plain=100, speed="fast"), "claude-opus-4-8", {"at": "2026-11-29T23:59:59"}, 100 * Decimal(10) / M),
    ("Opus 4.8 fast has ended", usage(plain=100, speed="fast"), "claude-opus-4-8", {"at": "2026-11-30"}, 100 * Decimal(5) / M),
    ("Opus 4.7 fast has ended", usage(plain=100, speed="fast"), "claude-opus-4-7", {"at": "2026-07-24"}, 100 * Decimal(5) / M),
    ("Opus 4.6 ran at standard speed", usage(plain=100, speed="standard"), "claude-opus-4-6", {}, 100 * Decimal(5) / M),
    ("Opus 4.6 above 200k, before", usage(plain=200_001, out=10), "claude-opus-4-6", {"at": "2026-03-12"}, (200_001 * Decimal(10) + 10 * Decimal("37.5")) / M),
    ("Opus 4.6 at 200k, before", usage(plain=200_000, out=10), "claude-opus-4-6", {"at": "2026-03-12"}, (200_000 * Decimal(5) + 10 * Decimal(25)) / M),
    ("Opus 4.6 above 200k, flat since", usage(plain=200_001, out=10), "claude-opus-4-6", {"at": "2026-03-13"}, (200_001 * Decimal(5) + 10 * Decimal(25)) / M),
    ("Sonnet 4.6 above 200k, before", usage(plain=200_001), "claude-sonnet-4-6", {"at": "2026-03-12"}, 200_001 * Decimal(6) / M),
    ("Sonnet 4.6 above 200k, flat since", usage(plain=200_001), "claude-sonnet-4-6", {"at": "2026-03-13"}, 200_001 * Decimal(3) / M),
    ("Sonnet 4.5 above 200k, before", usage(plain=200_001), "claude-sonnet-4-5", {"at": "2026-04-29"}, 200_001 * Decimal(6) / M),
    ("Sonnet 4.5 above 200k, after", usage(plain=200_001), "claude-sonnet-4-5", {"at": "2026-04-30"}, 200_001 * Decimal(3) / M),
    ("flat to a million", usage(plain=900_000), "claude-opus-5-5", {}, 900_000 * Decimal(4) / M),
    # Prompt length: all kinds of prompt token count, and the whole request changes card.
    ("Haiku 5.5 at 100,000", usage(plain=100_000, out=10), "claude-haiku-5-5", {}, (100_000 * Decimal("0.10") + 10 * Decimal("0.50")) / M),
    ("Haiku 5.5 at 100,001", usage(plain=100_001, out=10), "claude-haiku-5-5", {}, (100_001 * Decimal("0.50") + 10 * Decimal("2.50")) / M),
    ("Haiku 5.5, read and writes count", usage(1, 10, 50_000, 25_000, 25_000), "claude-haiku-5-5", {}, (1 * Decimal("0.50") + 50_000 * Decimal("0.05") + 25_000 * Decimal("0.625") + 25_000 * Decimal(1) + 10 * Decimal("2.50")) / M),
    ("Haiku 5.5, exactly 100,000 of all kinds", usage(1, 10, 49_999, 25_000, 25_000), "claude-haiku-5-5", {}, (1 * Decimal("0.10") + 49_999 * Decimal("0.01") + 25_000 * Decimal("0.125") + 25_000 * Decimal("0.20") + 10 * Decimal("0.50")) / M),
    ("Haiku 5.5 long, batch, US", usage(plain=100_001, inference_geo="us"), "claude-haiku-5-5", {"batch": True}, 100_001 * Decimal("0.50") * Decimal("0.5") * Decimal("1.1") / M),
    ("the smallest amount there is", usage(read=1, inference_geo="us"), "claude-haiku-5-5", {"batch": True}, Decimal("0.0000000055")),
    # Batch.
    ("batch by service tier", usage(plain=100, service_tier="batch"), "claude-opus-5", {}, 100 * Decimal("2.5") / M),
    ("batch by caller and tier halves once", usage(plain=100, service_tier="batch"), "claude-opus-5", {"batch": True}, 100 * Decimal("2.5") / M),
    ("fast does not exist in batches", usage(plain=100, speed="fast"), "claude-opus-5", {"batch": True}, 100 * Decimal("2.5") / M),
    # Residency.
    ("US-only", usage(10, 50, 40, 20, 30, inference_geo="us"), "claude-opus-4-6", {}, (10 * Decimal(5) + 20 * Decimal("6.25") + 30 * Decimal(10) + 40 * Decimal("0.50") + 50 * Decimal(25)) * Decimal("1.1") / M),
    ("global", usage(plain=100, inference_geo="global"), "claude-opus-4-6", {}, 100 * Decimal(5) / M),
    ("not available on older models", usage(plain=100, inference_geo="us"), "claude-sonnet-4-5", {}, 100 * Decimal(3) / M),
    ("not available, said so", usage(plain=100, inference_geo="not_available"), "claude-haiku-4-5", {}, 100 * Decimal(1) / M),
    ("US-only on Claude Platform on AWS", usage(plain=100, inference_geo="us"), "claude-opus-5", {"platform": "aws"}, 100 * Decimal(5) * Decimal("1.1") / M),
    ("US-only on Google Cloud", usage(plain=100, inference_geo="us"), "claude-opus-5", {"platform": "google_cloud"}, 100 * Decimal(5) * Decimal("1.1") / M),
    ("no such rule on Foundry", usage(plain=100, inference_geo="us"), "claude-opus-5", {"platform": "foundry"}, 100 * Decimal(5) / M),
    ("US-only, batch and fast stack", usage(plain=100, inference_geo="us", service_tier="batch"), "claude-opus-5", {}, 100 * Decimal(5) * Decimal("0.5") * Decimal("1.1") / M),
    ("not on web search", usage(plain=100, inference_geo="us", server_tool_use={"web_search_requests": 3}), "claude-opus-5", {}, 100 * Decimal("5.5") / M + 3 * Decimal("0.01")),
    # Bedrock.
    ("Bedrock global", usage(plain=100), "global.anthropic.claude-haiku-4-5-20251001-v1:0", {"platform": "bedrock"}, 100 * Decimal(1) / M),
    ("Bedrock us.", usage(plain=100), "us.anthropic.claude-haiku-4-5-20251001-v1:0", {"platform": "bedrock"}, 100 * Decimal("1.1") / M),
    ("Bedrock eu.", usage(plain=100), "eu.anthropic.claude-opus-4-5-20251101-v1:0", {"platform": "bedrock"}, 100 * Decimal("5.5") / M),
    ("Bedrock in its region", usage(plain=100), "anthropic.claude-sonnet-4-5-20250929-v1:0", {"platform": "bedrock"}, 100 * Decimal("3.3") / M),
    ("Bedrock Opus 4.6", usage(plain=100), "jp.anthropic.claude-opus-4-6-v1", {"platform": "bedrock"}, 100 * Decimal("5.5") / M),
    ("Bedrock without a suffix", usage(plain=100), "apac.anthropic.claude-sonnet-5-5", {"platform": "bedrock"}, 100 * Decimal("2.2") / M),
    ("Bedrock older: no premium", usage(plain=100), "us.anthropic.claude-3-5-haiku-20241022-v1:0", {"platform": "bedrock"}, 100 * Decimal("0.80") / M),
    ("Bedrock Opus 4.1: no premium", usage(plain=100), "us.anthropic.claude-opus-4-1-20250805-v1:0", {"platform": "bedrock"}, 100 * Decimal(15) / M),
    ("Bedrock Sonnet 4: no premium", usage(plain=100), "eu.anthropic.claude-sonnet-4-20250514-v1:0", {"platform": "bedrock"}, 100 * Decimal(3) / M),
    ("Bedrock 3.5 Sonnet v2", usage(plain=100), "anthropic.claude-3-5-sonnet-20241022-v2:0", {"platform": "bedrock"}, 100 * Decimal(3) / M),
    ("Bedrock: the request says where", usage(plain=100), "claude-opus-5-5", {"platform": "bedrock", "request_model": "us.anthropic.claude-opus-5-5"}, 100 * Decimal("4.4") / M),
    ("Bedrock: the request says global", usage(plain=100), "claude-opus-5-5", {"platform": "bedrock", "request_model": "global.anthropic.claude-opus-5-5"}, 100 * Decimal(4) / M),
    ("Bedrock profile ARN", usage(plain=100), "claude-opus-5-5", {"platform": "bedrock", "request_model": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5"}, 100 * Decimal("4.4") / M),
    ("Bedrock global profile ARN", usage(plain=100), "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-opus-5-5", {"platform": "bedrock"}, 100 * Decimal(4) / M),
    ("never both premiums", usage(plain=100, inference_geo="us"), "us.anthropic.claude-opus-5-5", {"platform": "bedrock"}, 100 * Decimal("4.4") / M),
    ("Bedrock long Haiku", usage(plain=100_001), "eu.anthropic.claude-haiku-5-5", {"platform": "bedrock"}, 100_001 * Decimal("0.55") / M),
    ("Mantle is regional", usage(plain=100), "anthropic.claude-haiku-4-5", {"platform": "bedrock_mantle"}, 100 * Decimal("1.1") / M),
    # Vertex AI.
    ("Vertex global", usage(plain=100), "claude-haiku-4-5@20251001", {"platform": "vertex", "region": "global"}, 100 * Decimal(1) / M),
    ("Vertex region", usage(plain=100), "claude-haiku-4-5@20251001", {"platform": "vertex", "region": "us-east5"}, 100 * Decimal("1.1") / M),
    ("Vertex multi-region", usage(plain=100), "claude-opus-5", {"platform": "vertex", "region": "eu"}, 100 * Decimal("5.5") / M),
    ("Vertex older: no premium", usage(plain=100), "claude-3-5-sonnet-v2@20241022", {"platform": "vertex", "region": "us-east5"}, 100 * Decimal(3) / M),
    ("Vertex never both", usage(plain=100, inference_geo="us"), "claude-opus-5", {"platform": "vertex", "region": "us"}, 100 * Decimal("5.5") / M),
    ("Vertex regional batch", usage(plain=100), "claude-opus-5", {"platform": "vertex", "region": "us", "batch": True}, 100 * Decimal(5) * Decimal("0.5") * Decimal("1.1") / M),
    # Web search.
    ("web search", usage(server_tool_use={"web_search_requests": 7}), "claude-opus-5", {}, 7 * Decimal("0.01")),
    ("web search in a batch is not halved", usage(plain=100, server_tool_use={"web_search_requests": 1}), "claude-opus-5", {"batch": True}, 100 * Decimal("2.5") / M + Decimal("0.01")),
    ("web fetch costs tokens only", usage(plain=100, server_tool_use={"web_fetch_requests": 5}), "claude-opus-5", {}, 100 * Decimal(5) / M),
    ("thinking is part of the output", usage(out=100, output_tokens_details={"thinking_tokens": 80}), "claude-opus-5", {}, 100 * Decimal(25) / M),
    ("priority at its list equivalent", usage(plain=100, service_tier="priority"), "claude-sonnet-4-5", {}, 100 * Decimal(3) / M),
    # Lifetimes of cache writes.
    ("no split: 5 minutes", {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 100}, "claude-opus-5", {}, 100 * Decimal("6.25") / M),
    ("short split: the rest at 5 minutes", usage() | {"cache_creation_input_tokens": 100, "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 30}}, "claude-opus-5", {}, (70 * Decimal("6.25") + 30 * Decimal(10)) / M),
    ("1 hour is cut to the total", usage() | {"cache_creation_input_tokens": 100, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 130}}, "claude-opus-5", {}, 100 * Decimal(10) / M),
    ("split without a total", usage() | {"cache_creation_input_tokens": None, "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 30}}, "claude-opus-5", {}, (10 * Decimal("6.25") + 30 * Decimal(10)) / M),
    # Iterations.
    ("compaction comes on top", usage(100, 10, iterations=[entry("compaction", None, 1000, 20), entry("message", None, 100, 10)]), "claude-opus-5", {}, (1100 * Decimal(5) + 30 * Decimal(25)) / M),
    ("compaction in a batch", usage(100, 10, iterations=[entry("compaction", None, 1000, 20), entry("message", None, 100, 10)]), "claude-opus-5", {"batch": True}, (1100 * Decimal(5) + 30 * Decimal(25)) / 2 / M),
    ("advisor at its own model", usage(100, 10, iterations=[entry("message", None, 100, 10), entry("advisor_message", "claude-opus-5-5", 200, 5)]), "claude-haiku-4-5", {}, (100 * Decimal(1) + 10 * Decimal(5) + 200 * Decimal(4) + 5 * Decimal(20)) / M),
    ("advisor without the executor's geo rule", usage(100, 10, inference_geo="us", iterations=[entry("message", None, 100, 10), entry("advisor_message", "claude-opus-4-5", 200, 5)]), "claude-opus-5", {}, ((100 * Decimal(5) + 10 * Decimal(25)) * Decimal("1.1") + 200 * Decimal(5) + 5 * Decimal(25)) / M),
    ("advisor with its own cache", usage(100, 0, iterations=[{"type": "advisor_message", "model": "claude-opus-5", **usage(1, 2, 3, 4, 5)}]), "claude-haiku-4-5", {}, (100 * Decimal(1) + 1 * Decimal(5) + 2 * Decimal(25) + 3 * Decimal("0.50") + 4 * Decimal("6.25") + 5 * Decimal(10)) / M),
    ("a loop is one total for flat models", usage(300, 30, iterations=[entry("message", None, 100, 10), entry("message", None, 200, 20)]), "claude-opus-5", {}, (300 * Decimal(5) + 30 * Decimal(25)) / M),
    ("Haiku loop: each request by its own length", usage(180_000, 30, iterations=[entry("message", None, 80_000, 10), entry("message", None, 100_000, 20)]), "claude-haiku-5-5", {}, (180_000 * Decimal("0.10") + 30 * Decimal("0.50")) / M),
    ("Haiku loop: one of them long", usage(180_001, 30, iterations=[entry("message", None, 80_000, 10), entry("message", None, 100_001, 20)]), "claude-haiku-5-5", {}, (80_000 * Decimal("0.10") + 10 * Decimal("0.50") + 100_001 * Decimal("0.50") + 20 * Decimal("2.50")) / M),
    ("Haiku loop whose sums differ: by the total", usage(180_001, 30, iterations=[entry("message", None, 80_000, 10), entry("message", None, 90_000, 20)]), "claude-haiku-5-5", {}, (180_001 * Decimal("0.50") + 30 * Decimal("2.50")) / M),
    ("split from the iterations", usage(0, 0) | {"cache_creation_input_tokens": 100, "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 0}, "iterations": [{"type": "message", **usage(short=10)}, {"type": "message", **usage(long=90)}]}, "claude-opus-5", {}, (10 * Decimal("6.25") + 90 * Decimal(10)) / M),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "model", "facts", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_case(said: Any, model: Any, facts: Any, expected: Any) -> None:
    assert priced(said, model, **facts).total == expected


def hops(*entries: dict[str, Any], **top: Any) -> dict[str, Any]:
    served = entries[-1]
    return usage(served["input_tokens"], served["output_tokens"], **top) | {
        "iterations": list(entries)
    }


SERVED = 200 * Decimal(3) / M + 20 * Decimal(15) / M
DECLINED = 100 * Decimal(10) / M
ONE_HOP = hops(
    entry("message", "claude-fable-5", 100, 0),
    entry("fallback_message", "claude-sonnet-4-6", 200, 20),
)


@pytest.mark.parametrize(
    ("category", "at", "expected", "incomplete"),
    [
        ("bio", "2026-09-24", SERVED + DECLINED, ()),
        ("frontier_llm", NOW, SERVED + DECLINED, ()),
        ("reasoning_extraction", NOW, SERVED + DECLINED, ()),
        ("cyber", NOW, SERVED, ()),
        ("general_harms", NOW, SERVED, ()),
        (None, NOW, SERVED, ()),
        ("bio", "2026-09-23T23:59:59", SERVED, ()),
        ("bio", "2026-06-02", SERVED, ()),
        ("bio", "2026-06-01T23:59:59", SERVED + DECLINED, ("refusal_billing",)),
    ],
)
def test_declined_hop(category: Any, at: Any, expected: Any, incomplete: Any) -> None:
    result = priced(ONE_HOP, "claude-sonnet-4-6", at, declined=[category])
    assert result.total == expected
    assert result.incomplete == incomplete
    assert [group.kind for group in result.groups] == ["declined", "fallback_message"]


def test_declined_hop_of_unsaid_category_is_counted_and_flagged() -> None:
    result = priced(ONE_HOP, "claude-sonnet-4-6")
    assert result.total == SERVED + DECLINED
    assert result.incomplete == ("refusal_billing",)


def test_two_hops_one_billed_one_free() -> None:
    said = hops(
        entry("message", "claude-fable-5", 100, 0),
        entry("message", "claude-opus-5", 100, 0),
        entry("fallback_message", "claude-sonnet-4-6", 200, 20),
    )
    result = priced(said, "claude-sonnet-4-6", declined=["cyber", "bio"])
    assert result.total == SERVED + 100 * Decimal(5) / M
    assert [g.free_reason for g in result.groups] == ["refusal_before_output", None, None]


def test_hop_that_declined_in_the_middle_is_billed_and_keeps_the_categories_in_step() -> None:
    said = hops(
        entry("message", "claude-fable-5", 100, 7),
        entry("message", "claude-opus-5", 100, 0),
        entry("fallback_message", "claude-sonnet-4-6", 200, 20),
    )
    result = priced(said, "claude-sonnet-4-6", declined=["bio", "cyber"])
    assert result.total == SERVED + 100 * Decimal(10) / M + 7 * Decimal(50) / M


def test_tool_loop_of_the_serving_hop_is_billed() -> None:
    said = hops(
        entry("message", "claude-fable-5", 100, 0),
        entry("message", "claude-sonnet-4-6", 50, 5),
        entry("fallback_message", "claude-sonnet-4-6", 200, 20),
    )
    result = priced(said, "claude-sonnet-4-6", declined=["cyber"])
    assert result.total == SERVED + 50 * Decimal(3) / M + 5 * Decimal(15) / M


def test_sticky_turn_has_only_the_serving_entry() -> None:
    said = hops(entry("fallback_message", "claude-sonnet-4-6", 200, 20))
    assert priced(said, "claude-sonnet-4-6").total == SERVED


def test_hop_on_an_older_model_has_no_regional_premium() -> None:
    said = hops(
        entry("message", "claude-opus-4-1", 100, 0),
        entry("fallback_message", "claude-sonnet-4-6", 200, 20),
    )
    result = priced(
        said,
        "claude-sonnet-4-6",
        declined=["bio"],
        platform="bedrock",
        request_model="us.anthropic.claude-opus-4-1-20250805-v1:0",
    )
    assert result.total == SERVED * Decimal("1.1") + 100 * Decimal(15) / M


def test_every_hop_declined() -> None:
    said = hops(
        entry("message", "claude-fable-5", 100, 0),
        entry("message", "claude-sonnet-4-6", 200, 0),
    )
    facts: dict[str, Any] = {"stop_reason": "refusal", "declined": ["bio"]}
    assert priced(said, "claude-sonnet-4-6", refusal_category="cyber", **facts).total == DECLINED
    both = priced(said, "claude-sonnet-4-6", refusal_category="bio", **facts)
    assert both.total == DECLINED + 200 * Decimal(3) / M


FULL = 100 * Decimal(5) / M


@pytest.mark.parametrize(
    ("category", "at", "expected", "incomplete"),
    [
        ("bio", NOW, FULL, ()),
        ("frontier_llm", NOW, FULL, ()),
        ("reasoning_extraction", NOW, FULL, ()),
        ("cyber", NOW, Decimal(0), ()),
        ("general_harms", NOW, Decimal(0), ()),
        (None, NOW, Decimal(0), ()),
        ("bio", "2026-09-24", FULL, ()),
        ("bio", "2026-09-23T23:59:59", Decimal(0), ()),
        ("cyber", "2026-06-02", Decimal(0), ()),
        ("cyber", "2026-06-01T23:59:59", FULL, ("refusal_billing",)),
    ],
)
def test_refusal_before_output(category: Any, at: Any, expected: Any, incomplete: Any) -> None:
    facts: dict[str, Any] = {"stop_reason": "refusal", "refusal_category": category}
    result = priced(usage(plain=100), "claude-opus-5", at, **facts)
    assert result.total == expected
    assert result.incomplete == incomplete
    assert result.free_reason == (None if expected else "refusal_before_output")


def test_refusal_in_the_middle_of_the_output_is_billed() -> None:
    result = priced(usage(100, 7), "claude-opus-5", stop_reason="refusal", refusal_category="cyber")
    assert result.total == FULL + 7 * Decimal(25) / M


def test_compaction_before_a_free_refusal_is_billed() -> None:
    said = usage(
        100, 0, iterations=[entry("compaction", None, 10, 2), entry("message", None, 100, 0)]
    )
    result = priced(said, "claude-opus-5", stop_reason="refusal", refusal_category="cyber")
    assert result.total == (10 * Decimal(5) + 2 * Decimal(25)) / M
    assert result.free_reason is None


DOUBTS: list[tuple[str, dict[str, Any], str, dict[str, Any], tuple[str, ...]]] = [
    ("no split", {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 9}, "claude-opus-5", {}, ("missing_ttl_split",)),
    ("nothing written, no split", {"input_tokens": 1, "output_tokens": 0, "cache_creation_input_tokens": 0}, "claude-opus-5", {}, ()),
    ("code execution", usage(1, server_tool_use={"code_execution_requests": 1}), "claude-opus-5", {}, ("code_execution",)),
    ("free code execution", usage(1, server_tool_use={"code_execution_requests": 1}), "claude-opus-5", {"code_execution_free": True}, ()),
    ("Foundry deployment", usage(1), "claude-opus-5", {"platform": "foundry"}, ("foundry_deployment",)),
    ("the caller knows", usage(1), "claude-opus-5", {"incomplete": ["client_fallback"]}, ("client_fallback",)),
    ("said twice", usage(1), "claude-opus-5", {"platform": "foundry", "incomplete": ["foundry_deployment"]}, ("foundry_deployment",)),
    ("Mantle", usage(1), "anthropic.claude-opus-5", {"platform": "bedrock_mantle"}, ("regional_premium",)),
    ("Mantle, older model", usage(1), "anthropic.claude-opus-4-1", {"platform": "bedrock_mantle"}, ()),
    ("GovCloud", usage(1), "us-gov.anthropic.claude-opus-5", {"platform": "bedrock"}, ("regional_premium",)),
    ("opaque profile, model from the response", usage(1), "claude-opus-5", {"platform": "bedrock", "request_model": "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"}, ("regional_premium",)),
    ("Vertex without a region", usage(1), "claude-opus-5", {"platform": "vertex"}, ("regional_premium",)),
    ("search in a batch", usage(1, server_tool_use={"web_search_requests": 1}), "claude-opus-5", {"batch": True}, ("batch_web_search",)),
    ("long Haiku loop, lengths unknown", usage(100_001, server_tool_use={"web_search_requests": 1}), "claude-haiku-5-5", {}, ("long_prompt_tier",)),
    ("long Haiku, no loop", usage(100_001), "claude-haiku-5-5", {}, ()),
    ("short Haiku loop", usage(100_000, server_tool_use={"web_search_requests": 1}), "claude-haiku-5-5", {}, ()),
    ("long Haiku loop, lengths known", usage(100_001, 2, server_tool_use={"web_search_requests": 1}, iterations=[entry("message", None, 1, 1), entry("message", None, 100_000, 1)]), "claude-haiku-5-5", {}, ()),
    ("fast where there is no fast price", usage(1, speed="fast"), "claude-sonnet-5", {}, ("fast_card",)),
    ("no output said", {"input_tokens": 1}, "claude-opus-5", {"incomplete": ["aborted_stream"]}, ("aborted_stream", "missing_counts")),
    ("an iteration of a new kind", usage(1, iterations=[entry("dream", None, 1, 1)]), "claude-opus-5", {}, ("unknown_iteration",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "model", "facts", "expected"), [c[1:] for c in DOUBTS], ids=[c[0] for c in DOUBTS]
)
def test_incomplete(said: Any, model: Any, facts: Any, expected: Any) -> None:
    assert priced(said, model, **facts).incomplete == expected


@pytest.mark.parametrize(
    ("said", "model", "facts", "reason"),
    [
        (usage(1), "claude-opus-5-6", {}, "unknown_model"),
        (usage(1), "claude-opus", {}, "unknown_model"),
        (usage(1), "claude-mythos-preview", {}, "unknown_model"),
        (usage(1), "anthropic/claude-opus-5.5", {}, "unknown_model"),
        (usage(1), "anthropic/claude-opus-5", {"request_model": "claude-opus-5"}, "unknown_model"),
        (usage(1), "claude-opus-9", {"request_model": "claude-opus-5"}, "unknown_model"),
        (usage(1), None, {}, "unknown_model"),
        (usage(1), "", {"request_model": ""}, "unknown_model"),
        (usage(1), None, {"request_model": "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"}, "opaque_profile"),
        ({}, "claude-opus-5", {}, "missing_usage"),
        (None, "claude-opus-5", {}, "missing_usage"),
        ({"input_tokens": None, "output_tokens": None}, "claude-opus-5", {}, "missing_usage"),
        (usage(1, iterations=[entry("advisor_message", "claude-next-1", 1, 1)]), "claude-opus-5", {}, "unknown_model"),
        (hops(entry("message", "claude-next-1", 1, 0), entry("fallback_message", "claude-opus-5", 1, 1)), "claude-opus-5", {"declined": ["cyber"]}, "unknown_model"),
    ],
)  # fmt: skip
def test_unpriced_is_never_zero(said: Any, model: Any, facts: Any, reason: Any) -> None:
    result = cost(said, model, **facts)
    assert isinstance(result, Unpriced)
    assert result.reason == reason
    if reason == "unknown_model":
        assert sum(g.prompt_tokens + g.output for g in result.groups) > 0


def test_request_model_prices_a_response_that_names_none() -> None:
    assert priced(usage(100), "", request_model="claude-opus-5").total == FULL
    assert priced(usage(100), "some-gateway-name", request_model="claude-opus-5").total == FULL


def test_priority_is_only_an_equivalent() -> None:
    result = priced(usage(1, service_tier="priority"), "claude-sonnet-4-5")
    assert result.basis == "commitment_equivalent"


def test_nothing_used_is_a_true_zero() -> None:
    result = priced(usage(), "claude-opus-5")
    assert (result.total, result.free_reason) == (Decimal(0), "no_tokens")


def test_what_the_response_says_beats_the_request() -> None:
    result = priced(usage(100), "claude-haiku-4-5-20251001", request_model="claude-opus-5")
    assert (result.model, result.total) == ("claude-haiku-4-5", 100 * Decimal(1) / M)


def test_doubles_are_the_nearest_to_the_exact_amounts() -> None:
    result = priced(usage(7, 11, 13, 17, 19, inference_geo="us"), "claude-haiku-5-5", batch=True)
    for name in (
        "total",
        "input",
        "output",
        "cache_read",
        "cache_write",
        "server_tools",
        "uncached",
    ):
        assert getattr(result, f"{name}_usd") == float(getattr(result, name))
    group = result.groups[0]
    assert group.cost_usd == {name: float(value) for name, value in group.cost.items()}
    assert group.uncached_usd == float(group.uncached)


def test_groups_name_their_models() -> None:
    said = usage(100, 10, iterations=[entry("advisor_message", "claude-opus-5-5", 200, 5)])
    groups = priced(said, "claude-haiku-4-5-20251001").groups
    assert [(g.model, g.kind) for g in groups] == [
        ("claude-haiku-4-5", "message"),
        ("claude-opus-5-5", "advisor_message"),
    ]
    assert groups[1].tokens == {
        "input": 200, "cache_read": 0, "cache_write_5m": 0, "cache_write_1h": 0, "output": 5,
    }  # fmt: skip


def test_a_plan_is_made_anew_when_prices_change() -> None:
    said = usage(read=100)
    for day, rate in [("2026-10-06", "0.20"), ("2026-10-07", "0.10"), ("2026-10-06", "0.20")]:
        assert priced(said, "claude-sonnet-5-5", day).total == 100 * Decimal(rate) / M


def test_searches_of_a_batch_with_iterations_are_flagged() -> None:
    said = usage(
        100,
        10,
        server_tool_use={"web_search_requests": 2},
        iterations=[entry("message", None, 100, 10)],
    )
    result = priced(said, "claude-opus-5", batch=True)
    assert result.incomplete == ("batch_web_search",)
    assert result.server_tools == 2 * Decimal("0.01")


def test_uncached_includes_output_and_searches() -> None:
    said = usage(10, 20, read=30, server_tool_use={"web_search_requests": 1})
    result = priced(said, "claude-opus-5")
    assert result.uncached == (40 * Decimal(5) + 20 * Decimal(25)) / M + Decimal("0.01")


def test_long_haiku_loop_whose_iterations_do_not_match_is_flagged() -> None:
    said = usage(
        100_001,
        10,
        server_tool_use={"web_search_requests": 1},
        iterations=[entry("message", None, 50_000, 5)],
    )
    assert priced(said, "claude-haiku-5-5").incomplete == ("long_prompt_tier",)


def test_an_advisor_is_never_priced_as_the_model_that_was_asked_for() -> None:
    said = usage(1, 1, iterations=[entry("advisor_message", "next-1", 1, 1)])
    result = cost(said, "claude-opus-5", request_model="claude-opus-5")
    assert isinstance(result, Unpriced)
    assert result.model == "next-1"


def test_haiku_loop_takes_lifetimes_from_the_total_where_iterations_say_none() -> None:
    parts = [
        {"type": "message", "input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": n}
        for n in (100_001, 50)
    ]
    said = usage(short=100_021, long=30, iterations=parts)
    result = priced(said, "claude-haiku-5-5")
    assert result.incomplete == ("missing_ttl_split",)
    assert [group.counts for group in result.groups] == [(0, 0, 99_971, 30, 0), (0, 0, 50, 0, 0)]
    every = priced(usage(long=100_051, iterations=parts), "claude-haiku-5-5")
    assert every.incomplete == ()
    assert every.total == (100_001 * Decimal(1) + 50 * Decimal("0.20")) / M


def test_compaction_of_a_declined_hop_runs_on_that_hops_model() -> None:
    said = hops(
        entry("compaction", None, 10, 1),
        entry("message", "claude-fable-5", 100, 0),
        entry("fallback_message", "claude-sonnet-4-6", 200, 20),
    )
    result = priced(said, "claude-sonnet-4-6", declined=["cyber"])
    assert result.total == SERVED + (10 * Decimal(10) + 1 * Decimal(50)) / M
