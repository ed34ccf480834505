"""What must hold of every cost, whatever the counts."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, strategies as st

from otel_claude.call.usage import Usage
from otel_claude.pricing import Cost, Unpriced, billed, cost
from otel_claude.pricing.book import MODELS

AT = 1_795_000_000.0

models = st.sampled_from([model.name for model in MODELS])
counts = st.integers(0, 3_000_000)
FIELDS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "short", "long", "searches")


@st.composite
def usages(draw: Any) -> Any:
    return {name: draw(counts) for name in FIELDS}


facts = st.fixed_dictionaries(
    {
        "platform": st.sampled_from(
            ["anthropic", "aws", "bedrock", "bedrock_mantle", "vertex", "foundry"]
        ),
        "region": st.sampled_from([None, "global", "us", "us-east5"]),
        "batch": st.booleans(),
        "at": st.floats(1_770_000_000, 1_800_000_000),
    }
)
said = st.fixed_dictionaries(
    {
        "service_tier": st.sampled_from([None, "standard", "priority", "batch"]),
        "speed": st.sampled_from([None, "standard", "fast"]),
        "inference_geo": st.sampled_from([None, "us", "global", "not_available"]),
    }
)


def api(values: Any, more: Any) -> Any:
    return {
        "input_tokens": values["input_tokens"],
        "output_tokens": values["output_tokens"],
        "cache_read_input_tokens": values["cache_read_input_tokens"],
        "cache_creation_input_tokens": values["short"] + values["long"],
        "cache_creation": {
            "ephemeral_5m_input_tokens": values["short"],
            "ephemeral_1h_input_tokens": values["long"],
        },
        "server_tool_use": {"web_search_requests": values["searches"]},
        **more,
    }


def priced(values: Any, more: Any, model: Any, facts: Any) -> Any:
    result = cost(api(values, more), model, **facts)
    assert isinstance(result, Cost)
    return result


@given(usages(), said, models, facts)
def test_additive_over_components_and_never_negative(
    values: Any, more: Any, model: Any, facts: Any
) -> None:
    result = priced(values, more, model, facts)
    parts = (
        result.input,
        result.output,
        result.cache_read,
        result.cache_write,
        result.server_tools,
    )
    assert min(parts) >= 0
    assert sum(parts) == result.total
    assert result.uncached >= 0
    assert sum((line.amount for line in result.explain()), Decimal(0)) == result.total


@given(usages(), said, models, facts, st.sampled_from(FIELDS), counts)
def test_monotone_in_every_count(
    values: Any, more: Any, model: Any, facts: Any, name: Any, extra: Any
) -> None:
    less = priced(values, more, model, facts)
    larger = priced(values | {name: values[name] + extra}, more, model, facts)
    assert larger.total >= less.total


@given(usages(), usages(), said, models.filter(lambda m: m != "claude-haiku-5-5"))
def test_additive_over_calls_where_length_has_no_price(
    one: Any, other: Any, more: Any, model: Any
) -> None:
    both = {name: one[name] + other[name] for name in FIELDS}
    facts = {"at": AT}
    parts = priced(one, more, model, facts).total + priced(other, more, model, facts).total
    assert priced(both, more, model, facts).total == parts


@given(usages(), said, models, st.data())
def test_invariant_under_how_a_stream_was_cut(
    values: Any, more: Any, model: Any, data: Any
) -> None:
    """message_start has split, tier and a first count; deltas have cumulative totals."""
    whole = api(values, more)
    merged = Usage()
    merged.read(whole | {"output_tokens": data.draw(st.integers(0, 3))})
    for _ in range(data.draw(st.integers(0, 4))):
        merged.read({"output_tokens": data.draw(st.integers(0, values["output_tokens"]))})
    merged.read(
        {
            "input_tokens": None,
            "output_tokens": values["output_tokens"],
            "cache_read_input_tokens": data.draw(
                st.sampled_from([None, values["cache_read_input_tokens"]])
            ),
        }
    )
    streamed, plain = cost(merged, model, at=AT), cost(whole, model, at=AT)
    assert isinstance(streamed, Cost)
    assert isinstance(plain, Cost)
    assert streamed.total == plain.total
    assert streamed.incomplete == plain.incomplete


@given(usages(), said, models)
def test_iterations_that_repeat_the_total_change_nothing(
    values: Any, more: Any, model: Any
) -> None:
    whole = api(values, more)
    again = whole | {"iterations": [{"type": "message", **whole}]}
    one, other = cost(whole, model, at=AT), cost(again, model, at=AT)
    assert isinstance(one, Cost)
    assert isinstance(other, Cost)
    assert one.total == other.total


junk = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-10, 10**30), st.floats(), st.text(max_size=9),
        st.sampled_from(["claude-opus-5", "fallback_message", "message", "compaction", "us", "fast"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["input_tokens", "output_tokens", "cache_creation", "cache_creation_input_tokens",
                 "cache_read_input_tokens", "ephemeral_5m_input_tokens", "type", "model", "speed",
                 "ephemeral_1h_input_tokens", "iterations", "server_tool_use", "service_tier",
                 "web_search_requests", "inference_geo"]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@given(junk, junk, junk, junk, junk, junk)
def test_odd_data_never_raises(
    usage: Any, model: Any, request_model: Any, platform: Any, region: Any, at: Any
) -> None:
    result = cost(
        usage, model, request_model=request_model, platform=platform, region=region, at=at,
        stop_reason="refusal", declined=(None,),
    )  # fmt: skip
    if isinstance(result, Cost):
        assert result.total >= 0
        json.dumps([result.total_usd, result.model, result.basis, result.incomplete])
    else:
        assert isinstance(result, Unpriced)
    assert all(group.prompt_tokens >= 0 for group in billed(usage, model))


@given(junk)
def test_groups_hold_what_was_said(usage: Any) -> None:
    for group in billed(usage, "claude-opus-5"):
        assert min(group[2:7]) >= 0


class Strange:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError


def test_unusual_objects() -> None:
    for usage in (Strange(), object(), 7, "usage", [1], float("nan")):
        assert isinstance(cost(usage, "claude-opus-5"), Unpriced)
    one = {"input_tokens": 1, "output_tokens": 1}
    odd: Any
    for odd in (["claude-opus-5"], {}, 7, b"claude-opus-5"):
        assert isinstance(cost(one, odd), Unpriced)
    for odd in (float("nan"), float("inf"), -1e18, "yesterday"):
        assert isinstance(cost(one, "claude-opus-5", at=odd), Cost)
