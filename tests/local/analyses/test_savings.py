"""Savings of calls whose price is worked out here by hand, from the list's rates.

claude-opus-4-5 per 1M: input 5, write 6.25 and 10, read 0.50, output 25; claude-sonnet-5-5: input 2,
output 10. Batches cost half.
"""

# mypy: disable-error-code="union-attr,operator,var-annotated"
# None where there should be a value fails the test, too.

from __future__ import annotations

import pytest

from otel_claude.local.analyses.savings import batchable, rates, smaller_model, smaller_than
from otel_claude.local.queries.filters import Filters
from otel_claude.local.queries.savings import savings_of
from tests.local.analyses.stored import DAY_BEFORE, NOW, SECOND, store_of

AT = NOW / SECOND
ATTENDED = {"stream": True, "user_id": "u"}


def found_of(calls, **filters):
    store = store_of(calls)
    try:
        found = savings_of(store, DAY_BEFORE, Filters(**filters))
    finally:
        store.close()
    assert found["reason"] is None, found["reason"]
    return {(one["kind"], one["key"]): one for one in found["savings"]}


def test_rates_are_the_list_s():
    found = rates("claude-opus-4-5", AT)
    per_million = [
        rate * 1e6 for rate in (found.input, found.read, found.short, found.long, found.output)
    ]
    assert per_million == pytest.approx([5, 0.5, 6.25, 10, 25])
    assert rates("claude-opus-4-5", AT, batch=True).output == pytest.approx(12.5e-6)
    assert rates("gpt-4", AT) is None


@pytest.mark.parametrize(
    ("model", "smaller"),
    [
        ("claude-opus-4-5", "claude-sonnet-5-5"),
        ("claude-mythos-5", "claude-opus-5-5"),
        ("claude-sonnet-4-5-20250929", "claude-haiku-5-5"),
        ("claude-haiku-4-5", None),
        ("gpt-4", None),
    ],
)
def test_the_next_smaller_model(model, smaller):
    assert smaller_than(model, AT) == smaller


def test_a_model_that_was_not_there_yet_is_no_choice():
    assert smaller_than("claude-opus-4-5", 1_790_000_000 - 200 * 86_400) == "claude-sonnet-4-6"


def test_short_calls_on_a_smaller_model():
    simple = [
        {"ago": 60 + n, "input_tokens": 1000, "output_tokens": 100, **ATTENDED} for n in range(40)
    ]
    other = [
        {**simple[0], "tools": 3},
        {**simple[0], "output_tokens": 5000},
        {**simple[0], "input_tokens": 50_000},
        {**simple[0], "thinking_tokens": 50},
        {**simple[0], "stop_reason": "max_tokens"},
        {**simple[0], "error_type": "api_error"},
        {**simple[0], "service_tier": "batch"},
    ]
    found = found_of(simple + other)
    one = found["smaller_model", "claude-opus-4-5"]
    assert one["calls"] == 40
    dear = 40 * (1000 * 5 + 100 * 25) / 1e6
    cheap = 40 * (1000 * 2 + 100 * 10) / 1e6
    assert one["usd"] == pytest.approx(dear - cheap)
    assert (
        one["arithmetic"]
        == "40 short calls cost $0.3000; their tokens on claude-sonnet-5-5 $0.1200"
    )
    assert not any(kind == "batch" for kind, _ in found)


def test_where_nothing_is_saved_nothing_is_said():
    none = {"calls": 30, "plain": 0, "read": 0, "short": 0, "long": 0, "output": 0}
    row = {"model": "claude-opus-4-5", "feature": None, **none}
    assert smaller_model([row], AT) == batchable([row], AT) == []


def test_cached_tokens_are_priced_as_such():
    call = {"input_tokens": 1000, "cache_read_tokens": 600, "cache_write_tokens": 200,
            "cache_write_1h_tokens": 50, "output_tokens": 100, **ATTENDED}  # fmt: skip
    found = found_of([{"ago": 60 + n, **call} for n in range(20)])
    dear = 200 * 5 + 600 * 0.5 + 150 * 6.25 + 50 * 10 + 100 * 25
    cheap = 200 * 2 + 600 * 0.1 + 150 * 2.5 + 50 * 4 + 100 * 10
    one = found["smaller_model", "claude-opus-4-5"]
    assert one["usd"] == pytest.approx(20 * (dear - cheap) / 1e6)


def test_a_conversation_that_is_sent_again_and_again():
    sizes = [10_000 + 1000 * n for n in range(20)]
    calls = [
        {"ago": 4000 - 60 * n, "input_tokens": size, "session_id": "s", **ATTENDED}
        for n, size in enumerate(sizes)
    ]
    one = found_of(calls)["prompt_caching", "claude-opus-4-5"]
    again = sum(sizes[:-1])
    new = sum(sizes) - again
    assert one["usd"] == pytest.approx((again * (5 - 0.5) - new * (6.25 - 5)) / 1e6)
    assert f"{again:,} repeated tokens" in one["arithmetic"]


@pytest.mark.parametrize(
    "change",
    [
        {"gap": 301},  # the cache would have been gone
        {"size": 4000},  # too short to be cached
        {"cache_read_tokens": 5000},  # is cached
        {"shrinks": True},
    ],
)
def test_no_caching_where_it_would_not_have_helped(change):
    gap, size = change.pop("gap", 60), change.pop("size", 10_000)
    falls = 10 if change.pop("shrinks", False) else 0
    calls = [
        {"ago": 20_000 - gap * n, "input_tokens": size - falls * n, "session_id": "s", **change}
        for n in range(30)
    ]
    assert not [kind for kind, _ in found_of(calls) if kind == "prompt_caching"]


def test_the_same_request_without_a_session():
    same = [{"ago": 4000 - n, "input_tokens": 8000, "body_size": 31_234} for n in range(25)]
    differing = [
        {"ago": 4000 - n, "input_tokens": 8000 + n, "body_size": 31_000 + n} for n in range(25)
    ]
    one = found_of(same + differing)["prompt_caching", "claude-opus-4-5"]
    assert one["calls"] == 25
    assert one["usd"] == pytest.approx((24 * 8000 * 4.5 - 8000 * 1.25) / 1e6)


def test_cache_writes_that_nothing_reads():
    plain = [{"ago": 9000 + n, "session_id": "other", **ATTENDED} for n in range(20)]
    write = {"input_tokens": 6000, "cache_write_tokens": 5000, **ATTENDED}
    read = {"input_tokens": 6000, "cache_read_tokens": 5000, **ATTENDED}
    calls = [
        {"ago": 8000, "session_id": "lost", **write},
        {"ago": 8000, "session_id": "used", **write},
        {"ago": 7800, "session_id": "used", **read},
        {"ago": 8000, "session_id": "late", **write},
        {"ago": 7600, "session_id": "late", **read},
        {"ago": 8000, "session_id": "hour", **write, "cache_write_1h_tokens": 5000},
        {"ago": 6000, "session_id": "hour", **read},
        {"ago": 8000, "session_id": "lost-hour", **write, "cache_write_1h_tokens": 5000},
        {"ago": 100, "session_id": "alive", **write},
    ]
    one = found_of(plain + calls)["unused_cache_writes", "claude-opus-4-5"]
    assert one["calls"] == 3  # lost, late, lost-hour
    assert one["usd"] == pytest.approx((2 * 5000 * 1.25 + 5000 * 5) / 1e6)
    assert one["arithmetic"] == "10,000 x ($6.25 - $5) + 5,000 x ($10 - $5), per 1M tokens"


@pytest.mark.parametrize(
    "more",
    [
        {"service_tier": "priority"},
        {"service_tier": "batch"},
        {"speed": "fast"},
        {"error_type": "x"},
    ],
)
def test_unused_writes_are_of_calls_at_the_full_price(more):
    plain = [{"ago": 9000 + n, "session_id": "other", **ATTENDED} for n in range(20)]
    write = {"input_tokens": 6000, "cache_write_tokens": 5000, **ATTENDED}
    lost = {"ago": 8000, "session_id": "lost", **write}
    # Whoever reads what was written makes use of it.
    used = {"ago": 7000, "session_id": "used", **write}
    reader = {"ago": 6900, "session_id": "used", "cache_read_tokens": 5000, **ATTENDED}
    found = found_of([*plain, {**lost, **more}, used, {**reader, **more}])
    assert not [key for key in found if key[0] == "unused_cache_writes"]
    assert ("unused_cache_writes", "claude-opus-4-5") in found_of([*plain, lost])


def test_bulk_work_that_nobody_waits_for():
    first = DAY_BEFORE.end // (3600 * SECOND) * 3600  # a whole hour
    ago = NOW / SECOND - first + 3000
    bulk = [
        {"ago": ago - n, "feature": "tagging", "input_tokens": 5000, "output_tokens": 400}
        for n in range(30)
    ]
    few = [{"ago": ago - n, "feature": "rare", "input_tokens": 5000} for n in range(19)]
    watched = [{"ago": ago - n, "feature": "chat", "user_id": "u"} for n in range(30)]
    found = found_of(bulk + few + watched)
    kinds = {key: one for (kind, key), one in found.items() if kind == "batch"}
    assert list(kinds) == ["tagging, claude-opus-4-5"]
    one = kinds["tagging, claude-opus-4-5"]
    assert one["usd"] == pytest.approx(30 * (5000 * 5 + 400 * 25) / 2 / 1e6)


def test_limits_far_above_what_is_written():
    wide = [
        {"ago": 60 + n, "feature": "tags", "max_tokens": 32_000, "output_tokens": 100 + n}
        for n in range(30)
    ]
    fitting = [
        {"ago": 60 + n, "feature": "essay", "max_tokens": 4096, "output_tokens": 900}
        for n in range(30)
    ]
    found = found_of(wide + fitting)
    kinds = {key: one for (kind, key), one in found.items() if kind == "max_tokens"}
    assert list(kinds) == ["tags, claude-opus-4-5"]
    one = kinds["tags, claude-opus-4-5"]
    assert one["usd"] == 0
    assert "Ask for 512" in one["advice"]  # twice 129, rounded up


def test_too_few_calls():
    store = store_of([{"ago": 60}] * 19)
    found = savings_of(store, DAY_BEFORE, Filters())
    store.close()
    assert found == {
        "reason": "not enough data: 19 calls at the full price, of 20",
        "calls": 19,
        "savings": [],
    }


def test_only_the_calls_that_are_asked_about():
    calls = [{"ago": 60 + n, "feature": "a", **ATTENDED} for n in range(25)]
    calls += [{"ago": 60 + n, "feature": "b", **ATTENDED} for n in range(25)]
    found = found_of(calls, equal={"feature": ("a",)})
    assert found["smaller_model", "claude-opus-4-5"]["calls"] == 25
