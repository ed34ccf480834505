"""The most that a call may cost: never less than what the API would bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from otel_claude.pricing import Estimate, Held, ceiling, context_window, estimate

ASK: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
WINDOW = context_window("claude-haiku-4-5") or 0


def usd(request: dict[str, Any], **facts: Any) -> Decimal:
    units = ceiling(request, **facts).units(15)
    assert units is not None
    return Decimal(units).scaleb(-15)


def test_it_is_the_upper_bound_of_the_estimate() -> None:
    for request in (ASK, ASK | {"tools": [{"name": "t", "input_schema": {}}]}):
        assert usd(request) == getattr(estimate(request), "upper", None)


def test_caching_of_the_whole_request_is_a_write_too() -> None:
    assert usd(ASK | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}) > usd(ASK)


@pytest.mark.parametrize(
    "more",
    [
        {"messages": iter([{"role": "user", "content": "Hello"}])},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "url"}}]}]},
        {"thread": {"type": "continue", "previous_message_id": "msg_1"}},
    ],
)  # fmt: skip
def test_a_prompt_that_cannot_be_known_fills_the_window(more: dict[str, Any]) -> None:
    assert ceiling(ASK | more).tokens == WINDOW + 100


def test_an_iterator_is_not_read() -> None:
    messages = iter([{"role": "user", "content": "Hello"}])
    ceiling(ASK | {"messages": messages})
    assert next(messages)["content"] == "Hello"


def test_what_the_api_holds_of_a_thread_is_added() -> None:
    more = ASK | {"thread": {"type": "continue", "previous_message_id": "msg_1"}}
    held = ceiling(more, held=Held(5_000, "1h"))
    assert held.tokens == ceiling(ASK).tokens + 5_000
    assert held.lifetime == "1h"
    assert usd(more, held=Held(5_000, "")) < usd(more, held=Held(5_000, "1h"))


def test_searches_count_as_far_as_the_request_limits_them() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    unlimited, limited = (
        ceiling(ASK | {"tools": [tool]}) for tool in (search, search | {"max_uses": 3})
    )
    assert "server_tools" in unlimited.unbounded
    more = (limited.units(15) or 0) - (unlimited.units(15) or 0)
    # Three searches at a cent, beside the few bytes that say so.
    assert 3 * 10**13 <= more < 3 * 10**13 + 10**11


def test_every_fallback_of_the_request_may_be_billed_as_well() -> None:
    plain = ceiling(ASK)
    both = ceiling(ASK | {"fallbacks": [{"model": "claude-haiku-4-5"}]})
    assert (both.tokens, both.units(15)) == (2 * plain.tokens, 2 * (plain.units(15) or 0))


def test_a_fallback_may_have_limits_of_its_own() -> None:
    ask = ASK | {"model": "claude-opus-5"}
    entry = {"model": "claude-opus-5-5", "max_tokens": 3_000, "speed": "fast"}
    asked = ask | {"fallbacks": [entry]}
    hop = ask | {**entry, "fallbacks": None}
    assert ceiling(asked).tokens == ceiling(ask).tokens + ceiling(hop).tokens
    assert usd(asked) == usd(ask) + usd(hop) == getattr(estimate(asked), "upper", None)
    unsaid = ask | {"speed": "fast", "fallbacks": [entry | {"max_tokens": None, "speed": None}]}
    assert usd(unsaid) == usd(ask | {"speed": "fast"}) + usd(hop | {"max_tokens": 100})


@pytest.mark.parametrize("chain", ["default", iter([{"model": "claude-opus-5"}])])
def test_fallbacks_that_the_request_does_not_list_are_unbounded(chain: Any) -> None:
    asked = ASK | {"fallbacks": chain}
    assert ceiling(asked).unbounded == ("fallbacks",)
    assert ceiling(asked).units(15) == ceiling(ASK).units(15)
    bound = estimate(asked)
    assert isinstance(bound, Estimate)
    assert (bound.upper, bound.unbounded) == (None, ("fallbacks",))
    assert isinstance(chain, str) or next(chain)["model"] == "claude-opus-5"


def test_a_model_without_a_price_has_tokens_all_the_same() -> None:
    unknown = ceiling(ASK | {"model": "claude-opus-9"})
    assert unknown.units(15) is None
    assert unknown.tokens == ceiling(ASK).tokens


def test_units_are_exact_and_round_up_what_is_finer() -> None:
    (cost,) = ceiling(ASK).costs or ()
    assert Decimal(cost.units(15)).scaleb(-15) == cost.total
    assert Decimal(cost.units(2)).scaleb(-2) == Decimal("0.01") > cost.total
