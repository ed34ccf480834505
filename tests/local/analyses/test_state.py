"""Weeks, quarters of an hour and missed caches whose figures are known."""

from __future__ import annotations

import pytest

from otel_claude.local.analyses.changes import changes, share
from otel_claude.local.queries.filters import Filters
from otel_claude.local.queries.state import misses_of, reliability_of, weekly_of
from tests.local.analyses.stored import DAY_BEFORE, NOW, store_of

DAY = 86_400
FAILED = {"error_type": "overloaded_error", "error_category": "overloaded"}


def asked(calls, ask, **more):
    store = store_of(calls)
    try:
        return ask(store, **more)
    finally:
        store.close()


def test_the_largest_changes_first():
    found = changes(
        {"a": 5.0, "b": 1.0, None: 2.0, "same": 3.0}, {"a": 1.0, "gone": 6.0, "same": 3.0}
    )
    assert [(one.key, one.by) for one in found] == [("gone", -6), ("a", 4), (None, 2), ("b", 1)]
    assert [one.key for one in changes({"a": 5.0, "b": 1.0}, {}, limit=1)] == ["a"]


def test_shares():
    assert share(3.0, 2.0) == pytest.approx(0.5)
    assert share(3.0, 0.0) is None
    assert share(None, 2.0) is None
    assert share(2.0, None) is None


def test_a_week_against_the_week_before():
    calls = [
        {"ago": 13.5 * DAY, "cost": 2.0, "model": "a"},
        {"ago": 8 * DAY, "cost": 2.0, "model": "b"},
    ]
    calls += [{"ago": n * DAY + 60, "cost": 1.0, "model": "a"} for n in range(6)]
    found = asked(calls, weekly_of, filters=Filters(), now=NOW)
    assert found["reason"] is None
    assert (found["totals"]["cost_usd"], found["before"]["cost_usd"]) == (6.0, 4.0)
    assert found["change"]["cost_usd"] == pytest.approx(0.5)
    assert found["change"]["calls"] == pytest.approx(2.0)
    by_model = {one["key"]: one["by_usd"] for one in found["changes"]["model"]}
    assert by_model == {"a": 4.0, "b": -2.0}


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([], "0.0 days are known"),
        ([{"ago": 3 * DAY}], "3.0 days are known"),
        ([{"ago": 12 * DAY}, {"ago": 60}], "12.0 days are known"),
        ([{"ago": 20 * DAY}, {"ago": 60}], "no such call in the week before"),
    ],
)
def test_no_week_to_compare_with(calls, said):
    found = asked(calls, weekly_of, filters=Filters(), now=NOW)
    assert found["reason"].startswith("not enough data: ")
    assert said in found["reason"]
    assert found["before"] is None
    assert found["changes"] == {}
    assert set(found["change"].values()) == {None}


@pytest.mark.parametrize(
    ("failures", "state"),
    [(0, "well"), (1, "well"), (2, "degraded"), (10, "degraded"), (11, "down")],
)
def test_the_last_quarter_of_an_hour(failures, state):
    # The first ones failed: the last call did not, but where all that follow did.
    calls = [{"ago": 800 - n, **(FAILED if n < failures else {})} for n in range(20)]
    old = [{"ago": 1000, **FAILED}] * 50
    found = asked(calls + old, reliability_of, filters=Filters(), now=NOW)
    assert found["state"] == state
    assert found["totals"]["success_rate"] == pytest.approx(1 - failures / 20)
    assert found["errors_in_a_row"] == 0
    assert found["by_category"] == (
        [{"category": "overloaded", "errors": failures}] if failures else []
    )
    interval = found["success_interval"]
    assert interval["low"] < 1 - failures / 20 <= interval["high"]


def test_errors_in_a_row():
    calls = [{"ago": 800 - n, **(FAILED if n in (3, 17, 18, 19) else {})} for n in range(20)]
    assert asked(calls, reliability_of, filters=Filters(), now=NOW)["errors_in_a_row"] == 3


def test_too_quiet_to_tell():
    found = asked([{"ago": 60}] * 9, reliability_of, filters=Filters(), now=NOW)
    assert found["reason"] == "not enough data: 9 calls in 15 minutes, of 10"
    assert found["state"] is None


def test_missed_caches_in_dollars():
    miss = {"ago": 60, "cache_miss_reason": "tools_changed", "cache_missed_tokens": 10_000}
    calls = [
        {**miss, "cache_write_tokens": 6000},  # 6,000 written again, 4,000 sent as plain input
        {**miss, "cache_write_tokens": 20_000},  # of which 10,000 would have been read
        {
            **miss,
            "cache_miss_reason": "unavailable",
            "cache_missed_tokens": None,
            "cache_write_tokens": 6000,
        },
        {**miss, "model": "unheard-of"},
        {"ago": 60},
    ]
    found = asked(calls, misses_of, period=DAY_BEFORE, filters=Filters())
    assert found["reason"] is None
    first, *others = found["misses"]
    usd = (16_000 * (6.25 - 0.5) + 4_000 * (5 - 0.5)) / 1e6
    assert first == {
        "cause": "tools_changed", "model": "claude-opus-4-5", "calls": 2, "tokens": 20_000,
        "usd": pytest.approx(usd),
    }  # fmt: skip
    assert {(one["cause"], one["usd"]) for one in others} == {
        ("unavailable", 0.0),
        ("tools_changed", None),
    }


def test_responses_that_do_not_say_why():
    found = asked([{"ago": 60}], misses_of, period=DAY_BEFORE, filters=Filters())
    assert found["misses"] == []
    assert found["reason"].startswith("not enough data")
